"""What several processes of a training know alike, so that their sessions decide alike."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .gate import Gate


class Agreement:
    """Sums of what each process contributes: whether it was told to stop, and the first one's clock."""

    def __init__(self, gate: Gate, *, is_first: bool) -> None:
        self._gate = gate
        self._is_first = is_first
        self._seconds = 0.0

    @property
    def contribution(self) -> list[float]:
        """The same numbers of every process are added up."""
        return [float(self._gate.is_stopping), time.monotonic() if self._is_first else 0.0]

    def take(self, sums: Sequence[float]) -> None:
        """Who was not told to stop stops with who was."""
        stops, self._seconds = sums
        if stops:
            self._gate.stop()

    def now(self) -> float:
        """Seconds of the common clock, as they were at the last agreement."""
        return self._seconds
