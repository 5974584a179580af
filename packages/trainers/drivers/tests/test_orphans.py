import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DRIVERS = Path(__file__).parent.parent

PROGRAM = """
import signal, subprocess, sys, time
from influencerai_drivers.channel import Channel
from influencerai_drivers.orphans import end_with_worker

if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
channel = Channel.take_over_stdio()
end_with_worker(channel, grace_seconds=0.5)
if "short" not in sys.argv:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
channel.emit("paused", step=1)
if "short" not in sys.argv:
    time.sleep(600)
"""


def is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_should_leave_nothing_behind_when_the_training_ends_first() -> None:
    command = [sys.executable, "-c", PROGRAM, "short"]
    with subprocess.Popen(
        command, cwd=DRIVERS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as training:
        assert training.stdin and training.stdout
        # The end of the stream comes only when nobody holds it any more.
        assert b"paused" in training.stdout.read()
        assert training.wait(30) == 0


@pytest.mark.parametrize(("how", "ended_by"), [("obedient", signal.SIGTERM), ("deaf", signal.SIGKILL)])
def test_should_end_all_processes_of_a_training_when_the_worker_is_gone(how: str, ended_by: signal.Signals) -> None:
    command = [sys.executable, "-c", PROGRAM, how]
    with subprocess.Popen(
        command, cwd=DRIVERS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as training:
        assert training.stdin and training.stdout
        assert b"paused" in training.stdout.readline()
        assert training.poll() is None
        training.stdin.close()
        assert training.wait(30) == -ended_by
        deadline = time.monotonic() + 30
        while not is_gone(training.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert is_gone(training.pid)
