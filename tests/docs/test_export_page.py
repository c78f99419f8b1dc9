"""The example of docs/export.md labels a sound in a process that has no asda."""

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


def test_the_example_of_onnx_prints_the_labels(repository, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    page = (repository / "docs/export.md").read_text()
    example = re.search(r"test_export_page\.py -->\n```python\n(.*?)```", page, re.DOTALL)[1]
    tensor_files.save(saved_model().content(), tmp_path / "model.pt")
    samples = np.random.default_rng(0).normal(0, 0.1, 2000)  # shorter than two patches
    soundfile.write(tmp_path / "dog.wav", samples, 16000, subtype="FLOAT")
    main(["export", str(tmp_path / "model.pt"), str(tmp_path / "model.onnx"), "--format", "onnx"])
    script = f"import sys\nsys.modules['asda'] = None\n{example}"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    found = [line.rsplit("  ", 1) for line in done.stdout.splitlines()]
    expected = load(tmp_path / "model.pt", "cpu").tag(str(tmp_path / "dog.wav"))
    assert [name for name, _ in found] == [tag.label for tag in expected]
    assert [float(score) for _, score in found] == pytest.approx(
        [tag.score for tag in expected], abs=1e-3
    )
