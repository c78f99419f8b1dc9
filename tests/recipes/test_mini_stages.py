"""egs/mini, stage by stage on a few clips: each stage leaves what the next one needs, a stopped one
goes on where it stopped, and a finished one is not done again.

Here `asda` is the program that users have.
"""

import fcntl
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from recipes.copies import copy_recipe, use_this_python

from asda.checkpoint.load import read_model
from asda.corpus.datadir import read_table
from asda.features.archive import ArchiveReader

pytestmark = pytest.mark.slow

SMALL = "--training.threads 1 --data.workers 0 --data.batch_size 10 --training.log_every 1"
PRETRAIN = f"{SMALL} --training.updates 8 --training.save_every 2 --model.num_masks 2"
FINETUNE = f"{SMALL} --training.updates 4 --training.evaluate_every 2"


class Recipe:
    """A copy of egs/mini with a corpus of its own, beside the repository's utils/."""

    def __init__(self, repository: Path, folder: Path):
        self.folder = copy_recipe(repository, "mini", folder)
        self.corpus = folder / "corpus"
        clips = ["--train", "40", "--valid", "10", "--test", "20"]
        synthesize = [self.folder / "local/synthesize.py", self.corpus, *clips]
        subprocess.run(synthesize, check=True, stdout=subprocess.DEVNULL)
        # as a user calls it, from elsewhere
        self.command = [self.folder / "run.sh", "--db-dir", self.corpus, "--nj", "2", "--ngpu", "0"]
        self.command += ["--pretrain-tag", "a", "--pretrain-args", PRETRAIN]
        self.command += ["--finetune-tag", "b", "--finetune-args", FINETUNE]

    def run(self, first: str, last: str, *options: str) -> str:
        done = subprocess.run(
            [*self.command, "--stage", first, "--stop-stage", last, *options],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop_when(self, file: str, number: signal.Signals, stage: str, *options: str) -> None:
        """Run a stage, and send its processes a signal as soon as a file is there."""
        process = subprocess.Popen(
            [*self.command, "--stage", stage, "--stop-stage", stage, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while not list(self.folder.glob(file)):
            assert process.poll() is None, f"ended before {file} was there"
            time.sleep(0.01)
        os.killpg(process.pid, number)
        assert process.wait(timeout=60) != 0


@pytest.fixture(scope="module", autouse=True)
def environment():
    """In place of the one with processes that signals do not reach."""
    with pytest.MonkeyPatch.context() as patch:
        use_this_python(patch)
        yield


@pytest.fixture(scope="module")
def recipe(repository, tmp_path_factory):
    return Recipe(repository, tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def finished(recipe):
    """The recipe after all its stages, called by number and by name."""
    recipe.run("0", "data")
    recipe.run("dump", "2")
    recipe.run("3", "3")
    recipe.run("finetune", "score")
    return recipe


def test_every_stage_leaves_its_result(finished):
    exp = finished.folder / "exp"
    result = json.loads((exp / "finetune_b/score/result.json").read_text())
    assert result["clips"]["found"] == 20
    for experiment in ("pretrain_a", "finetune_b"):
        for name in ("config.yaml", "run.sh", "train.log", "model.pt", "images/loss.png"):
            assert (exp / experiment / name).is_file()
    assert "finetune_b" in finished.run("score", "score")


def test_what_is_done_is_not_done_again(finished):
    patterns = ("dump/fbank/**/*.ark", "exp/*/model.pt", "exp/*/score/result.json")
    made = [path for pattern in patterns for path in finished.folder.glob(pattern)]
    assert len(made) >= 4
    times = [path.stat().st_mtime_ns for path in made]
    finished.run("download", "score")
    assert [path.stat().st_mtime_ns for path in made] == times


def test_a_dump_that_was_stopped_goes_on(finished):
    finished.stop_when("other/**/*.ark*", signal.SIGTERM, "dump", "--dumpdir", "other")
    with open(finished.folder / "other/fbank/.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the last job has ended
    finished.run("dump", "dump", "--dumpdir", "other")
    check = ["utils/check_dump.sh", "other/fbank"]
    subprocess.run(check, cwd=finished.folder, check=True, stdout=subprocess.DEVNULL)
    whole, again = (features(finished.folder / name) for name in ("dump", "other"))
    assert whole.keys() == again.keys()
    for utterance in whole:
        np.testing.assert_array_equal(whole[utterance], again[utterance])


def features(dumpdir):
    reader = ArchiveReader()
    table = read_table(dumpdir / "fbank/feats.scp")
    return {utterance: reader.read(specifier) for utterance, specifier in table.items()}


def test_a_training_that_was_killed_goes_on_to_the_same_model(finished):
    finished.stop_when("other/*/checkpoint.pt", signal.SIGKILL, "pretrain", "--expdir", "other")
    stopped = finished.folder / "other/pretrain_a"
    assert not (stopped / "model.pt").exists()
    finished.run("pretrain", "pretrain", "--expdir", "other")
    whole = read_model(finished.folder / "exp/pretrain_a/model.pt").weights
    again = read_model(stopped / "model.pt").weights
    assert whole.keys() == again.keys()
    for name in whole:
        assert torch.equal(whole[name], again[name]), name
