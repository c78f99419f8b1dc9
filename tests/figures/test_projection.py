"""Embeddings in two dimensions."""

import numpy as np
import pytest

from asda.figures.projection import axis_names, project
from asda.figures.projection_figure import draw_projection
from asda.files import InputError


def test_pca_gives_the_directions_of_largest_variance():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, [5, 2], (40, 2))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]
    found = project((truth @ turn + 3).astype(np.float32))
    assert found.dtype == np.float32 and found.shape == (40, 2)
    distances = [np.linalg.norm(x[:, None] - x[None], axis=2) for x in (found, truth)]
    np.testing.assert_allclose(*distances, atol=1e-4)
    assert found.std(0)[0] > found.std(0)[1]


def test_axes_of_pca_name_their_part_of_the_variance():
    points = np.array([[2.0, 0, 0], [-2, 0, 0], [0, 1, 0], [0, -1, 0]])
    assert axis_names(points, "pca") == (
        "PCA 1 (80% of the variance)",
        "PCA 2 (20% of the variance)",
    )


def test_umap_keeps_groups_apart_and_repeats_itself():
    pytest.importorskip("umap")
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1], 20)
    embeddings = (rng.normal(size=(40, 8)) + 20 * groups[:, None]).astype(np.float32)
    first, again = project(embeddings, "umap"), project(embeddings, "umap")
    assert np.array_equal(first, again)
    centres = [first[groups == group].mean(0) for group in (0, 1)]
    assert np.linalg.norm(centres[0] - centres[1]) > 3 * first[groups == 0].std(0).max()


def test_too_few_clips_are_refused():
    with pytest.raises(InputError, match="a projection needs 3 clips or more, not 2"):
        project(np.zeros((2, 4), np.float32))


def test_labels_are_told_apart_by_markers_and_names_and_not_by_colour_alone():
    labels = [f"label{n % 12:02d}" for n in range(48)]
    points = np.random.default_rng(0).normal(size=(48, 2))
    (axes,) = draw_projection(points, labels, "title", ("x", "y")).axes
    drawn = []
    for group in axes.collections:
        hollow = len(group.get_facecolor()) == 0
        drawn.append((group.get_paths()[0].vertices.tobytes(), hollow))
    assert len(set(drawn)) == 12
    assert sorted(text.get_text() for text in axes.texts) == sorted(set(labels))
