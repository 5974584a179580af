import json
import math
import random
import re
from pathlib import Path
from typing import Any

import pytest

from influencerai_drivers.guard import WINDOW, LossGuard

PACKAGE = Path(__file__).resolve().parents[2]
#: What the real trainers printed in runs that went well, and how they write a loss.
HEALTHY = {
    "src/ai-toolkit/fixtures/plain.stderr": r"\bloss: (\S+?)[\],]",
    "src/ai-toolkit/fixtures/run.stderr": r"\bloss: (\S+?)[\],]",
    "src/ai-toolkit/fixtures/session.stderr": r"\bloss: (\S+?)[\],]",
    "src/kohya/fixtures/kohya-rich.stderr": r"avr_loss=(\S+?)[\],]",
    "src/kohya/fixtures/kohya-resume-simple.stderr": r"avr_loss=(\S+?)[\],]",
    "test/trl/sft.stdout.txt": r"'loss': '([^']+)'",
}


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


@pytest.mark.parametrize("stream", sorted(HEALTHY))
def test_should_let_recorded_healthy_runs_go_on(stream: str) -> None:
    text = (PACKAGE / stream).read_text(encoding="utf-8")
    losses = [float(loss) for loss in re.findall(HEALTHY[stream], text)]
    assert len(losses) >= 4
    assert verdict(losses) is None


@pytest.mark.parametrize(
    ("losses", "seen_at"),
    [
        ([0.1] * 4 + [1, 10, 100, 1000], 8),
        ([0.1] * 4 + [50.0] * 3, 7),
        ([0.1] * 3 + [50.0] * 4, 7),
        ([0.1 * 10**step for step in range(8)], 7),
        ([5.8] * 10 + [90.0, 300.0, 800.0], 13),
        ([0.1] * 20 + [400.0] * 3, 23),
    ],
)
def test_should_stop_when_the_loss_explodes_within_the_first_steps(losses: list[float], seen_at: int) -> None:
    assert verdict(losses) == "loss_diverged"
    assert verdict(losses[: seen_at - 1]) is None


def test_should_let_the_first_steps_jump() -> None:
    assert verdict([0.01, 0.5] * 12) is None
    assert verdict([0.1] * 5 + [80.0, 90.0, 0.1] * 6) is None
    # Small is small, however much smaller the losses before were.
    assert verdict([0.001] * 10 + [2.9] * 10) is None


def test_should_not_take_the_noise_of_diffusion_for_an_explosion() -> None:
    # Levels of noise cost between 0.05 and 2.5, in any order.
    for seed in range(2000):
        draw = random.Random(seed)
        assert verdict([0.05 * 50 ** draw.random() for _ in range(WINDOW)]) is None, seed


def test_should_not_take_a_language_model_that_learns_for_an_explosion() -> None:
    for seed in range(2000):
        draw = random.Random(seed)
        assert verdict([11.0 * 0.9**step * draw.uniform(0.4, 2.5) for step in range(WINDOW)]) is None, seed


@pytest.mark.parametrize("case", json.loads((PACKAGE / "src/loss-guard.cases.json").read_text(encoding="utf-8")))
def test_should_judge_as_the_worker_does_where_there_is_no_driver(case: dict[str, Any]) -> None:
    losses = [float(loss) for loss, times in case["losses"] for _ in range(times)]
    assert verdict(losses) == case["verdict"], case["name"]
