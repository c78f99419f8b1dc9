"""tools/gpu/check.sh, tried out on the CPU as it runs on a GPU: every piece writes its table."""

import json
import os
import subprocess

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def out(repository, tmp_path_factory):
    """What a dry run leaves, and a second call after it."""
    folder = tmp_path_factory.mktemp("check") / "out"
    command = [repository / "tools/gpu/check.sh", "--dry", "--seconds", "2000"]
    command += ["--further", f"echo trained >> {folder.parent}/further", folder]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    first = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert first.returncode == 0, first.stdout + first.stderr + log_of(folder)
    second = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert second.stdout.count("kept") == 4, second.stdout + second.stderr
    return folder


def log_of(folder):
    log = folder / "log.txt"
    return log.read_text()[-4000:] if log.exists() else ""


def rows(out, piece):
    content = json.loads((out / f"{piece}.json").read_text())
    assert content["complete"] and content["about"]["torch"]
    return content["rows"]


def test_tests(out):
    found = rows(out, "tests")
    outcomes = {row["test"].split("::")[0]: row["outcome"] for row in found}
    assert outcomes.pop("tests/kernels/test_triton_attention.py") == "skipped"  # without a GPU
    assert set(outcomes.values()) == {"passed"}
    files = set(outcomes)
    assert {"tests/parity/test_parity.py", "tests/gpu/test_attention.py"} <= files
    assert max(row.get("decoder_output", 0) for row in found) < 1e-5


def test_steps(out):
    found = rows(out, "step")
    assert not [row for row in found if "error" in row]
    for case in ("pretraining", "finetuning", "inference"):
        forms = [row["form"] for row in found if row["step"] == f"{case} x 1"]
        assert forms == ["textbook bf16", "asda bf16", "traced"]
    assert any(row["step"] == "pretraining x 2" for row in found)
    assert all(row["clips_per_second"] > 0 and row["MiB"] > 0 for row in found)


def test_profile(out):
    share = {row["part"]: row["share"] for row in rows(out, "profile")}
    assert share["matrix products"] > 0.1
    assert {"convolutions", "norms", "elementwise", "optimizer, EMA, clipping"} <= set(share)


def test_loader(out):
    found = rows(out, "loader")
    assert [row["workers"] for row in found] == [0, 1]
    assert all(row["fed"] > 0 and 0 <= row["waits"] < 1 for row in found)


def test_the_report_has_a_table_of_each_piece(out):
    text = (out / "report.md").read_text()
    assert text.startswith("# Dry run on a CPU") and "Cut off" not in text
    assert text.count("\n## ") == 4 and text.count("\n| ---") >= 5


def test_what_is_left_of_the_time_goes_to_a_further_command(out):
    assert (out.parent / "further").read_text() == "trained\n" * 2


def test_a_piece_that_is_cut_off_keeps_what_it_has_measured(repository, out, tmp_path):
    content = json.loads((out / "step.json").read_text())
    content |= {"complete": False, "rows": content["rows"][:1]}
    (tmp_path / "step.json").write_text(json.dumps(content))
    command = [repository / "tools/gpu/check.sh", "--dry", "--seconds", "8", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "no time left" in done.stdout or "ended after" in done.stdout
    assert json.loads((tmp_path / "step.json").read_text())["rows"] == content["rows"]


def test_without_a_gpu_only_a_dry_run_is_possible(repository, tmp_path):
    command = [repository / "tools/gpu/check.sh", tmp_path / "out"]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "check.sh: error: PyTorch finds no GPU; --dry tries it out on the CPU\n"


def test_options_come_in_any_order_and_seconds_are_a_number(repository, tmp_path):
    command = [repository / "tools/gpu/check.sh", "--seconds", "4", "--dry", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(
        f"{piece}: no time left\n" for piece in ("tests", "step", "profile", "loader")
    )
    command[2] = "4m"
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "check.sh: error: --seconds must be a whole number, not '4m'\n"
