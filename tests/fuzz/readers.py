"""The readers that are fuzzed, each as a function of any bytes and a folder to write them to.

They may raise InputError or AudioError of one line, which `check` demands, and nothing else.
"""

from __future__ import annotations

import functools
import io
import shutil
from contextlib import redirect_stderr
from pathlib import Path
from zlib import crc32

import torch

from asda.audio.audio_error import AudioError
from asda.audio.hdf5 import packed_clips, stated_rate
from asda.audio.waveform import audio_duration, read_audio
from asda.checkpoint.foreign.safetensors import read_safetensors, write_safetensors
from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import SavedModel
from asda.checkpoint.tensor_files import load as load_tensors
from asda.configuration import load, read_yaml, to_dict
from asda.corpus.csv_table import CsvTable
from asda.corpus.datadir import DataDir, read_table
from asda.dataset.data_config import DataConfig
from asda.features.archive import ArchiveReader
from asda.features.fbank_config import FbankConfig
from asda.features.moments import read_moments
from asda.files import InputError
from asda.model.model_config import ModelConfig
from asda.registry.unpacking import unpack
from asda.scoring.compare import read_result
from asda.scoring.predictions import ScoredClips

CORPUS = Path(__file__).parent / "corpus"
COMPRESSED = (b"\0BCM ", b"\0BCM2 ", b"\0BCM3 ", b"\0BFM ", b"\0BDM ")


def table(data: bytes, folder: Path) -> None:
    for name in ("wav.scp", "segments", "labels.txt", "utt2label", "utt2dur"):
        (folder / name).write_bytes(data)
    directory = DataDir(folder)
    for read in (
        lambda: read_table(folder / "wav.scp"),
        lambda: read_moments(folder / "wav.scp"),
        lambda: directory.numbers("utt2dur"),
        lambda: directory.labels,
        lambda: directory.utt2label,
        directory.segments,
        directory.audio_sources,
    ):
        allow(read, folder)


def wav_scp(data: bytes, folder: Path) -> None:
    (folder / "a").write_bytes(data)
    source = data.decode(errors="surrogateescape").replace("{}", str(folder))
    allow(lambda: audio_duration(source))
    allow(lambda: read_audio(source))


def archive(data: bytes, folder: Path) -> None:
    (folder / "a.ark").write_bytes(data)
    for place in ("", ":0", ":2", ":0[0:1]", "[0:1,0:0]"):
        allow(lambda place=place: ArchiveReader().read(f"{folder}/a.ark{place}"), folder)


def compressed(data: bytes, folder: Path) -> None:
    start = COMPRESSED[data[0] % len(COMPRESSED)] if data else b""
    (folder / "a.ark").write_bytes(b"x " + start + data[1:])
    for rows in ("", "[0:1]"):
        allow(lambda rows=rows: ArchiveReader().read(f"{folder}/a.ark:2{rows}"), folder)


def safetensors(data: bytes, folder: Path) -> None:
    (folder / "a.safetensors").write_bytes(data)
    read_safetensors(folder / "a.safetensors")


def checkpoint(data: bytes, folder: Path) -> None:
    (folder / "model.pt").write_bytes(data)
    allow(lambda: read_model(folder / "model.pt"), folder)
    allow(lambda: load_tensors(folder / "model.pt", "state"), folder)


@functools.cache
def tiny_model() -> SavedModel:
    """Return an encoder of a few kilobytes."""
    config = ModelConfig(size="tiny", depth=1, width=16, heads=2)
    saved = SavedModel(
        kind="encoder",
        model=to_dict(config.resolved()),
        weights={},
        normalization={"mean": -4.0, "std": 4.5},
        fbank=to_dict(FbankConfig()),
        data=to_dict(DataConfig(max_frames=64)),
        output="tokens",
    )
    saved.weights = {name: torch.zeros(t.shape) for name, t in saved.expected_tensors().items()}
    return saved


def export(data: bytes, folder: Path) -> None:
    write_safetensors(tiny_model().weights, folder / "model.safetensors")
    (folder / "config.json").write_bytes(data)
    read_model(folder / "model.safetensors")


def csv(data: bytes, folder: Path) -> None:
    (folder / "a.csv").write_bytes(data)
    list(CsvTable(folder / "a.csv", ["file", "label"], "correct it"))


def yaml(data: bytes, folder: Path) -> None:
    (folder / "a.yaml").write_bytes(data)
    read_yaml(folder / "a.yaml")
    load(FbankConfig, folder / "a.yaml")


def hdf5_names(data: bytes, folder: Path) -> None:
    import h5py

    name, _, wanted = data.partition(b"\n")
    path = folder / f"{crc32(data)}.h5"  # files stay open under their names
    with h5py.File(path, "w") as file:
        try:
            file[name] = [0.5, -0.5, 0.25]
            file["link"] = h5py.SoftLink(wanted)
        except (ValueError, OSError, RuntimeError, TypeError):
            return  # HDF5 refuses such names itself
    text = wanted.decode(errors="surrogateescape")
    for source in (
        f"{path}@16000:{text}",
        f"{path}@16000:link",
        f"{path}{text}",
    ):
        allow(lambda source=source: read_audio(source))
        allow(lambda source=source: audio_duration(source))


def hdf5(data: bytes, folder: Path) -> None:
    path = str(folder / f"{crc32(data)}.h5")
    Path(path).write_bytes(data)
    allow(lambda: stated_rate(path))
    with redirect_stderr(io.StringIO()):  # what cannot be a clip is named there
        allow(lambda: list(packed_clips(path)))
    for clip in ("0", "x/y"):
        allow(lambda clip=clip: audio_duration(f"{path}@16000:{clip}"))
        allow(lambda clip=clip: read_audio(f"{path}@16000:{clip}", end=1.0))


def unpacking(data: bytes, folder: Path) -> None:
    for name in ("a.zip", "a.tar"):
        (folder / name).write_bytes(data)
        allow(lambda name=name: unpack(folder / name, folder / "out", 1), folder)


def audio(data: bytes, folder: Path) -> None:
    for name in ("a.wav", "a.mp3"):
        (folder / name).write_bytes(data)
        allow(lambda name=name: audio_duration(f"{folder}/{name}"))
        allow(lambda name=name: read_audio(f"{folder}/{name}", end=1.0))


def results(data: bytes, folder: Path) -> None:
    (folder / "result.json").write_bytes(data)
    (folder / "scores.npz").write_bytes(data)
    allow(lambda: read_result(folder), folder)
    allow(lambda: ScoredClips.load(folder), folder)


READERS = {
    reader.__name__: reader
    for reader in (
        table,
        wav_scp,
        archive,
        compressed,
        safetensors,
        checkpoint,
        export,
        csv,
        yaml,
        hdf5_names,
        hdf5,
        unpacking,
        audio,
        results,
    )
}


def allow(read, folder: Path | None = None) -> None:
    """Call a reader; let it refuse in one line, which names a file in `folder` if that is given."""
    try:
        read()
    except (InputError, AudioError) as error:
        said = str(error)
        listed = ": " in said and " lines are wrong\n  " in said  # several bad lines of a CSV
        assert listed or "\n" not in said, f"several lines: {said!r}"
        assert folder is None or said.startswith(str(folder)), f"names no file: {said!r}"


def check(name: str, data: bytes, folder: Path) -> None:
    """Give bytes to a reader, in a folder that is emptied."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    allow(lambda: READERS[name](data, folder), None if name in ("audio", "wav_scp") else folder)
