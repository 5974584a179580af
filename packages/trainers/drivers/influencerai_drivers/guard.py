"""Notices a training that has gone wrong, before its weights replace good ones."""

from __future__ import annotations

import math
import statistics
from collections import deque

WINDOW = 25

#: Losses that nothing is compared with: fewer than these have no middle to speak of.
EARLY_FROM = 5
EARLY_FACTOR = 10.0
#: No healthy step of a model that is fine-tuned costs more than a few: noise has variance 1, and a language model that
#: has been trained at all begins below the logarithm of its vocabulary. What is below this may jump as it likes.
EARLY_FLOOR = 3.0
EARLY_STREAK = 3


class LossGuard:
    """Judges the losses of single steps.

    A loss that is NaN or infinite is final: the optimizer has already seen its gradients. One that is finite has
    exploded when the mean of a window is `over_first` times the first window's and `over_best` times the best one's;
    single steps of a diffusion model differ by a factor of fifty and say nothing.

    While the first window fills there is no mean to compare with. What counts then is a streak of losses that are far
    above the median of all that came before the streak, and above what any healthy step costs.
    """

    def __init__(self, *, tolerated_non_finite: int = 0, over_first: float = 3.0, over_best: float = 5.0) -> None:
        self._tolerated = tolerated_non_finite
        self._over_first = over_first
        self._over_best = over_best
        self._window: deque[float] = deque(maxlen=WINDOW)
        self._calm: list[float] = []
        self._streak = 0
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
        if self._first is None and self._exploded_early(loss):
            return "loss_diverged", (
                f"The loss grew to {loss:.4g} within the first {WINDOW} steps, from {statistics.median(self._calm):.4g}."
            )
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

    def _exploded_early(self, loss: float) -> bool:
        is_far_above = (
            len(self._calm) >= EARLY_FROM - 1
            and loss > EARLY_FLOOR
            and loss > EARLY_FACTOR * statistics.median(self._calm)
        )
        if not is_far_above:
            self._calm.append(loss)
        self._streak = self._streak + 1 if is_far_above else 0
        return self._streak == EARLY_STREAK
