"""egs/fsdd/local/data.py: which clips stand in which data directory."""

import os
import subprocess
import sys

import pytest
from recipes.copies import copy_recipe, run, succeed
from recipes.servers import pack, serve

from asda.corpus.datadir import DataDir

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")


def prepare(repository, corpus, data):
    return subprocess.run(
        [sys.executable, repository / "egs/fsdd/local/data.py", corpus, data],
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def data(repository, tmp_path_factory):
    """Data directories of a corpus with all of its names (and no sound)."""
    folder = tmp_path_factory.mktemp("fsdd")
    recordings = folder / "corpus/recordings"
    recordings.mkdir(parents=True)
    for speaker in SPEAKERS:
        for digit in range(10):
            for index in range(50):
                (recordings / f"{digit}_{speaker}_{index}.wav").touch()
    (recordings / "README.wav").touch()  # of another form: left out
    done = prepare(repository, folder / "corpus", folder / "data")
    assert done.stdout == f"3000 of 3000 clips found in {folder / 'corpus'}\n", done.stderr
    return folder / "data"


def members(folder):
    """Return the speakers and indices of a data directory, and check that its tables agree."""
    directory = DataDir(folder)
    assert directory.labels == [str(digit) for digit in range(10)]
    parts = {utterance: utterance.split("_") for utterance in directory.utterances}
    assert directory.table("utt2spk") == {u: speaker for u, (speaker, _, _) in parts.items()}
    assert directory.utt2label == {u: [digit] for u, (_, digit, _) in parts.items()}
    for utterance, path in directory.table("wav.scp").items():
        speaker, digit, index = parts[utterance]
        assert os.path.basename(path) == f"{digit}_{speaker}_{index}.wav"
    return {(speaker, int(index)) for speaker, _, index in parts.values()}, len(parts)


def test_official_split(data):
    splits = {"train": (10, 50), "train_few": (10, 15), "valid": (5, 10), "test": (0, 5)}
    for name, (first, end) in splits.items():
        expected = {(speaker, index) for speaker in SPEAKERS for index in range(first, end)}
        assert members(data / "official" / name) == (expected, 10 * len(expected)), name


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_unseen_speakers(data, fold):
    unseen = SPEAKERS[2 * fold - 2 : 2 * fold]
    seen = [speaker for speaker in SPEAKERS if speaker not in unseen]
    splits = {
        "train": (seen, 10, 50),
        "train_few": (seen, 10, 15),
        "valid": (seen, 5, 10),
        "test": (unseen, 0, 50),
    }
    for name, (speakers, first, end) in splits.items():
        expected = {(speaker, index) for speaker in speakers for index in range(first, end)}
        assert members(data / f"unseen/fold{fold}/{name}") == (expected, 10 * len(expected)), name


def test_digit_words(data):
    text = DataDir(data / "all").table("text")
    assert (text["theo_0_3"], text["george_7_12"]) == ("zero", "seven")


def test_a_folder_without_recordings_is_refused(repository, tmp_path):
    done = prepare(repository, tmp_path, tmp_path / "data")
    assert done.returncode == 1
    assert "no recordings named DIGIT_SPEAKER_INDEX.wav" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fsdd", "fsdd_digits"])
def test_stage_0(repository, tmp_path, name):
    """A wrong archive is refused, and recordings are not fetched again."""
    recipe = copy_recipe(repository, name, tmp_path)
    if name != "fsdd":
        (tmp_path / "egs/fsdd").symlink_to(repository / "egs/fsdd")
    clip = tmp_path / "packed/free-spoken-digit-dataset-1.0.10/recordings/0_theo_0.wav"
    clip.parent.mkdir(parents=True)
    clip.write_text("a recording")
    checksum = pack(tmp_path / "packed", tmp_path / "v1.0.10.tar.gz")
    with serve(tmp_path) as server:
        command = ["local/download.sh", "--url", f"{server.url}/v1.0.10.tar.gz", "--checksum"]
        refused = run(*command, "0" * 64, "downloads", cwd=recipe)
        assert f"v1.0.10.tar.gz has SHA-256 {checksum}" in refused.stderr
        for _ in range(2):
            succeed(*command, checksum, "downloads", cwd=recipe)
        assert len(server.requested) == 1
    found = recipe / "downloads"
    assert [path.name for path in found.iterdir()] == ["recordings"]
    assert (found / "recordings/0_theo_0.wav").read_text() == "a recording"
