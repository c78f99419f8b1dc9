"""A plugin of pytest: what came of each test, written as it ends, in the form of the benchmarks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from result_file import ResultFile


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--results", type=Path, help="JSON file for the results of tests")


def pytest_configure(config: pytest.Config) -> None:
    device = "cpu" if os.environ.get("ASDA_DRY_RUN") else "cuda"
    path = config.getoption("results")
    config.pluginmanager.register(Writer(ResultFile(path, "Tests that are marked gpu", device)))


class Writer:
    """Writes a row for each test: outcome, seconds, and the numbers that it has recorded."""

    def __init__(self, results: ResultFile):
        self.results = results
        self.results.content["rows"] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        row = {"test": report.nodeid, "outcome": report.outcome, "seconds": report.duration}
        if report.failed:
            row["reason"] = str(report.longrepr).splitlines()[-1]
        self.results.add(**row, **dict(report.user_properties))

    def pytest_sessionfinish(self) -> None:
        self.results.finish()
