"""Where in the data a resumed run goes on.

kohya multiplies `initial_step` by the accumulation, divides it by *optimizer* steps per epoch and then takes *batches*
per epoch off it (kohya sd-scripts: train_network.py), which is right for an accumulation of 1 only. The driver hands it
a number that answers these operations with what they are meant to give.
"""

from __future__ import annotations


class InitialStep(int):
    """A true optimizer step that leads kohya's arithmetic to the right epoch and batch.

    Its value as a number is in batches from the start of the run, as long as no epoch is skipped.
    """

    _step: int
    _accumulation: int
    _epochs_left: int
    _batches: int

    def __new__(cls, step: int, accumulation: int = 1) -> InitialStep:  # noqa: PYI034
        self = super().__new__(cls, step * accumulation)
        self._step = step
        self._accumulation = accumulation
        self._epochs_left = 0
        self._batches = 0
        return self

    def __mul__(self, accumulation: int) -> InitialStep:
        """`initial_step *= gradient_accumulation_steps`"""
        return InitialStep(self._step, accumulation)

    def __floordiv__(self, steps_per_epoch: int) -> int:
        """`epoch_to_start = initial_step // steps_per_epoch`"""
        self._epochs_left, rest = divmod(self._step, steps_per_epoch)
        self._batches = rest * self._accumulation
        return self._epochs_left

    def __sub__(self, other: int) -> int:
        """`initial_step -= batches_per_epoch`, once per skipped epoch; plain arithmetic where none is skipped."""
        if self._epochs_left == 0:
            return int(self) - other
        self._epochs_left -= 1
        return self._batches if self._epochs_left == 0 else self
