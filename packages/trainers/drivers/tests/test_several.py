from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from process_group import is_group_gone

DRIVERS = Path(__file__).parents[1]
LIMIT_S = 30
START = """
import os, signal, sys
from pathlib import Path
from influencerai_drivers import several
from influencerai_drivers.channel import Channel

several._MAIN, several._LAST_WORDS_SECONDS = Path(sys.argv[1]), 0.2
start, free_port = several._start, several._free_port

def happens(moment):
    # A signal that comes before a process is there reaches the others alone.
    if sys.argv[2] == moment:
        os.kill(os.getpid(), signal.SIGTERM)

def start_one(rank, *others):
    happens(f"before {rank}")
    return start(rank, *others)

def find_port():
    happens("before any")
    return free_port()

several._start, several._free_port = start_one, find_port
several.run_ranks(Channel.take_over_stdio(), processes=2, start_step=4)
"""
#: What a rank does first; the rest of it is a test's.
RANK = r"""
import json, os, signal, sys, time

rank = os.environ["RANK"]

def say(**fields):
    os.write(1, json.dumps({"rank": rank, **fields}).encode() + b"\n")

def hold():
    say(holds=True)
    time.sleep(60)

"""


class Launched:
    def __init__(self, folder: Path, rank: str, signal_comes: str) -> None:
        script = folder / "rank.py"
        script.write_text(RANK + rank)
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(script), signal_comes],
            env={**os.environ, "PYTHONPATH": str(DRIVERS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Where what the other ranks print goes.
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def says(self, count: int) -> list[dict[str, Any]]:
        assert self.process.stdout
        return [json.loads(self.process.stdout.readline()) for _ in range(count)]

    def rest(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output() if line.startswith("{")]

    def output(self) -> list[str]:
        assert self.process.stdout
        return list(self.process.stdout)

    def signal(self, number: int) -> None:
        """As the worker does: the whole group."""
        os.killpg(self.process.pid, number)

    def wait(self) -> int:
        return self.process.wait(LIMIT_S)


Launch = Callable[..., Launched]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    launched: list[Launched] = []

    def start(rank: str, signal_comes: str = "never") -> Launched:
        launched.append(Launched(tmp_path, rank, signal_comes))
        return launched[-1]

    yield start
    for each in launched:
        if each.process.poll() is None:
            each.signal(signal.SIGKILL)
            each.wait()


def test_starts_a_process_for_each_gpu_in_its_own_group(launch: Launch) -> None:
    launched = launch(
        'say(group=os.getpgid(0), port=os.environ["MASTER_PORT"], local=os.environ["LOCAL_RANK"],'
        ' world=os.environ["WORLD_SIZE"], arguments=sys.argv[-1:])'
    )
    ranks = sorted(launched.rest(), key=lambda said: str(said["rank"]))
    assert launched.wait() == 0
    assert [said["rank"] for said in ranks] == [said["local"] for said in ranks] == ["0", "1"]
    assert {said["group"] for said in ranks} == {launched.process.pid}
    assert len({said["port"] for said in ranks}) == 1
    assert ranks[0]["world"] == "2"
    assert ranks[0]["arguments"] == ["--rank"]


def test_two_jobs_of_a_host_do_not_meet(launch: Launch) -> None:
    first = launch('say(port=os.environ["MASTER_PORT"]); hold()')
    second = launch('say(port=os.environ["MASTER_PORT"]); hold()')
    ports = [{said["port"] for said in each.says(4) if "port" in said} for each in (first, second)]
    assert not ports[0] & ports[1]


def test_waits_for_processes_that_save_on_sigterm(launch: Launch) -> None:
    launched = launch(
        "def save(*_):\n    time.sleep(0.5)\n    say(saved=True)\n    sys.exit(0)\n\n"
        "signal.signal(signal.SIGTERM, save)\nhold()\n"
    )
    launched.says(2)
    launched.signal(signal.SIGTERM)
    assert [said["saved"] for said in launched.rest()] == [True, True]
    assert launched.wait() == 0


def test_says_that_a_run_is_aborted_that_had_nothing_to_save(launch: Launch) -> None:
    launched = launch("hold()")
    launched.says(2)
    launched.signal(signal.SIGTERM)
    assert launched.rest() == [{"event": "aborted", "step": 4}]
    assert launched.wait() == 0


def test_ends_the_others_when_the_first_has_left_as_told(launch: Launch) -> None:
    launched = launch(
        'def leave(*_):\n    if rank == "0":\n        say(event="aborted", step=7)\n        sys.exit(0)\n\n'
        "signal.signal(signal.SIGTERM, leave)\nhold()\nsay(outlasts=True)\n"
    )
    launched.says(2)
    launched.signal(signal.SIGTERM)
    assert launched.rest() == [{"rank": "0", "event": "aborted", "step": 7}]
    assert launched.wait() == 0
    assert is_group_gone(launched.process.pid)


@pytest.mark.parametrize("moment", ["before any", "before 0", "before 1"])
def test_a_signal_while_the_processes_are_started_reaches_all(launch: Launch, moment: str) -> None:
    launched = launch("time.sleep(60)\nsay(outlasts=True)\n", moment)
    assert launched.rest() == [{"event": "aborted", "step": 4}]
    assert launched.wait() == 0


def test_ends_the_others_when_one_has_failed(launch: Launch) -> None:
    launched = launch('os._exit(3) if rank == "1" else hold()')
    assert "rank 1 failed (exitcode: 3)\n" in launched.output()
    assert launched.wait() == 1
    assert is_group_gone(launched.process.pid)


def test_leaves_none_behind_when_the_group_is_killed(launch: Launch) -> None:
    launched = launch("hold()")
    launched.says(2)
    launched.signal(signal.SIGKILL)
    launched.wait()
    assert is_group_gone(launched.process.pid)
