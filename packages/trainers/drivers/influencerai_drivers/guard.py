"""Notices a training that has gone wrong, before its weights replace good ones."""

from __future__ import annotations

import math
from collections import deque

WINDOW = 25


class LossGuard:
    """Judges the losses of single steps.

    A loss that is NaN or infinite is final: the optimizer has already seen its gradients. One that is finite has
    exploded when the mean of a window is `over_first` times the first window's and `over_best` times the best one's;
    single steps of a diffusion model differ by a factor of fifty and say nothing.
    """

    def __init__(self, *, tolerated_non_finite: int = 0, over_first: float = 3.0, over_best: float = 5.0) -> None:
        self._tolerated = tolerated_non_finite
        self._over_first = over_first
        self._over_best = over_best
        self._window: deque[float] = deque(maxlen=WINDOW)
        self._first: float | None = None
        self._best = math.inf
        self._non_finite = 0

    def judge(self, loss: float) -> tuple[str, str] | None:
        """Returns the error code and a sentence when the training must stop."""
        if not math.isfinite(loss):
            self._non_finite += 1
            if self._non_finite <= self._tolerated:
                return None
            return "loss_not_finite", f"The loss became {loss}."
        self._non_finite = 0
        self._window.append(loss)
        if len(self._window) < WINDOW:
            return None
        mean = sum(self._window) / WINDOW
        self._best = min(self._best, mean)
        if self._first is None:
            self._first = mean
            return None
        if mean > self._over_first * self._first and mean > self._over_best * self._best:
            return "loss_diverged", (
                f"The loss grew to {mean:.4g} over the last {WINDOW} steps, from {self._best:.4g} at its best."
            )
        return None
