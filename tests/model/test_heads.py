"""Heads are found by name, and their outputs rank clips according to what they mean."""

import numpy as np
import pytest
import torch
from torch import nn

from asda.model.classifier import Classifier
from asda.model.heads import (
    HEADS,
    Head,
    combined_windows,
    make_head,
    ranking_scores,
    register_head,
)
from asda.model.model_config import ModelConfig

CONFIG = ModelConfig(size="tiny", depth=2, width=16, heads=2).resolved()


def test_the_classifier_is_made_by_its_name():
    settings = {"name": "classifier", "pooling": "statistics", "layers": "all"}
    head = make_head(settings, CONFIG, 5, drop_path=0.2)
    assert isinstance(head, Classifier)
    assert head.fc_norm.normalized_shape == (2 * 3 * 16,)
    assert head.head.out_features == 5
    assert [block.drop_path for block in head.encoder.blocks] == [0, 0.2]


@pytest.fixture
def duration():
    @register_head("duration")
    class Duration(Head):
        outputs = ("linear",)

        def __init__(self, config, num_outputs, hidden, drop_path=0.0):
            super().__init__(config, drop_path)
            self.layers = nn.Sequential(nn.Linear(16, hidden), nn.Linear(hidden, num_outputs))

        def forward(self, fbank, num_frames=None):
            return self.layers(self.encoder(fbank, num_frames).tokens[:, 0])

    yield Duration
    del HEADS["duration"]


def test_a_head_of_another_module_is_made_by_its_name(duration):
    head = make_head({"name": "duration", "hidden": 3}, CONFIG, 1)
    assert type(head) is duration and duration.name == "duration"
    assert head(torch.zeros(2, 32, 128)).shape == (2, 1)


def test_a_name_belongs_to_one_class():
    with pytest.raises(ValueError, match=r"the head 'classifier' is asda.model.classifier.Classif"):

        @register_head("classifier")
        class Other(Head):
            outputs = ("linear",)


def test_an_unknown_head_is_refused():
    with pytest.raises(
        ValueError, match=r"head 'transducer' is not registered \(known: classifier\b"
    ):
        make_head({"name": "transducer"}, CONFIG, 1)


@pytest.mark.parametrize(("pooling", "layers"), [("max", "last"), ("mean", "first")])
def test_an_unknown_pooling_is_refused(pooling, layers):
    with pytest.raises(ValueError, match=f"no pooling '{pooling}' of layers '{layers}'"):
        Classifier(CONFIG, 3, pooling, layers)


def test_layer_groups_hold_every_parameter_of_the_encoder_from_the_input_up():
    head = Classifier(CONFIG, 3, "cls")
    embeddings, *blocks = head.layer_groups()
    names = {parameter: name for name, parameter in head.named_parameters()}
    assert {names[p].split(".")[1] for p in embeddings} == {"cls_token", "patches", "norm"}
    for index, block in enumerate(blocks):
        assert {names[p].rsplit(f"blocks.{index}.")[0] for p in block} == {"encoder."}
    found = [parameter for group in head.layer_groups() for parameter in group]
    assert set(map(id, found)) == set(map(id, head.encoder.parameters()))
    assert len(found) == len(set(map(id, found)))


def test_an_offset_that_logits_of_a_clip_share_ranks_no_softmax_clip():
    logits = torch.randn(4, 3)
    shifted = logits + torch.tensor([0.0, 9.0, -9.0, 1.0])[:, None]
    torch.testing.assert_close(
        ranking_scores(shifted, "softmax"), ranking_scores(logits, "softmax"), atol=1e-5, rtol=0
    )
    assert torch.equal(ranking_scores(shifted, "sigmoid"), shifted)
    assert torch.equal(ranking_scores(shifted, "linear"), shifted)


def test_windows_give_the_mean_of_their_probabilities():
    logits = 4 * torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    for output, probabilities in (("softmax", logits.softmax(-1)), ("sigmoid", logits.sigmoid())):
        combined = combined_windows(logits, output)
        assert combined.dtype == torch.float32
        again = combined.softmax(-1) if output == "softmax" else combined.sigmoid()
        torch.testing.assert_close(again, probabilities.mean(0), rtol=1e-5, atol=1e-7)
    softmax = ranking_scores(combined_windows(logits, "softmax")[None], "softmax")
    torch.testing.assert_close(softmax[0], logits.softmax(-1).mean(0).log(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(combined_windows(logits, "linear"), logits.mean(0))


def test_windows_of_certain_outputs_stay_finite():
    logits = torch.tensor([[200.0, -300.0], [250.0, -100.0]])
    found = combined_windows(logits, "sigmoid").numpy()
    np.testing.assert_allclose(found, [200 + np.log(2), -100 - np.log(2)], rtol=1e-6)
