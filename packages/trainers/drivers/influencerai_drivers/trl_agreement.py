"""What several processes of a training know alike, so that their sessions decide alike."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .gate import Gate


class AgreedGate(Gate):
    """Stops when all have agreed to. A signal reaches each process at another moment, and one that left or saved by
    itself would leave the others waiting for it.

    What the others do not wait for is interrupted all the same by what this process was told.
    """

    def __init__(self, told: Gate, *, start_step: int, total_steps: int) -> None:
        super().__init__(start_step=start_step, total_steps=total_steps, is_budgeted=False)
        self._told = told

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        with self._told.interruptible():
            yield

    def set_interruptible(self, value: bool) -> None:
        self._told.set_interruptible(value)


class Agreement:
    """Sums of what each process contributes: whether it was told to stop, and the first one's clock."""

    def __init__(self, told: Gate, agreed: AgreedGate, *, is_first: bool) -> None:
        self._told = told
        self._agreed = agreed
        self._is_first = is_first
        self._seconds = 0.0

    @property
    def contribution(self) -> list[float]:
        """The same numbers of every process are added up."""
        return [float(self._told.is_stopping), time.monotonic() if self._is_first else 0.0]

    def take(self, sums: Sequence[float]) -> None:
        """Who was not told to stop stops with who was."""
        stops, self._seconds = sums
        if stops:
            self._agreed.stop()

    def now(self) -> float:
        """Seconds of the common clock, as they were at the last agreement."""
        return self._seconds
