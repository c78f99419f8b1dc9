"""tools/free_audio: what is taken from packages, what is left out, and what is written of it."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest
import soundfile

from asda.corpus.datadir import DataDir

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb makes the packages"),
]
LIST = """
music: '(^|/)music/'
packages:
  prompts-wav: {why: prompts, kind: prompts, language: en}
  game-data: {why: a game, speech: /voices/, language: 'voices/([a-z]+)/', drop: jingle}
"""
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-2+

Files: data/voices/*
License: CC-BY-3.0
"""


def noise(seed: int, seconds: float = 1.0, rate: int = 16000) -> np.ndarray:
    """Noise below 3 kHz, so that it is the same sound at any rate."""
    samples = np.random.default_rng(seed).normal(size=round(seconds * 8000))
    samples *= np.repeat(np.random.default_rng(seed + 99).uniform(0.1, 1, 20), len(samples) // 20)
    spectrum = np.fft.rfft(samples)
    spectrum[round(len(spectrum) * 0.75) :] = 0
    wider = np.fft.irfft(spectrum, round(seconds * rate)) * rate / 8000
    return 0.5 * wider / np.abs(wider).max()


def encoded(samples: np.ndarray, rate: int, form: str) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.round(samples * 32767).astype(np.int16), rate, format=form)
    return stream.getvalue()


def make_package(folder, name: str, files: dict[str, bytes]):
    root = folder / f"{name}.tree"
    control = f"Package: {name}\nVersion: 1.2\nArchitecture: all\nMaintainer: A\nDescription: b\n"
    files = {**files, f"usr/share/doc/{name}/copyright": COPYRIGHT.encode()}
    for path, content in {**files, "DEBIAN/control": control.encode()}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    deb = folder / f"{name}_1.2_all.deb"
    subprocess.run(["dpkg-deb", "-Zgzip", "--build", root, deb], check=True, capture_output=True)
    return deb


def game(prompt: np.ndarray) -> dict[str, bytes]:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("sounds/inside.wav", encoded(noise(5), 16000, "WAV"))
    base = "usr/share/games/game/data/"
    sounds = {
        "music/song.ogg": encoded(noise(1), 16000, "OGG"),
        "sounds/jingle.wav": encoded(noise(2), 16000, "WAV"),
        "sounds/bang.wav": encoded(noise(3), 16000, "WAV"),
        "sounds/copy.flac": encoded(noise(3), 16000, "FLAC"),
        "sounds/other_rate.ogg": encoded(0.5 * noise(3, rate=8000), 8000, "OGG"),
        "sounds/silent.wav": encoded(np.zeros(16000), 16000, "WAV"),
        "sounds/short.wav": encoded(noise(4, 0.2), 16000, "WAV"),
        "sounds/long.wav": encoded(noise(4, 70.0, 8000), 8000, "WAV"),
        "sounds/prompt.wav": encoded(prompt, 16000, "WAV"),
        "voices/de/hallo.wav": encoded(noise(6), 16000, "WAV"),
        "base.pk3": zipped.getvalue(),
    }
    return {base + path: content for path, content in sounds.items()}


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """A collection of two packages, which apt is not asked for because they are there."""
    folder = tmp_path_factory.mktemp("free")
    (folder / "packages").mkdir()
    (folder / "list.yaml").write_text(LIST)
    prompt = noise(7)
    make_package(folder / "packages", "game-data", game(prompt))
    said = {"usr/share/prompts/en/one.wav": encoded(prompt, 16000, "WAV")}
    make_package(folder / "packages", "prompts-wav", said)
    run(folder)
    return folder


def run(folder) -> str:
    from conftest import ROOT

    script = ROOT / "tools/free_audio/collect.py"
    # apt-get only has to exist: the packages are in the folder.
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "apt-get").write_text("#!/bin/sh\nexit 1\n")
    (programs / "apt-get").chmod(0o755)
    done = subprocess.run(
        [sys.executable, script, folder, "--packages", folder / "list.yaml"],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
    )
    assert not done.returncode, done.stderr
    return done.stdout


