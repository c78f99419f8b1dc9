"""Calls of `asda score` on what the tests have trained."""

import pytest

from asda.cli import main
from asda.scoring.compare import read_result


def score(root, out, *words, data="test", model="exp/model.pt"):
    fixed = ["--model", root / model, "--data", root / data, "--out", out, "--device", "cpu"]
    main(["score", *map(str, [*fixed, *words])])
    return read_result(out)


def error_of(capsys, root, out, *words, **options):
    """Return the one line that a refused call prints."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit:
        score(root, out, *words, **options)
    assert exit.value.code == 1
    found = capsys.readouterr().err
    assert found.count("\n") == 1
    return found
