"""`pytest --results FILE` writes how each test ended as a line of JSON, for `bin/trainers verify`.

Stop signals are sent four times in each phase of a training; `--signal-rounds 1` is for a quick look.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--results", type=Path, help="file for one JSON object per test")
    parser.addoption("--signal-rounds", type=int, default=4, help="stop signals in each phase of a training")


def pytest_configure(config: pytest.Config) -> None:
    file: Path | None = config.getoption("--results")
    if file:
        config.pluginmanager.register(Results(file))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "signal_round" in metafunc.fixturenames:
        metafunc.parametrize("signal_round", range(metafunc.config.getoption("--signal-rounds")))


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
            "stopSeconds": dict(report.user_properties).get("stop_seconds"),
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
