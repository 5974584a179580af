"""How a driver speaks with the worker: one JSON object a line, the same as the worker's `TrainerEvent` and
`TrainerCommand`, over pipes that no print of the trainer reaches."""

from __future__ import annotations

import io
import json
import math
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TextIO

Command = dict[str, Any]

#: Points of the loss curve that a state carries along; a worker that dies has not seen the last of them.
RECENT_POINTS = 1000


class Channel:
    """Events out, commands in."""

    def __init__(self, events: TextIO, commands: Iterable[str]) -> None:
        self._events = events
        self._commands = commands
        self._lock = threading.Lock()
        self._recent: deque[dict[str, Any]] = deque(maxlen=RECENT_POINTS)

    @classmethod
    def take_over_stdio(cls) -> Channel:
        """Keeps the pipes that the process was started with to itself.

        What the trainer and its libraries print to descriptor 1 goes to standard error from here on, and their
        standard input is empty.
        """
        events = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        commands = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace")
        os.dup2(2, 1)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
        sys.stdin = os.fdopen(0, "r", encoding="utf-8", closefd=False)
        return cls(events, commands)

    def give_back_stdio(self) -> None:
        """Undoes `take_over_stdio`, for a program that takes the place of this one."""
        sys.stdout.flush()
        for taken, descriptor in ((self._commands, 0), (self._events, 1)):
            if isinstance(taken, io.TextIOWrapper):
                os.dup2(taken.fileno(), descriptor)

    def emit(self, event: str, **fields: Any) -> None:
        """Sends an event. Fields that are None are left out; a worker that is gone is no reason to stop here."""
        body = {"event": event, **{name: value for name, value in fields.items() if value is not None}}
        line = json.dumps(body, ensure_ascii=False, allow_nan=False)
        with self._lock:
            try:
                self._events.write(line + "\n")
                self._events.flush()
            except (BrokenPipeError, ValueError):
                # The worker died. The closed command pipe stops the training; what is saved is found by the next worker.
                pass

    def progress(self, *, step: int, epoch: int, loss: float, learning_rate: float | None = None) -> None:
        """Reports a finished step; a loss that is no number is left to the guard."""
        if math.isfinite(loss):
            point = {"step": step, "epoch": max(1, epoch), "loss": loss, "learningRate": learning_rate}
            self._recent.append(point)
            self.emit("progress", **point)

    @property
    def recent(self) -> list[dict[str, Any]]:
        """The newest points of the loss curve, for the state that is made of the step they lead to."""
        return list(self._recent)

    def listen(self, on_command: Callable[[Command], None], on_close: Callable[[], None]) -> None:
        """Hands commands on from a thread of its own, and tells when there will be no more."""
        threading.Thread(target=self._read, args=(on_command, on_close), name="commands", daemon=True).start()

    def close_events(self) -> None:
        """For a process that has this channel from the one that it was forked from, and tells nothing."""
        self._events.close()

    def has_closed(self, *, within_seconds: float) -> bool:
        """Whether the worker let go of its end in this time; what it sends is for runs with a gate, and dropped."""
        assert isinstance(self._commands, io.TextIOWrapper)
        commands = self._commands.fileno()
        ready, _, _ = select.select([commands], [], [], within_seconds)
        return bool(ready) and os.read(commands, 65536) == b""

    def _read(self, on_command: Callable[[Command], None], on_close: Callable[[], None]) -> None:
        for line in self._commands:
            try:
                command = json.loads(line)
            except json.JSONDecodeError:
                command = None
            if isinstance(command, dict):
                on_command(command)
            elif line.strip():
                self.emit("warning", message=f"Not a command: {line.strip()[:200]}")
        on_close()
