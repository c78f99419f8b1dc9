"""Results of benchmarks are kept row by row."""

import importlib
import json

import pytest


@pytest.fixture
def result_file(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "tools/bench")
    return importlib.import_module("result_file").ResultFile


def test_rows_of_a_run_that_was_cut_off_are_kept_but_not_its_errors(result_file, tmp_path):
    path = tmp_path / "step.json"
    first = result_file(path, "Steps", "cpu")
    first.add(step="a", form="one", seconds=1.5)
    first.add(step="a", form="two", error="out of memory")
    assert not json.loads(path.read_text())["complete"]
    second = result_file(path, "Steps", "cpu")
    assert second.find(step="a")["seconds"] == 1.5
    assert second.find(step="a", form="two") is None
    second.add(step="a", form="two", seconds=2.0)
    second.finish()
    content = json.loads(path.read_text())
    assert content["complete"] and content["about"]["torch"]
    assert [row["seconds"] for row in content["rows"]] == [1.5, 2.0]


def test_without_a_file_nothing_is_written(result_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = result_file(None, "Steps", "cpu")
    results.add(seconds=1.0)
    results.finish()
    assert not list(tmp_path.iterdir())
