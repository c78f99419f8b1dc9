"""Folders of checkpoints and their outputs, against which asda is exact.

Each has `checkpoint.pt` and `finetuned.pt` in the reference's format, and their outputs in
`pretrain_step.npz`, `features.npz` and `classify.npz`. There are two sources:

- golden-FORM: weights drawn here, outputs kept in `data/`, made by make_golden.py
- reference-FORM: weights and outputs of the reference itself, larger; only in the checkouts of
  developers who have them in `../shared/parity`
"""

import shutil
from pathlib import Path

import numpy as np
import torch
from checkpoint.reference_files import finetuned, pretraining

DATA = Path(__file__).parent / "data"
REFERENCE = Path(__file__).resolve().parents[3] / "shared/parity"

FORMS = ("asda", "eat")
DEPTH = {"asda": 3, "eat": 2}
WIDTH = 64
NUM_MASKS = 2
FRAMES = 64
CLASSES = 7
POSITION_ROWS = 64


def names(*forms: str) -> list[str]:
    """Return the folders of these forms that exist here."""
    sources = ["golden", "reference"] if REFERENCE.is_dir() else ["golden"]
    return [f"{source}-{form}" for source in sources for form in forms]


def folder(name: str, tmp_path: Path) -> Path:
    """Return a folder by its name; a golden one is laid down in TMP_PATH."""
    source, form = name.split("-")
    if source == "reference":
        return REFERENCE / form
    write_checkpoints(form, tmp_path)
    for arrays in (DATA / form).glob("*.npz"):
        shutil.copy(arrays, tmp_path)
    return tmp_path


class Stream:
    """Numbers that are the same with every version of numpy and on every processor."""

    def __init__(self, seed: int):
        self.bits = np.random.PCG64(seed)

    def uniform(self, *shape: int) -> np.ndarray:
        """Return float32 multiples of 2 ** -23 in [-1, 1)."""
        raw = self.bits.random_raw(int(np.prod(shape))) >> np.uint64(40)
        return (raw.astype(np.float32) * np.float32(2**-23) - 1).reshape(shape)

    def fill(self, tensors: dict) -> None:
        """Replace all tensors but the positions: weights of norms are near 1, others near 0."""
        for name, tensor in tensors.items():
            if isinstance(tensor, dict):
                self.fill(tensor)
            elif not name.endswith("positions"):
                drawn = torch.from_numpy(self.uniform(*tensor.shape))
                is_norm = "norm" in name and name.endswith("weight")
                tensor.copy_(1 + drawn / 4 if is_norm else drawn / 4)


def write_checkpoints(form: str, folder: Path) -> None:
    stream = Stream(FORMS.index(form))
    first = pretraining(form, WIDTH, DEPTH[form], rows=POSITION_ROWS * 8)
    second = finetuned(form, WIDTH, DEPTH[form], CLASSES, rows=POSITION_ROWS * 8)
    for config in (first["cfg"], second["cfg"]["model"]["pretrained_model_args"]):
        config["task"]["target_length"] = FRAMES
        config["model"]["clone_batch"] = NUM_MASKS
    for content, file in ((first, "checkpoint.pt"), (second, "finetuned.pt")):
        stream.fill(content["model"])
        torch.save(content, folder / file)


def inputs(form: str) -> tuple[np.ndarray, np.ndarray]:
    """Return fbank (2, 1, frames, 128) and mask (2 * masks, patches) uint8, 1 = masked."""
    stream = Stream(100 + FORMS.index(form))
    # Few levels, so that the stored file is small.
    fbank = np.round(stream.uniform(2, 1, FRAMES, 128) * 64) / np.float32(32)
    patches = FRAMES // 16 * 8
    order = stream.uniform(2 * NUM_MASKS, patches).argsort(axis=1)
    mask = np.ones((2 * NUM_MASKS, patches), np.uint8)
    np.put_along_axis(mask, order[:, : round(0.2 * patches)], 0, axis=1)
    return fbank, mask
