"""Data directories for tests."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path


def write(folder: Path, **files: str) -> Path:
    """Write files of a data directory; `wav_scp` is wav.scp and `labels_txt` labels.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        name = {"wav_scp": "wav.scp", "feats_scp": "feats.scp", "labels_txt": "labels.txt"}.get(
            name, name
        )
        (folder / name).write_bytes(text.encode())
    return folder


def lines(table: Mapping[str, str]) -> str:
    return "".join(f"{key} {table[key]}\n" for key in sorted(table, key=str.encode))


def make(folder: Path, speakers: Mapping[str, int]) -> Path:
    """Write a valid directory: speaker -> number of utterances; audio need not exist."""
    utt2spk = {
        f"{name}-{index:02d}": name for name, count in speakers.items() for index in range(count)
    }
    spk2utt = {
        name: " ".join(sorted(utt for utt, spk in utt2spk.items() if spk == name))
        for name in utt2spk.values()
    }
    return write(
        folder,
        utt2spk=lines(utt2spk),
        spk2utt=lines(spk2utt),
        wav_scp=lines({utt: f"sox {utt}.wav -t wav - |" for utt in utt2spk}),
        utt2label=lines({utt: "dog cat" if utt.endswith("1") else "cat" for utt in utt2spk}),
        utt2dur=lines({utt: f"{1 + int(utt[-2:]) % 3}.5" for utt in utt2spk}),
        labels_txt="cat\ndog\n",
    )


def keys(path: Path) -> list[str]:
    return [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines()]


def shell(command: str, folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "LC_ALL": "C", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )
