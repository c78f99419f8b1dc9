"""Write corpus/READER/*: a few small inputs of each reader, from which fuzzing starts."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile

import h5py
import kaldiio
import numpy as np
import readers
import soundfile
import torch

from asda.checkpoint.foreign.asda_export import SECTIONS
from asda.configuration import to_dict
from asda.features.archive_writer import write_matrix
from asda.features.fbank_config import FbankConfig
from asda.scoring.predictions import ScoredClips

CORPUS = readers.CORPUS
MATRIX = np.linspace(-9, 2, 12, dtype=np.float32).reshape(4, 3)


def put(reader: str, **contents: bytes) -> None:
    for name, content in contents.items():
        (CORPUS / reader).mkdir(parents=True, exist_ok=True)
        (CORPUS / reader / name).write_bytes(content)


def matrices() -> dict[str, bytes]:
    """Return a matrix in every format that asda reads, without its key."""
    found = {}
    for compression in ("none", "1", "2", "3", "4", "5", "6", "7"):
        stream = io.BytesIO()
        offset = write_matrix(stream, "x", MATRIX.clip(0, 1), compression)
        found[f"method_{compression}"] = stream.getvalue()[offset:]
    for name, options in {"double": {}, "text": {"text": True}}.items():
        path = CORPUS / "x.ark"
        kaldiio.save_ark(str(path), {"x": MATRIX.astype(np.float64)}, **options)
        found[name] = path.read_bytes()[2:]
        path.unlink()
    return found


def sound(kind: str, subtype: str | None = None) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.sin(np.arange(400) / 5), 8000, format=kind, subtype=subtype)
    return stream.getvalue()


def checkpoints() -> dict[str, bytes]:
    found = {}
    for name, zipped in {"zip": True, "old": False}.items():
        stream = io.BytesIO()
        torch.save(readers.tiny_model().content(), stream, _use_new_zipfile_serialization=zipped)
        found[name] = stream.getvalue()
    return found


def settings() -> bytes:
    content = readers.tiny_model().content()
    head = {"head": {}, "version": "0.2.0"}
    config = {"model_type": "asda", "asda": {name: content[name] for name in SECTIONS} | head}
    return json.dumps(config).encode()


def packed() -> dict[str, bytes]:
    tar, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, kind, link in (
            ("d/a", tarfile.REGTYPE, ""),
            ("d/b", tarfile.SYMTYPE, "a"),
            ("d/c", tarfile.LNKTYPE, "d/a"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, link, 3 * (not link)
            archive.addfile(member, io.BytesIO(b"abc"))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d/a.wav", b"abc" * 50)
    return {"tar": tar.getvalue(), "zip": zipped.getvalue()}


def hdf5_files() -> dict[str, bytes]:
    found = {}
    for name, clip in {"rows": "waveform", "clips": "x/y"}.items():
        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            file.create_dataset(clip, data=np.ones((1, 20), np.int16), chunks=True, shuffle=True)
            file["audio_name"] = [b"a.wav"]
            file["sample_rate"] = 16000
            file["link"] = h5py.ExternalLink("a.h5", "/x")
        found[name] = stream.getvalue()
    return found


def scores() -> dict[str, bytes]:
    eye = np.eye(2)
    found = ScoredClips(
        np.array(["a", "b"]), eye.astype(np.float32), eye.astype(np.uint8), np.array(["x", "y"])
    )
    folder = CORPUS / "results"
    folder.mkdir(parents=True, exist_ok=True)
    found.save(folder)
    (folder / "scores.npz").rename(folder / "scores")
    return {"scores": (folder / "scores").read_bytes(), "result": b'{"metrics": {}, "clips": {}}'}


def main() -> None:
    put(
        "table", spoken=b"a one two\nb three\n", segments=b"a r 0 1.5\nb r 2 -1\n", labels=b"x\ny\n"
    )
    put("table", moments=b"a 3 0.5 1e3\n", mark=b"\xef\xbb\xbfa 1\n", latin=b"a \xe9\n")
    put("wav_scp", file=b"{}/a", part=b"{}/a:12", pack=b"{}/a.h5@16000:x/y", pipe=b"cat {}/a |")
    put("archive", **{name: b"x " + content for name, content in matrices().items()})
    put("archive", pickled=b"x PKL\x80\x04N.", array=b"x NPY\x01\x05\x93NUMPY")
    put(
        "compressed",
        **{
            name: bytes([readers.COMPRESSED.index(content[: content.index(b" ") + 1])])
            + content[content.index(b" ") + 1 :]
            for name, content in matrices().items()
            if content.startswith(b"\0B")
        },
    )
    path = CORPUS / "x.safetensors"
    readers.write_safetensors({"w": torch.ones(2, 3), "n": torch.tensor(4)}, path)
    put("safetensors", two=path.read_bytes())
    path.unlink()
    put("checkpoint", **checkpoints())
    put("export", encoder=settings())
    put("csv", commas=b'file,label\na.wav,"x, y"\n', tabs=b"sep=\t\nfile\tlabel\na\tb\n")
    yaml = "".join(f"{key}: {value}\n" for key, value in to_dict(FbankConfig()).items())
    put("yaml", fbank=yaml.encode(), types=b"a: !!int 1\nb: &x [2001-01-01, *x]\n<<: {c: 0x1}\n")
    put("hdf5_names", path=b"a/b\na/b", link=b"x\n/x", row=b"waveform\n0", broken=b"x\n../link")
    put("hdf5", **hdf5_files())
    put("unpacking", **packed())
    put("audio", wav=sound("WAV"), ulaw=sound("WAV", "ULAW"), flac=sound("FLAC"))
    put("audio", ogg=sound("OGG"), mp3=sound("MP3"), aiff=sound("AIFF"), w64=sound("W64"))
    put("audio", mp4=b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42\0\0\0\x08free\0\0\0\x10moovmvhd")
    put("results", **scores())


if __name__ == "__main__":
    main()
