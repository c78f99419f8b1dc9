"""The examples of docs/export.md run in a process that has no asda."""

import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from export.exported import saved_model

from asda.checkpoint import tensor_files
from asda.cli import main
from asda.inference.loading import load

pytestmark = pytest.mark.slow


@pytest.fixture
def run(repository, tmp_path):
    """A function that exports a model and runs the example that reads this file."""

    def output(file, name):
        tensor_files.save(saved_model().content(), tmp_path / "model.pt")
        samples = np.random.default_rng(0).normal(0, 0.1, 2000)  # shorter than two patches
        soundfile.write(tmp_path / "dog.wav", samples, 16000, subtype="FLOAT")
        main(["export", str(tmp_path / "model.pt"), str(tmp_path / file), "--format", name])
        page = (repository / "docs/export.md").read_text()
        examples = re.findall(r"```py\n(.*?)```", page, re.DOTALL)
        example = next(text for text in examples if f'("{file}"' in text)
        done = subprocess.run(
            [sys.executable, "-c", f"import sys\nsys.modules['asda'] = None\n{example}"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    return output


def test_the_example_of_onnx_prints_the_labels(run, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    found = [line.rsplit("  ", 1) for line in run("model.onnx", "onnx").splitlines()]
    expected = load(tmp_path / "model.pt", "cpu").tag(str(tmp_path / "dog.wav"))
    assert [name for name, _ in found] == [tag.label for tag in expected]
    assert [float(score) for _, score in found] == pytest.approx(
        [tag.score for tag in expected], abs=1e-3
    )


def test_the_example_of_torch_runs(run):
    run("model.pt2", "torch-export")
