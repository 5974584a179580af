from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DRIVERS = Path(__file__).parent.parent

#: As accelerate's: it keeps to the port that it is given, or else to the same one for every job.
LAUNCHER = """
import argparse, json, socket
parser = argparse.ArgumentParser()
parser.add_argument("--main_process_port", type=int, default=29500)
parser.add_argument("--num_processes", type=int)
options, command = parser.parse_known_args()
with socket.create_server(("127.0.0.1", options.main_process_port)):
    print(json.dumps({"port": options.main_process_port, "processes": options.num_processes, "command": command}), flush=True)
    input()
"""

CONFIGS: dict[str, dict[str, Any]] = {
    "kohya": {
        "mode": "launch",
        "script": "train_network",
        "jobFile": "job.toml",
        "outputName": "x",
        "totalSteps": 1,
        "totalEpochs": 1,
    },
    "trl": {},
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    commands = tmp_path / "accelerate" / "commands"
    commands.mkdir(parents=True)
    for folder in (commands, commands.parent):
        (folder / "__init__.py").touch()
    (commands / "launch.py").write_text(LAUNCHER, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


@pytest.fixture
def taken() -> Iterator[None]:
    """Somebody else has the port that accelerate takes by itself."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 29500))
            other.listen()
        except OSError:
            # As well: somebody has it already.
            pass
        yield


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("trainer", CONFIGS)
def test_should_run_several_jobs_of_several_processes_on_one_host(
    trainer: str, environment: dict[str, str], tmp_path: Path
) -> None:
    config = {**CONFIGS[trainer], "launcherArguments": ["--num_processes", "2"]}
    (tmp_path / "driver.json").write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, str(DRIVERS), trainer, "--home", str(tmp_path), "--config", "driver.json"]
    jobs = [
        subprocess.Popen(
            command, cwd=tmp_path, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    told = [json.loads(job.stdout.readline() if job.stdout else "") for job in jobs]
    for job in jobs:
        job.communicate("\n", timeout=30)
    assert [job.returncode for job in jobs] == [0, 0]
    assert told[0]["port"] != told[1]["port"]
    assert [launch["processes"] for launch in told] == [2, 2]
    assert told[0]["command"] == [str(DRIVERS / "__main__.py"), *command[2:], "--rank"]
