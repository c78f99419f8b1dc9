"""Held-out clips, draws, nearest neighbours, and the choice of settings."""

import numpy as np
import pytest

from asda.probing.clip_embeddings import ClipEmbeddings
from asda.probing.probe_set import ProbeSet, drawn, held_out
from asda.probing.probes import quality_of
from asda.probing.vector_probes import NeighbourProbe, Vectors


def probe_set(targets, vectors=None):
    targets = np.array(targets, np.uint8)
    pooled = np.zeros((len(targets), 1, 3, 2), np.float32)
    if vectors is not None:
        pooled[:, 0, 1] = vectors
    names = [f"u{row}" for row in range(len(targets))]
    embeddings = ClipEmbeddings(names, {}, [4], pooled, np.ones(len(targets), np.int64), None)
    return ProbeSet(embeddings, targets, np.arange(len(targets)))


def one_hot(classes):
    return np.eye(3, dtype=np.uint8)[classes]


def test_a_fifth_of_each_class_is_held_out():
    train = probe_set(one_hot([0] * 20 + [1] * 10 + [2] * 2))
    rest, out = held_out(train, seed=0)
    assert out.targets.sum(axis=0).tolist() == [4, 2, 1]
    assert sorted([*rest.rows, *out.rows]) == list(range(32))
    assert (held_out(train, seed=0)[1].rows == out.rows).all()
    assert (held_out(train, seed=1)[1].rows != out.rows).any()


def test_the_only_clip_of_a_class_is_not_held_out():
    rest, out = held_out(probe_set(one_hot([0, 0, 1])), seed=0)
    assert out.targets.sum(axis=0).tolist() == [1, 0, 0] and len(rest.rows) == 2


def test_a_fifth_of_clips_with_several_labels_is_held_out():
    rest, out = held_out(probe_set([[1, 1, 0], [0, 0, 0]] * 10), seed=0)
    assert (len(rest.rows), len(out.rows)) == (16, 4)


def test_draws_have_a_number_of_clips_per_class():
    train = probe_set(one_hot([0] * 20 + [1] * 10 + [2] * 2))
    draws = [drawn(train, 5, seed=0, draw=number) for number in range(3)]
    assert all(draw.targets.sum(axis=0).tolist() == [5, 5, 2] for draw in draws)
    assert (draws[0].rows != draws[1].rows).any()
    assert (drawn(train, 5, seed=0, draw=1).rows == draws[1].rows).all()


def test_clips_with_several_labels_count_for_each_of_them():
    train = probe_set([[1, 1, 0]] * 4 + [[0, 0, 1]] * 4 + [[0, 0, 0]] * 4)
    assert drawn(train, 3, seed=0, draw=0).targets.sum(axis=0).tolist() == [3, 3, 3]


def test_neighbours_vote_by_their_cosine():
    train = probe_set(one_hot([0, 1, 2]), [[1, 0], [0, 2], [-1, 0]])
    probe = NeighbourProbe(Vectors([4], "mean"))
    clips = probe_set(one_hot([0]), [[3, 4]])  # cosines 0.6 and 0.8
    found = probe.fit(train, {"k": 2}).probabilities(clips)
    votes = np.exp(np.array([0.6, 0.8]) / 0.07)
    np.testing.assert_allclose(found[0], [*(votes / votes.sum()), 0], atol=1e-5)
    assert [settings["k"] for settings in probe.choices(train)] == [1, 3]


@pytest.mark.parametrize(
    ("targets", "metric"), [(one_hot([0, 1]), 1.0), ([[1, 1, 0], [0, 1, 0]], 1.0)]
)
def test_between_equals_the_lower_loss_decides(targets, metric):
    sure, unsure = (np.array(targets) * (high - 0.1) + 0.1 for high in (0.9, 0.6))
    found = [quality_of(one.astype(np.float32), np.array(targets)) for one in (sure, unsure)]
    assert found[0][0] == found[1][0] == metric
    assert found[0] > found[1]
