"""The cache of embeddings: a folder for each data directory, model and choice of layers.

A folder is named by digests of the model's weights and input, of the audio, and of what is kept. It
holds pooled.npy and lengths.npy, tokens.bin if tokens are kept, and meta.json; see `ClipEmbeddings`
for their content. It appears when it is complete.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from asda.audio.wav_scp import AudioSegment
from asda.configuration import to_dict
from asda.corpus.audio_fingerprints import audio_fingerprints
from asda.corpus.datadir import DataDir
from asda.digests import DIGITS, table_digest, value_digest
from asda.files import InputError, readable_duration, readable_size, write_json
from asda.inference.audio_model import AudioModel
from asda.inference.computations import encoder_of
from asda.probing.clip_embeddings import ClipEmbeddings, Contents
from asda.probing.embedding_pass import EmbeddingPass
from asda.staging import staged

VERSION = 1  # of the content of a folder


class EmbeddingCache:
    """Embeddings of data directories by one model.

    Args:
        folder: of the cache
        model: the model
        limit: largest size of a data directory's embeddings in bytes
    """

    def __init__(self, folder: Path, model: AudioModel, limit: float):
        self.folder, self.model, self.limit = folder, model, limit
        self.encoder_digest = encoder_digest(model)

    def get(self, directory: DataDir, contents: Contents) -> ClipEmbeddings:
        """Return the embeddings of a data directory, computed if they are not there yet.

        Raises:
            InputError: if no clip can be used, the embeddings are larger than the limit, or those
                in the cache are damaged.
        """
        segments = directory.utterance_audio()
        audio = table_digest(list(segments), audio_fingerprints(segments))
        prefix = f"{self.encoder_digest}-{audio}-"
        for path in sorted(self.folder.glob(f"{prefix}*/meta.json")):
            with _named_if_damaged(path.parent):
                meta = json.loads(path.read_text(encoding="utf-8"))
                if Contents(tuple(meta["layers"]), meta["tokens"]).include(contents):
                    found = _read(path.parent, meta)
                    print(f"{directory.path}: embeddings of {path.parent}")
                    return found
        path = self.folder / f"{prefix}{value_digest(list(contents))}"
        started = time.monotonic()
        with staged(path) as folder:
            meta = self._write(folder, directory.path, segments, contents)
        size = sum(file.stat().st_size for file in path.iterdir())
        seconds = readable_duration(time.monotonic() - started, precise=True)
        count = len(meta["utterances"])
        print(f"{directory.path}: {count} clips embedded in {seconds}, {readable_size(size)}")
        return _read(path, meta)

    def _write(
        self,
        folder: Path,
        where: Path,
        segments: Mapping[str, AudioSegment],
        contents: Contents,
    ) -> dict[str, Any]:
        """Write the files of a folder and return the content of meta.json."""
        folder.mkdir()
        embedding = EmbeddingPass(self.model, contents, self.limit, where)
        with open(folder / "tokens.bin", "wb") as stream:
            passed = embedding.run(segments, stream)
        np.save(folder / "pooled.npy", passed.pooled)
        np.save(folder / "lengths.npy", passed.lengths)
        meta = {
            "layers": list(contents.layers),
            "tokens": contents.tokens,
            "utterances": passed.utterances,
            "bad": passed.bad,
        }
        write_json(folder / "meta.json", meta)
        return meta


@contextmanager
def _named_if_damaged(folder: Path) -> Iterator[None]:
    """Turn the errors of reading damaged files into one that names their folder."""
    try:
        yield
    except (ValueError, KeyError, IndexError, TypeError, EOFError, FileNotFoundError):
        raise InputError(
            f"{folder}: damaged embeddings; remove this folder and repeat the call"
        ) from None


def _read(folder: Path, meta: dict[str, Any]) -> ClipEmbeddings:
    pooled = np.load(folder / "pooled.npy", allow_pickle=False)
    lengths = np.load(folder / "lengths.npy", allow_pickle=False)
    tokens = None
    if meta["tokens"]:
        shape = int(lengths.sum()), pooled.shape[1], pooled.shape[3]
        # A view of the base class: slices of np.memmap itself are slow to make.
        tokens = np.asarray(np.memmap(folder / "tokens.bin", np.float16, "r", shape=shape))
    return ClipEmbeddings(meta["utterances"], meta["bad"], meta["layers"], pooled, lengths, tokens)


def encoder_digest(model: AudioModel) -> str:
    """Return a digest of all by which a model's encoder makes embeddings of audio."""
    saved = model.saved
    settings = {
        "version": VERSION,
        "model": to_dict(saved.config),
        "fbank": to_dict(model.fbank.config),
        "normalization": saved.normalization,
        "data": saved.data,
        "precision": model.precision,
    }
    sha = hashlib.sha256(value_digest(settings).encode())
    for name, tensor in sorted(encoder_of(model.network).state_dict().items()):
        sha.update(name.encode())
        sha.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
    return sha.hexdigest()[:DIGITS]
