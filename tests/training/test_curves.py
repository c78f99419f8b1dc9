"""Curves of a run as images."""

import matplotlib
import pytest
from matplotlib.figure import Figure

from asda import canvas
from asda.training.progress import draw_curves

HISTORY = [
    {"update": 10, "train/loss": 3.0, "train/target_std": 0.97},
    {"update": 10, "valid/loss": 2.0, "valid/accuracy": 0.5, "valid/target_std": 0.98},
    {"update": 20, "train/loss": 2.0, "train/target_std": 0.98},
    {"update": 20, "valid/loss": 1.5, "valid/accuracy": 0.9, "valid/target_std": 0.98},
    {"update": 30, "train/loss": 1.0, "train/target_std": 0.975},
    {"update": 30, "valid/loss": 1.8, "valid/accuracy": 0.8, "valid/target_std": 0.97},
]


def drawn(folder, monkeypatch):
    """Return quantity -> the axes of its image."""
    axes = {}
    write = canvas.write_figure

    def keep(figure, path, dpi):
        axes[path.stem] = figure.axes[0]
        write(figure, path, dpi)

    monkeypatch.setattr(canvas, "write_figure", keep)
    draw_curves(HISTORY, folder)
    return axes


def test_curves_have_a_title_and_mark_the_best_update(tmp_path, monkeypatch):
    axes = drawn(tmp_path / "finetune_a/images", monkeypatch)
    assert set(axes) == {"loss", "accuracy", "target_std"}
    assert {each.get_title() for each in axes.values()} == {"finetune_a"}
    marked = {name: each.lines[-1].get_xydata().tolist() for name, each in axes.items()}
    assert marked["loss"] == [[20, 1.5]]
    assert marked["accuracy"] == [[20, 0.9]]
    assert len(axes["target_std"].lines) == 2  # a standard deviation is neither good nor bad
    assert axes["loss"].lines[-1].get_label() == "best: 1.5 at 20"
    bottom, top = axes["target_std"].get_ylim()
    assert bottom == 0 and top > 1.05 * max(
        line.get_ydata().max() for line in axes["target_std"].lines
    )
    assert (tmp_path / "finetune_a/images/loss.png").stat().st_size > 1000


def test_figures_of_the_calling_program_stay_as_they_are(tmp_path):
    """A notebook shows its own by another backend."""
    before = matplotlib.get_backend()
    try:
        matplotlib.use("svg")
        draw_curves(HISTORY, tmp_path)
        assert matplotlib.get_backend() == "svg"
    finally:
        matplotlib.use(before)


def test_images_are_replaced_as_a_whole(tmp_path, monkeypatch):
    draw_curves(HISTORY, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def killed(figure, file, **options):
        with file if hasattr(file, "write") else open(file, "wb") as stream:
            stream.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", killed)
    with pytest.raises(KeyboardInterrupt):
        draw_curves(HISTORY, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
