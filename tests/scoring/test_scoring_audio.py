"""Scores and baselines on audio, some of which cannot be used."""

import numpy as np
import pytest
import soundfile
from dataset.directories import with_audio
from training.runs import run_finetune

from asda.cli import main
from asda.configuration import save
from asda.corpus.datadir import read_table, write_table
from asda.features.fbank_config import FbankConfig
from asda.scoring.compare import read_result

NAMES = [f"u{n:02d}" for n in range(24)]


def labelled(folder):
    """Write a labelled data directory of which the clip u05 is silent."""
    with_audio(folder, dict.fromkeys(NAMES, 0.3))
    soundfile.write(folder / "u05.wav", np.zeros(4800), 16000)
    write_table(folder / "utt2label", {name: "ab"[n % 2] for n, name in enumerate(NAMES)})
    (folder / "labels.txt").write_text("a\nb\n")
    return folder


@pytest.fixture
def sets(tmp_path):
    save(FbankConfig(num_mel_bins=16), tmp_path / "fbank.yaml")
    return labelled(tmp_path / "train"), labelled(tmp_path / "test"), str(tmp_path / "fbank.yaml")


def call(*words):
    main([*map(str, words)])


def test_silent_clips_are_left_out_of_training_validation_and_test(sets, tmp_path):
    _, test, fbank = sets
    exp, out = tmp_path / "exp", tmp_path / "out"
    options = {"fbank": fbank, "valid": str(test), "data__min_frames": 10}
    facts = run_finetune(tmp_path, exp, training__updates=2, training__evaluate_every=1, **options)
    assert facts["facts"]["clips"] == 23
    assert read_table(exp / "bad_utterances") == {"u05": "silent: all 4800 samples are 0"}
    score = ["score", "--model", exp / "model.pt", "--data", test, "--fbank", fbank, "--out", out]
    call(*score, "--device", "cpu")
    result = read_result(out)
    assert result["clips"] == {"found": 23, "expected": 24}
    assert read_table(out / "bad_utterances") == {"u05": "silent: all 4800 samples are 0"}
    with pytest.raises(SystemExit):
        call(*score, "--max-bad", "0")


def test_baselines_leave_silent_clips_out(sets, tmp_path):
    train, test, fbank = sets
    call("baseline", "--train", train, "--test", test, "--fbank", fbank, "--out", tmp_path / "b")
    result = read_result(tmp_path / "b/logistic_regression/score")
    assert result["clips"] == {"found": 23, "expected": 24}
    assert read_table(tmp_path / "b/bad_utterances").keys() == {"u05"}
