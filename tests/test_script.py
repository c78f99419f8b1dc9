"""How scripts of recipes end when the user gave something wrong."""

import pytest

from asda.files import InputError
from asda.script import run_main


def test_a_user_error_is_one_line_that_names_the_script(monkeypatch):
    monkeypatch.setattr("sys.argv", ["local/data.py", "corpus"])

    def main():
        raise InputError("a.csv:2: no label; add one")

    with pytest.raises(SystemExit, match=r"^data\.py: error: a\.csv:2: no label; add one$"):
        run_main(main)


def test_what_the_system_refuses_is_one_line(monkeypatch):
    monkeypatch.setattr("sys.argv", ["local/data.py", "corpus"])

    def main():
        raise PermissionError(13, "Permission denied", "data/all")

    with pytest.raises(SystemExit, match=r"^data\.py: error: data/all: Permission denied; change"):
        run_main(main)


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        run_main(lambda: print(1 / 0))
