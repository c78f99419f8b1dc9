"""What a run records of its launch, and says about another one."""

from pathlib import Path

import pytest

from asda.files import InputError
from asda.training.launch import Launch
from asda.training.run_config import PretrainConfig
from asda.training.train_state import TrainState


def launch(processes, data, **training):
    config = PretrainConfig(train="data", exp="exp")
    for name, value in data.items():
        setattr(config.data, name, value)
    for name, value in training.items():
        setattr(config.training, name, value)
    return Launch.of(config, processes), config.data.batch_unit


@pytest.mark.parametrize(
    ("data", "change"),
    [
        ({"batch_size": 4}, "2 processes, 8 clips per update -> 1, 4"),
        ({"batch_frames": 4000}, "2 processes, 8000 frames per update -> 1, 4000"),
    ],
)
def test_the_size_of_an_update_has_its_unit(data, change):
    (two, unit), (one, _) = launch(2, data), launch(1, data)
    with pytest.raises(InputError) as refused:
        one.check(two, Path("exp"), unit)
    assert f"({change})" in str(refused.value)
    assert f"or keep the {unit} per update with training.accumulation" in str(refused.value)
    as_large, _ = launch(1, data, accumulation=2)
    note = as_large.check(two, Path("exp"), unit)
    same = f"2 processes, {two.update_size} {unit} per update -> 1, {two.update_size}"
    assert note.startswith(f"another number of processes ({same})")


def test_records_of_earlier_versions_are_read(tmp_path):
    (tmp_path / "launch.yaml").write_text("processes: 2\nclips_per_update: 8\n")
    assert Launch.read(tmp_path) == Launch(2, 8)
    values = {"update": 3, "batches": 6, "history": [], "snapshots": {}, "best": None}
    values |= {"since_best": 0, "batch_size": 4}
    state = TrainState.restored(values, tmp_path / "checkpoint.pt")
    state.divide(2)
    assert (state.batches, state.batch_measure) == (12, 2)
