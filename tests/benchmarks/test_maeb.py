"""A model for MAEB; with tests/environments/mteb.sh."""

import numpy as np
import pytest
import torch
from inference.model_files import RATE, noise, write_model

from asda.benchmarks.maeb import maeb_model

mteb = pytest.importorskip("mteb", reason="installed by tests/environments/mteb.sh")


@pytest.fixture
def path(tmp_path):
    return write_model(tmp_path / "encoder.pt", "encoder")


def test_clips_of_all_rates_and_lengths_are_encoded_in_order(path):
    model = maeb_model(path, "cpu", pooling="cls")
    clips = [noise(1.0, 0), noise(2.5, 1, 44100)]
    stereo = np.stack([clips[1], clips[1]])
    batches = [
        {"audio": [{"array": clips[0], "sampling_rate": RATE}]},
        {"audio": [{"array": stereo, "sampling_rate": 44100}]},
    ]
    vectors = model.encode(batches)
    pairs = [(clips[0], RATE), (clips[1], 44100)]
    expected = model.benchmark_model.model.embed(pairs, pooling="cls")
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert vectors.dtype == np.float32


def test_results_are_kept_under_the_digest_of_the_model(path, tmp_path):
    other = write_model(tmp_path / "other.pt", "encoder", data={"max_frames": 100})
    metas = [maeb_model(*a).mteb_model_meta for a in ((path, "cpu"), (other, "cpu"))]
    assert metas[0].revision != metas[1].revision
    assert metas[0].name.startswith("asda/") and metas[0].name.endswith("encoder.pt")


def test_the_mock_tasks_of_mteb_pass(path):
    """All of them: mteb counts tasks that were skipped, for lack of a package, as passed."""
    results = mteb.mock_run(maeb_model(path, "cpu"))
    ran = {name: status for name, status in results.items() if status is not None}
    assert len(ran) == 7
    failed = {n: status for n, status in ran.items() if not hasattr(status, "scores")}
    assert not failed
    assert results.all_passed


def test_similarities_are_cosines(path):
    model = maeb_model(path, "cpu")
    x = torch.eye(3)[:2]
    assert model.similarity(x, 2 * torch.eye(3)).tolist() == torch.eye(3)[:2].tolist()
    assert model.similarity_pairwise(x, x).tolist() == [1.0, 1.0]
