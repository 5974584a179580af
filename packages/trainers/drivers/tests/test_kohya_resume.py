import math

import pytest

from influencerai_drivers.kohya_config import Schedule
from influencerai_drivers.kohya_resume import InitialStep


def position(step: int, *, batches: int, accumulation: int) -> tuple[int, int]:
    """Epoch to start with and batches to skip in it, by the arithmetic of `train_network.py`."""
    initial_step: int = InitialStep(step)
    initial_step *= accumulation
    epoch_to_start = initial_step // math.ceil(batches / accumulation)
    for _ in range(epoch_to_start):
        initial_step -= batches
    return epoch_to_start, initial_step


@pytest.mark.parametrize(
    ("step", "batches", "accumulation", "expected"),
    [
        (10, 8, 1, (1, 2)),
        (8, 8, 1, (1, 0)),
        (16, 8, 1, (2, 0)),
        (3, 8, 1, (0, 3)),
        (3, 8, 2, (0, 6)),
        (6, 8, 2, (1, 4)),
        (8, 8, 2, (2, 0)),
        # Three steps an epoch, the last of a single batch.
        (7, 5, 2, (2, 2)),
    ],
)
def test_finds_the_epoch_and_the_batch(step: int, batches: int, accumulation: int, expected: tuple[int, int]) -> None:
    assert position(step, batches=batches, accumulation=accumulation) == expected


def test_is_a_number_where_kohya_takes_it_for_one() -> None:
    initial_step = InitialStep(3) * 2
    initial_step // 4
    assert (initial_step - 1, initial_step > 0, len(range(24 - initial_step)), initial_step + 1) == (5, True, 18, 7)


@pytest.mark.parametrize(("step", "epoch"), [(0, 1), (1, 1), (8, 1), (9, 2), (24, 3)])
def test_counts_epochs_from_one(step: int, epoch: int) -> None:
    assert Schedule(steps_per_epoch=8, total_steps=24).epoch_of(step) == epoch


@pytest.mark.parametrize(
    ("step", "every_steps", "every_epochs", "is_due"),
    [(5, 5, 0, True), (6, 5, 0, False), (8, 0, 1, True), (8, 0, 2, False), (16, 0, 2, True), (15, 0, 1, False)],
)
def test_knows_when_something_is_due(step: int, every_steps: int, every_epochs: int, is_due: bool) -> None:
    schedule = Schedule(steps_per_epoch=8, total_steps=24)
    assert schedule.is_due(step, every_steps=every_steps, every_epochs=every_epochs) is is_due


def test_names_checkpoints_as_kohya_does() -> None:
    schedule = Schedule(steps_per_epoch=8, total_steps=24)
    assert schedule.checkpoint_name("x", 16) == "x-000002.safetensors"
    assert schedule.checkpoint_name("x", 13) == "x-step00000013.safetensors"
