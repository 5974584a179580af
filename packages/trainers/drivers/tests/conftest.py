"""`pytest --results FILE` writes how each test ended as a line of JSON, for `bin/trainers verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--results", type=Path, help="file for one JSON object per test")


def pytest_configure(config: pytest.Config) -> None:
    file: Path | None = config.getoption("--results")
    if file:
        config.pluginmanager.register(Results(file))


class Results:
    def __init__(self, file: Path) -> None:
        self.file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # What comes before and after a test is told only where it went wrong.
        if report.when != "call" and report.passed:
            return
        ended = {
            "name": report.nodeid.split("::")[-1],
            "outcome": report.outcome,
            "seconds": round(report.duration, 1),
            "problem": _problem(report),
        }
        with self.file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(ended) + "\n")


def _problem(report: pytest.TestReport) -> str | None:
    if report.passed:
        return None
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2]
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash else str(report.longrepr)
