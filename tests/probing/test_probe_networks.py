"""The networks of probes, against their formulas."""

import pytest
import torch
from torch.nn import functional as F

from asda.probing.clip_embeddings import TokenBatch
from asda.probing.probe_networks import AttentiveNetwork, LinearNetwork, PrototypeNetwork


@pytest.fixture
def batch():
    torch.manual_seed(0)
    valid = torch.arange(5) < torch.tensor([5, 3])[:, None]
    patches = torch.randn(2, 5, 3, 8) * valid[..., None, None]
    return TokenBatch(patches, valid, torch.randn(2, 3, 8))


def test_prototypes_follow_the_formula(batch):
    network = PrototypeNetwork(layers=3, width=8, prototypes=4, classes=2)
    with torch.no_grad():
        network.gate.copy_(torch.tensor([0.5, -1.0, 2.0]))
    weights = network.gate.softmax(0)

    def cosines(layers):  # (layers, width) of one token
        mixed = sum(w * token / token.norm() for w, token in zip(weights, layers, strict=True))
        return F.cosine_similarity(mixed[None], network.prototypes)

    for clip, count in enumerate((5, 3)):
        patches = torch.stack([cosines(token) for token in batch.patches[clip, :count]])
        features = [patches.max(0).values, patches.min(0).values, cosines(batch.cls[clip])]
        torch.testing.assert_close(network(batch)[clip], network.linear(torch.cat(features)))


def test_prototypes_have_the_parameters_of_the_paper():
    with torch.device("meta"):
        network = PrototypeNetwork(layers=12, width=768, prototypes=10_000, classes=527)
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == 23.5


def test_attentive_pooling_does_not_see_padding(batch):
    network = AttentiveNetwork(width=24, classes=2).eval()
    alone = TokenBatch(batch.patches[1:, :3], batch.valid[1:, :3], batch.cls[1:])
    torch.testing.assert_close(network(batch)[1:], network(alone))
    assert not torch.allclose(network(batch)[0], network(batch)[1])


def test_vectors_are_standardised_by_the_training_clips():
    torch.manual_seed(0)
    train = 3 + 5 * torch.randn(40, 6)
    network = LinearNetwork(train, 2)
    network.linear = torch.nn.Identity()
    torch.testing.assert_close(network(train).mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(network(train).std(0, correction=0), torch.ones(6))
