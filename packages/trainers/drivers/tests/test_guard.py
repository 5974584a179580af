import math

import pytest

from influencerai_drivers.guard import WINDOW, LossGuard


def verdict(losses: list[float], **options: int) -> str | None:
    guard = LossGuard(**options)
    for loss in losses:
        judged = guard.judge(loss)
        if judged:
            return judged[0]
    return None


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_should_stop_at_the_first_loss_that_is_no_number(loss: float) -> None:
    assert verdict([0.1, loss]) == "loss_not_finite"


def test_should_tolerate_as_many_in_a_row_as_told() -> None:
    assert verdict([0.1, math.nan, math.nan, 0.1, math.nan, 0.1], tolerated_non_finite=2) is None
    assert verdict([math.nan] * 3, tolerated_non_finite=2) == "loss_not_finite"


def test_should_let_single_steps_jump() -> None:
    assert verdict([0.01, 0.5] * 100) is None


def test_should_let_a_loss_rise_back_to_where_it_began() -> None:
    assert verdict([2.0] * WINDOW + [0.1] * 100 + [2.0] * 100) is None


def test_should_stop_when_the_loss_explodes() -> None:
    assert verdict([0.1] * 100 + [0.1 * 1.2**step for step in range(100)]) == "loss_diverged"
