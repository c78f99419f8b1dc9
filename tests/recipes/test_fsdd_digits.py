"""egs/fsdd_digits/local: strings of digits are made of their recordings, and speakers are apart."""

import json
import shutil
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from recipes.copies import copy_recipe, run, succeed
from recipes.sounds import write_clip

from asda.corpus.datadir import DataDir

SPEAKERS = ("george", "jackson", "lucas", "nicolas")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TAKES = 5
RATE = 8000


@pytest.fixture(scope="module")
def recipe(repository, tmp_path_factory):
    """A copy of the recipe, beside the one whose corpus it takes."""
    recipe = copy_recipe(repository, "fsdd_digits", tmp_path_factory.mktemp("recipe"))
    (recipe.parent / "fsdd").symlink_to(repository / "egs/fsdd")
    return recipe


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Sounds of a quarter of a second, all of which differ."""
    folder = tmp_path_factory.mktemp("corpus")
    for index, speaker in enumerate(SPEAKERS):
        for digit in range(10):
            for take in range(TAKES):
                path = folder / f"recordings/{digit}_{speaker}_{take}.wav"
                write_clip(path, digit, seed=10 * index + take, seconds=0.25, rate=RATE)
    return folder


@pytest.fixture(scope="module")
def data(recipe, corpus):
    said = succeed("local/data.sh", corpus, "data", cwd=recipe)
    assert "200 of 3000 clips found" in said
    return recipe / "data"


def spoken(data):
    """Return (utterance, start in samples, word) of every digit."""
    rows = (line.split() for line in (data / "strings/digits.ctm").read_text().splitlines())
    return [(row[0], round(float(row[2]) * RATE), row[4]) for row in rows]


def normalised(samples):
    return samples / np.abs(samples).max()


def test_every_speaker_is_tested_once_and_is_in_one_set_of_a_fold(data):
    assert (data / "folds").read_text().split() == ["1", "2", "3", "4"]
    for index, speaker in enumerate(SPEAKERS):
        sets = {
            name: DataDir(data / f"fold{index + 1}" / name).table("utt2spk")
            for name in ("train", "valid", "test")
        }
        speakers = {name: {*table.values()} for name, table in sets.items()}
        following = SPEAKERS[(index + 1) % 4]
        assert speakers["test"] == {speaker}
        assert speakers["valid"] == {following}
        assert speakers["train"] == {*SPEAKERS} - {speaker, following}
        everything = [utterance for table in sets.values() for utterance in table]
        assert sorted(everything) == DataDir(data / "all").utterances


def test_subsets_are_nested(data):
    few, some, whole = (
        {*DataDir(data / "fold2" / name).utterances} for name in ("train_10", "train_30", "train")
    )
    assert few < some < whole
    assert len(some) == pytest.approx(0.3 * len(whole), abs=2)
    assert len(few) == pytest.approx(0.1 * len(whole), abs=2)


def test_texts_are_the_words_that_are_spoken(data):
    words = {}
    for utterance, _, word in spoken(data):
        words.setdefault(utterance, []).append(word)
    assert DataDir(data / "all").table("text") == {u: " ".join(own) for u, own in words.items()}
    assert {len(own) for own in words.values()} == set(range(1, 8))


def test_the_audio_is_that_of_the_recordings_each_of_which_is_used_three_times(data, corpus):
    used = Counter()
    for utterance, start, word in spoken(data):
        samples, rate = soundfile.read(data / f"strings/{utterance}.wav")
        assert rate == RATE
        speaker, digit = utterance.split("_")[0], WORDS.index(word)
        recordings = sorted((corpus / "recordings").glob(f"{digit}_{speaker}_*.wav"))
        errors = {}
        for path in recordings:
            recording = soundfile.read(path)[0]
            part = samples[start : start + len(recording)]
            errors[path] = np.abs(normalised(part) - normalised(recording)).max()
        best = min(errors, key=errors.get)
        assert errors[best] < 2e-3  # rounding to 16 bits at the lowest level
        assert sorted(errors.values())[1] > 0.1
        used[best] += 1
    assert set(used.values()) == {3}
    assert len(used) == len(SPEAKERS) * 10 * TAKES


def test_levels_and_pauses_vary(data):
    length = RATE // 4
    peaks, pauses = [], []
    digits = spoken(data)
    for utterance, start, _ in digits:
        samples = soundfile.read(data / f"strings/{utterance}.wav")[0]
        peaks.append(20 * np.log10(np.abs(samples[start : start + length]).max()))
    for (one, start, _), (other, following, _) in pairwise(digits):
        if one == other:
            pauses.append((following - start - length) / RATE)
    assert -32.1 < min(peaks) < -25 and -8 < max(peaks) < -2.9
    assert 0 <= min(pauses) < 0.05 and 0.35 < max(pauses) <= 0.4


def test_pauses_have_the_background_of_the_recordings(data):
    """Rather than silence, whose spectrum no speech has."""
    utterance, start, _ = next(digit for digit in spoken(data) if digit[1] > 400)
    pause = soundfile.read(data / f"strings/{utterance}.wav")[0][:start]
    assert 0 < np.std(pause) < 0.02


def test_the_same_strings_on_every_call(recipe, corpus, data, tmp_path):
    succeed("local/data.py", corpus, tmp_path / "data", cwd=recipe)
    same = run("diff", "-r", data / "strings", tmp_path / "data/strings", cwd=recipe)
    assert same.returncode == 0, same.stdout
    text = "fold3/train_30/text"
    assert (tmp_path / "data" / text).read_bytes() == (data / text).read_bytes()


def test_a_second_call_writes_audio_only_if_the_corpus_has_changed(recipe, corpus, tmp_path):
    shutil.copytree(corpus, tmp_path / "corpus")
    command = ["local/data.py", tmp_path / "corpus", tmp_path / "data"]
    changes = []
    for takes in (TAKES, TAKES, TAKES - 1):
        if takes < TAKES:
            (tmp_path / "corpus/recordings/3_lucas_0.wav").unlink()
        succeed(*command, cwd=recipe)
        changes.append((tmp_path / "data/strings/plan").stat().st_mtime_ns)
    assert changes[0] == changes[1] < changes[2]
    audio = {path.stem for path in (tmp_path / "data/strings").glob("*.wav")}
    assert audio == {*DataDir(tmp_path / "data/all").utterances}


def test_a_damaged_recording_is_refused_and_nothing_is_left(recipe, corpus, tmp_path):
    shutil.copytree(corpus, tmp_path / "corpus")
    (tmp_path / "corpus/recordings/3_lucas_0.wav").write_bytes(b"RIFF")
    done = run("local/data.py", tmp_path / "corpus", tmp_path / "data", cwd=recipe)
    assert done.returncode == 1
    assert "3_lucas_0.wav" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "data/strings").exists()


def test_two_speakers_are_too_few(recipe, tmp_path):
    for speaker in SPEAKERS[:2]:
        write_clip(tmp_path / f"corpus/1_{speaker}_0.wav", 1, 1, seconds=0.25, rate=RATE)
    done = run("local/data.py", tmp_path / "corpus", tmp_path / "data", cwd=recipe)
    assert done.returncode == 1
    assert "recordings of 2 speaker(s); folds need 3 or more" in done.stderr


@pytest.mark.slow
def test_from_the_corpus_to_the_error_rates_of_all_folds(recipe, corpus, tmp_path):
    train = "--training.threads 1 --model.depth 1 --data.batch_size 8 --training.updates 4"
    train += " --training.evaluate_every 4"
    command = [recipe / "run.sh", "--db-dir", corpus, "--folds", "1 3", "--nj", 1, "--ngpu", 0]
    command += ["--pretrained", "none", "--finetune-tag", "a", "--finetune-args", train]
    for option in ("datadir", "dumpdir", "expdir"):
        command += [f"--{option}", tmp_path / option]
    succeed(*command, cwd=recipe)
    units = (tmp_path / "dumpdir/units_fold1_train/units.txt").read_text().split()
    assert {*units[2:]} == {"▁", *"".join(WORDS)}
    result = json.loads((tmp_path / "expdir/ctc_a/score/result.json").read_text())
    tests = [DataDir(tmp_path / f"datadir/fold{fold}/test") for fold in (1, 3)]
    assert result["clips"]["found"] == sum(len(test.utterances) for test in tests)
    assert result["kind"] == "recognition"
    assert {row["speaker"] for row in result["per_speaker"]} == {"george", "lucas"}
