"""A target, a head and a task of one's own: they train, resume, load and score without any change.

The task is a regression: how many frames of a clip are loud.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from dataset.directories import MEL, with_features
from torch import nn
from training.runs import assert_same_weights, column, stopped_before, write_config

from asda.checkpoint import tensor_files
from asda.checkpoint.load import read_model
from asda.configuration import load
from asda.distributed import Process
from asda.files import InputError
from asda.model.heads import HEADS, Head, register_head
from asda.scoring.compare import Comparison, read_result
from asda.scoring.measurable import Metric
from asda.scoring.predict import predict
from asda.scoring.result_files import write_results
from asda.scoring.utterance_ratios import Ratio, UtteranceRatios
from asda.training.run_config import RunConfig
from asda.training.task import Task

pytestmark = pytest.mark.usefixtures("no_images")
ERROR = Metric(title="error (frames)", higher_is_better=False, low=0, digits=2)


class Loudness:
    """The number of loud frames of each clip, from a file utt2loud of the data directory."""

    name = "loud"

    def __init__(self, directory):
        self.table = directory.numbers("utt2loud")

    def of(self, utterance, num_frames, rng):
        return np.array([self.table[utterance]], np.float32)

    def pad(self, rows):
        return torch.from_numpy(np.stack(rows))


@register_head("loudness")
class LoudnessHead(Head):
    """The mean over patch tokens, and a linear layer."""

    outputs = ("linear",)

    def __init__(self, config, num_outputs, scale=1.0, drop_path=0.0):
        super().__init__(config, drop_path)
        self.scale = scale
        self.linear = nn.Linear(config.width, num_outputs)

    def forward(self, fbank, num_frames=None):
        return self.scale * self.linear(self.encoder(fbank, num_frames).tokens[:, 1:].mean(1))


@dataclass
class LoudnessConfig(RunConfig):
    """Configuration of the regression.

    Args:
        scale: factor of the head's output
    """

    scale: float = 10.0


class LoudnessTask(Task[LoudnessConfig]):
    """Regression of the number of loud frames by the squared error."""

    verb = "loudness"
    labels = ("loud frames",)
    output = "linear"
    metric = "error"

    def targets(self, directory):
        return [Loudness(directory)]

    def build_model(self, init):
        self.head = {"name": "loudness", "scale": self.config.scale}
        return self.build_head(init)

    def loss(self, model, batch, seed):
        error = model(batch.features, batch.num_frames) - batch.extras["loud"]
        return error.square().mean(), {"error": error.detach().abs().mean()}

    def evaluate(self):
        if self.validation is None:
            return {}
        found = predict(self.model, self.validation, self.process)[:, 0]
        return {"error": float(np.abs(found - true_values(self.validation)).mean())}


def true_values(clips):
    table = clips.directory.numbers("utt2loud")
    return np.array([table[utterance] for utterance in clips.utterances])


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Data directories `train` and `valid` of clips that are loud for a part of their time."""
    root = tmp_path_factory.mktemp("loud")
    for name, seed in (("train", 0), ("valid", 1)):
        rng = np.random.default_rng(seed)
        counts = {f"utt{row:02d}": int(rng.integers(4, 29)) for row in range(24)}
        features = {}
        for utterance, count in counts.items():
            features[utterance] = rng.normal(-6, 1, (32, MEL)).astype(np.float32)
            features[utterance][:count] += 4
        folder = with_features(root / name, features)
        lines = [f"{utterance} {count}\n" for utterance, count in counts.items()]
        (folder / "utt2loud").write_text("".join(lines))
    return root


def run(sounds, exp, **options):
    """Train in this process, and return the content of model.pt."""
    defaults = {"valid": sounds / "valid", "optimizer__lr": 0.01}
    LoudnessTask.run(load(LoudnessConfig, write_config(sounds, exp, **defaults | options)))
    return tensor_files.load(exp / "model.pt")


def score(model, task_like, out):
    """Score a model on the validation clips of a task as a score folder with intervals."""
    clips = task_like.validation
    found = predict(read_model(model).build(), clips, Process(0, 1, torch.device("cpu")))[:, 0]
    ratio = Ratio(np.abs(found - true_values(clips)), 1.0, ERROR)
    scored = UtteranceRatios(np.array(clips.utterances), true_values(clips), {"error": ratio})
    write_results(out, scored, {"data": "valid", "model": str(model)}, expected=len(clips))
    return read_result(out)


@pytest.fixture
def task(sounds, tmp_path):
    path = write_config(sounds, tmp_path / "unused", valid=sounds / "valid")
    return LoudnessTask(load(LoudnessConfig, path), Process(0, 1, torch.device("cpu")))


def test_it_learns_and_scores_with_intervals(sounds, task, tmp_path):
    run(sounds, tmp_path / "first", training__updates=2)
    options = {"training__updates": 150, "training__evaluate_every": 25, "training__final": "best"}
    run(sounds, tmp_path / "run", **options)
    losses = column(tmp_path / "run", "train/loss")
    assert np.mean(losses[-10:]) < 0.2 * np.mean(losses[:10])
    result = score(tmp_path / "run/model.pt", task, tmp_path / "score")
    error = result["metrics"]["error"]
    assert error["value"] == pytest.approx(min(column(tmp_path / "run", "valid/error")), rel=1e-4)
    assert 0 <= error["low"] < error["value"] < error["high"]
    score(tmp_path / "first/model.pt", task, tmp_path / "score_first")
    comparison = Comparison(tmp_path / "score_first")
    assert comparison.difference("error", tmp_path / "score").high < 0


def test_an_interrupted_run_resumes_bit_for_bit(sounds, tmp_path):
    whole = run(sounds, tmp_path / "whole")
    with stopped_before(5):
        run(sounds, tmp_path / "stopped")
    assert_same_weights(run(sounds, tmp_path / "stopped"), whole)


def test_the_file_says_what_its_head_is(sounds, tmp_path, monkeypatch):
    run(sounds, tmp_path / "run", training__updates=1)
    saved = read_model(tmp_path / "run/model.pt")
    assert (saved.kind, saved.output, saved.labels) == ("finetuned", "linear", ["loud frames"])
    assert saved.head == {"name": "loudness", "scale": 10.0}
    assert isinstance(saved.build(), LoudnessHead)
    monkeypatch.delitem(HEADS, "loudness")
    with pytest.raises(InputError, match="head 'loudness' is not registered"):
        read_model(tmp_path / "run/model.pt")


def test_it_starts_from_the_encoder_of_another_model(sounds, tmp_path):
    first = run(sounds, tmp_path / "first", training__updates=1)
    options = {"init": tmp_path / "first/model.pt", "optimizer__lr": 1e-30}
    second = run(sounds, tmp_path / "second", training__updates=1, **options)
    for name, tensor in first["weights"].items():
        if name.startswith("encoder."):
            assert torch.equal(second["weights"][name], tensor), name
