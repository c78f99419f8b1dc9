"""Names of curves and of groups of points do not overlap."""

import numpy as np
import pytest

from asda.figures.label_places import separate, spread


def test_labels_that_are_far_apart_stay_where_they_are():
    assert spread([0.9, 0.1, 0.5], 0.1) == [0.9, 0.1, 0.5]
    far = np.array([[0.0, 0.0], [10.0, 10.0]])
    assert separate(far, np.full((2, 2), 3.0)) == pytest.approx(far, abs=1e-4)


def test_labels_on_a_line_part_around_their_common_middle():
    assert spread([0.5, 0.5, 0.5], 0.1) == pytest.approx([0.4, 0.5, 0.6])
    assert spread([0.0, 1.0, 0.95], 0.1) == pytest.approx([0.0, 1.025, 0.925])


def test_a_pushed_label_pushes_the_next():
    places = sorted(spread([0.5, 0.5, 0.56, 0.9], 0.1))
    assert min(np.diff(places)) == pytest.approx(0.1)


def test_boxes_do_not_overlap_afterwards():
    rng = np.random.default_rng(0)
    centres, sizes = rng.normal(0, 40, (30, 2)), rng.uniform([20, 8], [60, 10], (30, 2))
    places = separate(centres, sizes)
    apart, reach = np.abs(places[:, None] - places[None]), (sizes[:, None] + sizes[None]) / 2
    overlap = (reach - apart > 0).all(2) & ~np.eye(30, dtype=bool)
    assert not overlap.any()


def test_boxes_at_the_same_place_part():
    places = separate(np.zeros((3, 2)), np.full((3, 2), 4.0))
    assert np.abs(places[:, None] - places[None]).max(2)[np.triu_indices(3, 1)].min() >= 4
