"""The numbers of a run, read from its log."""

import pytest
from training.runs import history, run_pretrain, stopped_before

from asda.files import InputError
from asda.training.history import best_point, curve, quantities
from asda.training.run_log import read_history

BEGIN = "2026-11-28 13:24:10 INFO training begins"
PACE = "12.98 updates/s  2.0 min left"
ROW = f"2026-11-28 13:24:14 INFO {{}} {{}}/40  loss {{}}  learning_rate 0.0002  {PACE}"


def log(folder, *lines):
    folder.mkdir(exist_ok=True)
    (folder / "train.log").write_text("\n".join(lines) + "\n")
    return folder


def test_rows_hold_the_quantities_and_neither_pace_nor_other_lines(tmp_path):
    exp = log(
        tmp_path / "a",
        "2026-11-28 13:24:09 INFO 10 classes of 240 training clips",
        BEGIN,
        ROW.format("train", 10, 2.5),
        "2026-11-28 13:24:15 WARNING after update 10: train 11/40  loss 7",
        "2026-11-28 13:24:43 INFO valid 10/40  loss nan  accuracy 0.873333",
    )
    first, second = read_history(exp)
    assert first == {"update": 10, "train/loss": 2.5, "train/learning_rate": 0.0002}
    assert second.keys() == {"update", "valid/loss", "valid/accuracy"}
    assert second["valid/accuracy"] == 0.873333


def test_of_updates_that_a_resumed_run_repeats_the_last_lines_count(tmp_path):
    rows = [ROW.format("train", update, update / 10) for update in (10, 20, 30)]
    resumed = "2026-11-28 14:00:00 INFO resuming after update 10"
    found = read_history(log(tmp_path / "a", BEGIN, *rows, resumed))
    assert [row["update"] for row in found] == [10]
    again = ROW.format("train", 20, 9)
    found = read_history(log(tmp_path / "b", BEGIN, *rows, resumed, again))
    assert curve(found, "train", "loss") == ([10, 20], [1, 9])
    found = read_history(log(tmp_path / "c", BEGIN, *rows, BEGIN, again))
    assert curve(found, "train", "loss") == ([20], [9])


def test_a_folder_without_a_log_or_without_numbers_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"train\.log: no such file; give the experiment folder"):
        read_history(tmp_path)
    with pytest.raises(InputError, match="holds no numbers yet"):
        read_history(log(tmp_path / "a", BEGIN))


def test_the_best_point_is_that_of_the_validation_set():
    rows = [
        {"update": 1, "train/loss": 0.1},
        {"update": 1, "valid/loss": 2.0, "valid/mAP": 0.3, "valid/target_std": 1.0},
        {"update": 2, "valid/loss": 1.0, "valid/mAP": 0.2, "valid/target_std": 0.5},
    ]
    assert best_point(rows, "loss") == (2, 1.0)
    assert best_point(rows, "mAP") == (1, 0.3)
    assert best_point(rows, "target_std") is None
    assert quantities(rows) == ["loss", "mAP", "target_std"]


@pytest.mark.slow
@pytest.mark.usefixtures("no_images")
def test_the_log_of_a_stopped_and_resumed_run_holds_the_history_of_its_checkpoint(
    data, tmp_path, monkeypatch
):
    options = {"valid": data / "valid"}
    with stopped_before(7):
        run_pretrain(data, tmp_path / "exp", **options)
    run_pretrain(data, tmp_path / "exp", **options)
    found, expected = read_history(tmp_path / "exp"), history(tmp_path / "exp")
    assert [row.keys() for row in found] == [row.keys() for row in expected]
    for row, other in zip(found, expected, strict=True):
        assert row == pytest.approx(other, rel=1e-5)
