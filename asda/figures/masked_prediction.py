"""What the student of a pretrained model sees of a clip, and how well the rest is predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from asda.checkpoint.saved_model import SavedModel, load_weights
from asda.figures.clip_input import ClipInput
from asda.files import InputError
from asda.model.masking import sample_visible
from asda.model.model_config import patch_grid
from asda.model.pretrainer import Pretrainer


@dataclass
class MaskedPrediction:
    """Masks of a clip and the errors of their predictions, on its grid of patches.

    Attributes:
        visible: whether the student sees a patch (num_masks, time, freq) bool
        error: squared error over the channels of a patch, (num_masks, time, freq) float32. Targets
            have a mean square of 1, so 1 is the error of a prediction of zeros
    """

    visible: np.ndarray
    error: np.ndarray

    @property
    def mean_error(self) -> np.ndarray:
        """Mean over the masks that hide a patch (time, freq); NaN where none does."""
        hidden = ~self.visible
        total, count = (self.error * hidden).sum(0), hidden.sum(0)
        mean: np.ndarray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return mean


def load_pretrainer(saved: SavedModel) -> Pretrainer:
    """Return student, decoder and teacher of a pretrained model, in evaluation mode.

    Raises:
        InputError: if the file does not hold them.
    """
    if saved.kind != "pretrained":
        what = {"encoder": "an encoder alone", "finetuned": "a fine-tuned model"}[saved.kind]
        raise InputError(
            f"{saved.path}: {what}; masks need a pretrained model (the model.pt of asda pretrain),"
            " which also holds decoder and teacher"
        )
    pretrainer = Pretrainer(saved.config)
    load_weights(pretrainer, saved.weights, saved.path)
    return pretrainer.eval()


@torch.no_grad()
def predict_masked(
    pretrainer: Pretrainer, clip: ClipInput, num_masks: int, seed: int
) -> MaskedPrediction:
    """Draw masks with the settings of the model, and predict what they hide.

    Args:
        pretrainer: student, decoder and teacher, on the CPU
        clip: the clip
        num_masks: number of masks
        seed: random seed of the masks, and of the noise that the decoder is given in place of
            hidden patches

    Raises:
        InputError: if the number of masks is below 1, or the seed is negative.
    """
    if num_masks < 1 or seed < 0:
        raise InputError("--masks must be at least 1, and --seed not negative")
    config = pretrainer.config
    features = clip.features.cpu()
    grid = patch_grid(config, features.shape[1])
    chosen = sample_visible(*grid, num_masks, config.mask, np.random.default_rng(seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        visible = torch.from_numpy(chosen)[None]
        _, predictions = pretrainer.predict(features, visible, None)
    targets, _ = pretrainer.targets(features, None)
    error = (predictions[0].float() - targets).square().mean(2)  # (num_masks, patches)
    seen = np.zeros(error.shape, bool)
    np.put_along_axis(seen, chosen, True, axis=1)
    shown = patch_grid(config, len(clip.log_mel))[0]  # without padding
    return MaskedPrediction(
        seen.reshape(-1, *grid)[:, :shown], error.numpy().reshape(-1, *grid)[:, :shown]
    )
