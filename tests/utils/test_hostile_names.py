"""Names of folders, files, utterances and labels reach no shell: all are data."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from asda.corpus.datadir import read_table
from asda.corpus.write import write_data_dir

ATTACKS = [
    "$(touch${IFS}owned)",
    "`touch${IFS}owned`",
    ";touch${IFS}owned;",
    "'\"&|%j%a\\n*",
    "-rf",
    "{a,b}~!#",
]


def run(repository, folder, *words):
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    return subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(repository)},
    )


@pytest.fixture
def hostile(tmp_path):
    """A data directory in which everything that has a name is called like an attack."""
    place = tmp_path / "a $(touch owned) & 'b' \"c\" \\n %j JOB"
    place.mkdir()
    audio = {}
    for seed, name in enumerate(ATTACKS):
        file = place / f"{name} x.wav"
        soundfile.write(file, np.random.default_rng(seed).normal(0, 0.1, 4000), 16000)
        audio[f"u{name}"] = str(file)
    labels = {utterance: f"l{utterance}" for utterance in audio}
    tables = {"wav.scp": audio, "utt2label": labels}
    write_data_dir(place / "data", tables, sorted(labels.values()))
    return place


@pytest.mark.slow
def test_a_dump_of_hostile_names(repository, hostile):
    utils = repository / "utils"
    dump = [utils / "dump_fbank.sh", "--nj", "2", hostile / "dump 'x' $(touch owned)", "data"]
    for words in (
        [utils / "validate_data_dir.sh", "--no-feats", "data"],
        [utils / "split_data.sh", "data", "2"],
        [utils / "copy_data_dir.sh", "--utt-prefix", "$(touch${IFS}owned)-", "data", "copy"],
        dump,
        [utils / "check_dump.sh", dump[-2]],
    ):
        done = run(repository, hostile, *words)
        assert done.returncode == 0, done.stdout + done.stderr
    found = read_table(hostile / dump[-2] / "feats.scp")
    assert sorted(found) == sorted(f"u{name}" for name in ATTACKS)
    assert not list(hostile.rglob("owned"))


def test_the_attacks_are_real(tmp_path):
    for name in ATTACKS[:3]:
        subprocess.run(["bash", "-c", f"echo u{name}"], cwd=tmp_path, capture_output=True)
        assert (tmp_path / "owned").exists(), name
        (tmp_path / "owned").unlink()