def dropped(folder) -> dict[str, str]:
    lines = (folder / "dropped.tsv").read_text().splitlines()[1:]
    return {line.split("\t")[0].rpartition("/")[2]: line.split("\t")[2] for line in lines}


def kept(folder, name: str) -> list[str]:
    return sorted(
        path.rpartition("/")[2]
        for path in DataDir(folder / "data" / name).table("wav.scp").values()
    )


def test_music_silence_and_wrong_lengths_are_dropped(collection):
    reasons = dropped(collection)
    assert reasons["song.ogg"] == "music"
    assert reasons["jingle.wav"] == "listed"
    assert reasons["silent.wav"] == "silent"
    assert (reasons["short.wav"], reasons["long.wav"]) == ("too short", "too long")


def test_a_sound_in_another_format_rate_or_level_is_kept_once(collection):
    reasons = dropped(collection)
    assert reasons["copy.flac"] == "identical"
    assert reasons["other_rate.ogg"] == "same sound"
    assert kept(collection, "sound") == ["bang.wav", "inside.wav"]


def test_prompts_are_in_a_directory_of_their_own_and_their_copies_in_none(collection):
    assert kept(collection, "prompts") == ["one.wav"]
    assert dropped(collection)["prompt.wav"] == "identical"
    assert kept(collection, "all") == ["bang.wav", "hallo.wav", "inside.wav"]


def test_speakers_and_languages_come_from_the_path(collection):
    speech = DataDir(collection / "data/speech")
    assert set(speech.table("utt2spk").values()) == {"game-data-de"}
    assert set(speech.table("utt2lang").values()) == {"de"}


def test_licences_are_those_of_the_files(collection):
    header, *lines = (collection / "packages.tsv").read_text().splitlines()
    table = {
        line.split("\t")[0]: dict(zip(header.split("\t"), line.split("\t"), strict=True))
        for line in lines
    }
    assert table["game-data"]["licences"] == "GPL-2+ (2), CC-BY-3.0 (1)"
    assert (table["game-data"]["files"], table["game-data"]["kept"]) == ("11", "3")
    assert (table["game-data"]["version"], table["game-data"]["sound h"]) == ("1.2", "0.001")


@pytest.mark.parametrize("name", ["speech", "sound", "all", "prompts"])
def test_the_data_directories_are_valid(collection, name):
    command = [sys.executable, "-m", "asda", "data", "validate", "--no-feats"]
    done = subprocess.run([*command, collection / "data" / name], capture_output=True, text=True)
    assert not done.returncode, done.stderr


def test_a_second_call_does_nothing(collection):
    before = {path: path.stat().st_mtime_ns for path in collection.rglob("*.tsv")}
    assert run(collection).endswith("complete; nothing to do\n")
    assert before == {path: path.stat().st_mtime_ns for path in collection.rglob("*.tsv")}


@pytest.mark.parametrize("name", ["../../outside.wav", "/outside.wav"])
def test_members_that_lead_out_of_the_folder_are_refused(repository, tmp_path, monkeypatch, name):
    monkeypatch.syspath_prepend(repository / "tools/free_audio")
    from debian_packages import _unpack_members

    from asda.files import InputError

    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    stream.seek(0)
    (tmp_path / "folder").mkdir()
    with tarfile.open(fileobj=stream) as archive, pytest.raises(InputError, match="out of the"):
        _unpack_members(archive, "game-data", tmp_path / "folder")
    assert not (tmp_path / "outside.wav").exists()


def test_names_in_zip_files_that_lead_out_of_the_folder_are_refused(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "tools/free_audio")
    from debian_packages import _zipped_audio

    from asda.files import InputError

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../outside.wav", b"RIFF")
    stream.seek(0)
    with pytest.raises(InputError, match=r"'../outside\.wav'; it is refused"):
        list(_zipped_audio(stream))
