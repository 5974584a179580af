import io
import json
import math
import subprocess
import sys
import threading
from pathlib import Path

from influencerai_drivers.channel import Channel, Command

DRIVERS = Path(__file__).parent.parent


def test_should_send_one_object_a_line_without_what_is_unknown() -> None:
    out = io.StringIO()
    channel = Channel(out, [])
    channel.emit("paused", step=3)
    channel.progress(step=4, epoch=0, loss=0.5)
    channel.progress(step=5, epoch=1, loss=math.nan)
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"event": "paused", "step": 3},
        {"event": "progress", "step": 4, "epoch": 1, "loss": 0.5},
    ]


def test_should_hand_on_commands_and_their_end() -> None:
    commands: list[Command] = []
    closed = threading.Event()
    out = io.StringIO()
    Channel(out, ['{"command":"save"}\n', "\n", "nonsense\n"]).listen(commands.append, closed.set)
    assert closed.wait(5)
    assert commands == [{"command": "save"}]
    assert "Not a command: nonsense" in out.getvalue()


def test_should_survive_a_worker_that_is_gone() -> None:
    out = io.StringIO()
    out.close()
    Channel(out, []).emit("paused", step=1)


def test_should_keep_prints_of_the_trainer_out_of_the_events() -> None:
    program = """
import os, subprocess, sys
from influencerai_drivers.channel import Channel
channel = Channel.take_over_stdio()
print("printed")
os.write(1, b"written\\n")
subprocess.run(["echo", "from a child"])
assert sys.stdin.read() == ""
channel.emit("paused", step=1)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        cwd=DRIVERS,
        input='{"command":"save"}\n',
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.stdout == '{"event": "paused", "step": 1}\n', ended.stderr
    assert sorted(ended.stderr.splitlines()) == ["from a child", "printed", "written"]


def test_should_give_its_pipes_back_to_the_program_that_takes_over() -> None:
    program = (
        "import os, sys; from influencerai_drivers.channel import Channel; channel = Channel.take_over_stdio(); "
        "print('a log line', flush=True); channel.give_back_stdio(); os.execvp('cat', ['cat'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input="handed on", capture_output=True, text=True, cwd=DRIVERS, check=True
    )
    assert done.stdout == "handed on"
    assert done.stderr == "a log line\n"
