from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from influencerai_drivers.channel import Channel
from influencerai_drivers.gate import Aborted, Gate
from influencerai_drivers.trl_agreement import AgreedGate, Agreement
from influencerai_drivers.trl_config import TrlConfig
from influencerai_drivers.trl_session import Session

CONFIG: dict[str, Any] = {
    "name": "x",
    "method": "full",
    "startStep": 0,
    "totalSteps": 10,
    "isBudgeted": False,
    "checkpoint": {"everySteps": 1000},
    "samples": {"prompts": [], "maxTokens": 4, "asChat": False},
    "publicBase": "org/base",
    "metadata": {},
    "outOfMemoryHint": "",
    "sft": {},
}


class Rank:
    """One process; `told` is its own, and knows of signals."""

    def __init__(self, workspace: Path, *, is_first: bool, **changes: Any) -> None:
        self.workspace, self.output = workspace, io.StringIO()
        self.told = Gate(start_step=0, total_steps=10, is_budgeted=False)
        self.agreed = AgreedGate(self.told, start_step=0, total_steps=10)
        self.agreement = Agreement(self.told, self.agreed, is_first=is_first)
        settings = TrlConfig.read({**CONFIG, **changes})
        channel = Channel(self.output, [])
        self.session = Session(settings, workspace, channel, self.agreed, now=self.agreement.now)

    @property
    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.output.getvalue().splitlines()]


class Ranks:
    """Those of one training; the first is the first. They add up what they contribute where `agree` is called."""

    def __init__(self, workspace: Path, count: int = 2, **changes: Any) -> None:
        self.all = [Rank(workspace, is_first=index == 0, **changes) for index in range(count)]

    def agree(self) -> None:
        sums = [sum(numbers) for numbers in zip(*(each.agreement.contribution for each in self.all), strict=True)]
        for each in self.all:
            each.agreement.take(sums)

    def begin(self) -> None:
        self.agree()
        for each in self.all:
            each.session.begin(step=0, total_steps=10, total_epochs=1)

    def decide(self, step: int) -> set[bool]:
        """Whether the step is saved, as each of them sees it."""
        return {each.session.after_step(step, 0.5) for each in self.all}

    def save(self, step: int) -> None:
        """As the first process does it; the others have gone on to where they wait for it."""
        folder = self.all[0].workspace / "output" / "run" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"weights")
        self.all[0].session.take_save(folder)


def test_all_have_the_clock_of_the_first(tmp_path: Path) -> None:
    ranks = Ranks(tmp_path, 3)
    ranks.agree()
    (seconds,) = {each.agreement.now() for each in ranks.all}
    assert seconds > 0
    ranks.agree()
    assert {each.agreement.now() for each in ranks.all} != {seconds}


def test_one_that_is_told_to_stop_stops_all(tmp_path: Path) -> None:
    ranks = Ranks(tmp_path, 3)
    ranks.agree()
    assert not any(each.agreed.is_stopping for each in ranks.all)
    ranks.all[2].told.stop()
    assert not ranks.all[0].agreed.is_stopping
    ranks.agree()
    assert all(each.agreed.is_stopping for each in ranks.all)


@pytest.mark.parametrize("told", [0, 1])
def test_a_signal_that_one_has_before_the_other_decides_nothing_until_they_agree(tmp_path: Path, told: int) -> None:
    ranks = Ranks(tmp_path)
    ranks.begin()
    ranks.agree()
    ranks.all[told].told.stop()
    assert ranks.decide(1) == {False}
    ranks.agree()
    assert ranks.decide(2) == {True}


def test_a_signal_while_the_first_makes_a_state_finds_all_at_the_next_step(tmp_path: Path) -> None:
    ranks = Ranks(tmp_path, stateEverySeconds=0)
    first, second = ranks.all
    ranks.begin()
    ranks.agree()
    assert ranks.decide(1) == {True}
    second.session.leave_save_to_another()
    first.told.stop()
    ranks.save(1)
    second.told.stop()
    ranks.agree()
    assert ranks.decide(2) == {True}
    for leave in (second.session.leave_save_to_another, lambda: ranks.save(2)):
        with pytest.raises(SystemExit) as left:
            leave()
        assert left.value.code == 0
    assert first.events == ["start", "checkpoint", "checkpoint", "aborted"]


def test_a_signal_after_all_agreed_to_begin_lets_them_begin(tmp_path: Path) -> None:
    ranks = Ranks(tmp_path)
    ranks.agree()
    ranks.all[1].told.stop()
    for each in ranks.all:
        each.session.begin(step=0, total_steps=10, total_epochs=1)


def test_samples_are_cut_short_by_what_this_process_was_told(tmp_path: Path) -> None:
    (first, _) = Ranks(tmp_path).all
    first.told.stop()
    with pytest.raises(Aborted), first.agreed.interruptible():
        pytest.fail("Work was begun that is to be left.")
