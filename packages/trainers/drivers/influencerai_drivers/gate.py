"""The step gate: what may run, and what was asked for meanwhile."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .channel import Command


class Aborted(BaseException):
    """Leaves the trainer. Not an `Exception`, so that no handler of the trainer takes it for an error."""


class Gate:
    """Commands arrive from another thread or a signal; the training thread looks at them between steps.

    Steps are true optimizer steps, counted since the very first start of the job.
    """

    def __init__(self, *, start_step: int, total_steps: int, is_budgeted: bool) -> None:
        self._condition = threading.Condition()
        self._authorised = start_step if is_budgeted else total_steps
        self._total = total_steps
        self._is_stopping = False
        self._is_interruptible = False
        self._save = False
        self._sample = False

    @property
    def is_stopping(self) -> bool:
        return self._is_stopping

    def handle(self, command: Command) -> None:
        """Takes a `TrainerCommand`."""
        name, steps = command.get("command"), command.get("steps")
        with self._condition:
            if name == "grant" and isinstance(steps, int) and steps > 0:
                self._authorised += steps
            elif name == "save":
                self._save = True
            elif name == "sample":
                self._sample = True
            elif name == "abort":
                self._is_stopping = True
            self._condition.notify_all()

    def expect(self, total_steps: int) -> None:
        """Corrects the total, for a trainer that counts its steps itself. Without a budget all of them may run."""
        with self._condition:
            if self._authorised >= self._total:
                self._authorised = total_steps
            self._total = total_steps

    def stop(self) -> None:
        """Asks the training to save and end at the next step."""
        with self._condition:
            self._is_stopping = True
            self._condition.notify_all()

    def stop_on_signals(self) -> None:
        """SIGTERM and SIGINT stop the training; within `interruptible` they do so at once."""

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            self.stop()
            if self._is_interruptible:
                raise Aborted

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Work that may be left anywhere, because nothing of it has to be saved: loading, caching, sampling.

        An abort that comes over the command pipe is seen when the work is over, or by `raise_if_stopping` within it.
        """
        before = self._is_interruptible
        self._is_interruptible = True
        try:
            self.raise_if_stopping()
            yield
        finally:
            self._is_interruptible = before

    def set_interruptible(self, value: bool) -> None:
        """The same for work that does not fit a block."""
        self._is_interruptible = value

    def raise_if_stopping(self) -> None:
        if self._is_stopping:
            raise Aborted

    def take_save(self) -> bool:
        """Whether a save was asked for since the last call."""
        with self._condition:
            asked, self._save = self._save, False
            return asked

    def take_sample(self) -> bool:
        """Whether samples were asked for since the last call."""
        with self._condition:
            asked, self._sample = self._sample, False
            return asked

    def is_spent(self, step: int) -> bool:
        """Whether the authorised budget ends at this step and there is more to do."""
        return self._authorised <= step < self._total

    def wait(self, step: int) -> None:
        """Blocks while the budget is spent, until something is asked for."""
        with self._condition:
            self._condition.wait_for(lambda: not self.is_spent(step) or self._is_stopping or self._save or self._sample)
