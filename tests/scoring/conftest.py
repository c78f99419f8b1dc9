import pytest
from dataset.directories import two_sounds, with_features
from training.runs import run_finetune


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with data directories `train` and `test`, and a classifier in exp/model.pt."""
    root = tmp_path_factory.mktemp("trained")
    with_features(root / "train", two_sounds(12, seed=0))
    with_features(root / "test", two_sounds(11, seed=1, frames=(32, 20, 44, 8)))
    options = {"training__updates": 12, "optimizer__lr": 0.02, "data__min_frames": 10}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
        run_finetune(root, root / "exp", training__evaluate_every=0, **options)
    return root
