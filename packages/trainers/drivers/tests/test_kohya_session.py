from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from influencerai_drivers import random_state
from influencerai_drivers.channel import Channel
from influencerai_drivers.gate import Gate
from influencerai_drivers.kohya_config import KohyaConfig
from influencerai_drivers.kohya_session import Session


@pytest.fixture(autouse=True)
def generators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_state, "capture", random.getstate)
    monkeypatch.setattr(random_state, "restore", random.setstate)


class Run:
    """A session whose trainer does nothing but count."""

    def __init__(self, workspace: Path, **config: Any) -> None:
        self.output = io.StringIO()
        fixed = {"mode": "gate", "script": "s", "trainerClass": "T", "jobFile": "j", "outputName": "x"}
        settings = KohyaConfig.read({**fixed, "totalSteps": 6, "totalEpochs": 2, **config})
        self.gate = Gate(start_step=settings.start_step, total_steps=6, is_budgeted=settings.is_budgeted)
        self.session = Session(settings, workspace, Channel(self.output, []), self.gate)
        self.session.begin(steps_per_epoch=3, total_steps=6)
        self.samples = 0

    def sample(self) -> None:
        self.samples += 1
        folder = self.session.work_dir / "sample"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "x_000002_00_20261121101010_1.png").write_bytes(b"")

    def advance(self, loss: float = 1.0, meanwhile: Callable[[], None] = lambda: None) -> bool:
        self.session.before_step(self.sample)
        meanwhile()
        self.session.take_loss(loss, 0.1)
        must_save = self.session.after_step(self.sample)
        if must_save:
            weights = self.session.work_dir / "local.safetensors"
            weights.parent.mkdir(parents=True, exist_ok=True)
            weights.write_bytes(b"w")
            self.session.keep_checkpoint(weights, lambda folder: Path(folder).mkdir(parents=True))
        return must_save

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]

    def kinds(self) -> list[str]:
        return [event["event"] for event in self.events]


def test_saves_at_the_ends_of_epochs_with_a_state(tmp_path: Path) -> None:
    run = Run(tmp_path, saveEveryEpochs=1)
    assert [run.advance() for _ in range(6)] == [False, False, True, False, False, False]
    checkpoint = run.events[4]
    assert checkpoint == {
        "event": "checkpoint",
        "step": 3,
        "epoch": 1,
        "path": "output/x-000001.safetensors",
        "statePath": "output/state/step-3",
    }
    state = json.loads((tmp_path / "output/state/step-3/state.json").read_text())
    assert (state["step"], state["epoch"], [point["step"] for point in state["points"]]) == (3, 1, [1, 2, 3])
    assert (tmp_path / "output/x-000001.safetensors").read_bytes() == b"w"


def test_announces_a_state_between_checkpoints(tmp_path: Path) -> None:
    run = Run(tmp_path, stateEverySeconds=1e-9)
    run.advance()
    assert run.session.is_state_due()
    run.session.keep_state(lambda folder: Path(folder).mkdir(parents=True))
    assert run.events[-1] == {
        "event": "checkpoint",
        "step": 1,
        "epoch": 0,
        "path": "output/state/step-1/model.safetensors",
        "statePath": "output/state/step-1",
    }


def test_counts_on_from_the_state(tmp_path: Path) -> None:
    run = Run(tmp_path, startStep=4)
    run.advance()
    assert run.events[0]["step"] == 4
    assert run.events[1] | {"loss": 1.0} == run.events[1]
    assert (run.events[1]["step"], run.events[1]["epoch"]) == (5, 2)


def test_means_the_losses_of_a_step(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.session.before_step(run.sample)
    run.session.take_loss(1.0, 0.1)
    run.session.before_step(run.sample)
    run.session.take_loss(2.0, 0.1)
    run.session.after_step(run.sample)
    assert run.events[-1] == {"event": "progress", "step": 1, "epoch": 1, "loss": 1.5, "learningRate": 0.1}


def test_leaves_with_a_checkpoint_when_told_in_the_middle(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(SystemExit) as exit:
        run.advance(meanwhile=run.gate.stop)
    assert exit.value.code == 0
    assert run.kinds() == ["start", "progress", "checkpoint", "aborted"]


def test_leaves_without_a_checkpoint_when_nothing_is_new(tmp_path: Path) -> None:
    run = Run(tmp_path, saveEverySteps=1)
    run.advance()
    run.gate.stop()
    with pytest.raises(SystemExit):
        run.advance()
    assert run.kinds() == ["start", "progress", "checkpoint", "aborted"]


def test_leaves_samples_with_the_random_state_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, sampleEverySteps=1)
    before = random.getstate()
    saved: list[object] = []

    def sample() -> None:
        random.seed(42)
        run.gate.stop()
        run.gate.raise_if_stopping()

    def save_state(folder: str) -> None:
        saved.append(random.getstate())
        Path(folder).mkdir(parents=True)

    run.session.before_step(sample)
    run.session.take_loss(1.0, 0.1)
    assert run.session.after_step(sample)
    run.session.keep_state(save_state)
    assert saved == [before]


def test_saves_where_a_budget_ends(tmp_path: Path) -> None:
    run = Run(tmp_path, isBudgeted=True)
    run.gate.handle({"command": "grant", "steps": 2})
    assert [run.advance(), run.advance()] == [False, True]


def test_stops_before_a_loss_that_is_no_number_is_saved(tmp_path: Path) -> None:
    run = Run(tmp_path, saveEverySteps=1)
    run.advance()
    with pytest.raises(SystemExit) as exit:
        run.advance(float("nan"))
    assert exit.value.code == 1
    assert run.events[-1]["code"] == "loss_not_finite"
    assert [path.name for path in (tmp_path / "output").glob("*.safetensors")] == ["x-step00000001.safetensors"]


def test_stops_before_broken_weights_replace_good_ones(tmp_path: Path) -> None:
    run = Run(tmp_path, saveEverySteps=1)
    run.advance()
    run.session.has_finite_weights = lambda: False
    with pytest.raises(SystemExit) as exit:
        run.advance()
    assert exit.value.code == 1
    assert run.events[-1]["code"] == "loss_not_finite"
    assert [path.name for path in (tmp_path / "output").glob("*.safetensors")] == ["x-step00000001.safetensors"]


def test_keeps_no_state_of_broken_weights(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.advance()
    run.session.has_finite_weights = lambda: False
    with pytest.raises(SystemExit):
        run.session.keep_state(lambda folder: Path(folder).mkdir(parents=True))
    assert not (tmp_path / "output/state").exists()


def test_ends_without_a_model_when_the_last_step_broke_the_weights(tmp_path: Path) -> None:
    run = Run(tmp_path, startStep=5)
    run.session.has_finite_weights = lambda: False
    with pytest.raises(SystemExit) as exit:
        run.advance()
    assert exit.value.code == 1
    assert run.events[-1]["code"] == "loss_not_finite"


def test_saves_a_step_that_fp16_skipped_since_its_weights_are_whole(tmp_path: Path) -> None:
    run = Run(tmp_path, toleratedNonFinite=5, saveEverySteps=1)
    assert run.advance(float("inf")) is True


def test_names_samples_by_true_steps(tmp_path: Path) -> None:
    run = Run(tmp_path, startStep=4, sampleEverySteps=5, prompts=["a b"])
    run.advance()
    assert run.events[-1] == {
        "event": "sample",
        "step": 5,
        "path": "output/sample/x-step00000005-00.png",
        "prompt": "a b",
    }
    assert (tmp_path / run.events[-1]["path"]).exists()


def test_goes_by_the_epochs_of_the_batch_that_was_asked_for(tmp_path: Path) -> None:
    run = Run(tmp_path, stepsPerEpoch=2, saveEveryEpochs=1)
    assert [run.advance() for _ in range(6)] == [False, True, False, True, False, False]
    assert run.events[0]["totalEpochs"] == 3
    assert (tmp_path / "output/x-000002.safetensors").exists()


def test_believes_the_trainer_about_the_number_of_steps(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.session.begin(steps_per_epoch=4, total_steps=8)
    assert run.kinds()[-2:] == ["warning", "start"]
    assert run.events[-1]["totalSteps"] == 8


def test_a_save_is_urgent_when_somebody_waits_for_it(tmp_path: Path) -> None:
    run = Run(tmp_path, isBudgeted=True)
    assert run.session.is_save_urgent()
    run.gate.handle({"command": "grant", "steps": 1})
    assert not run.session.is_save_urgent()
    run.gate.stop()
    assert run.session.is_save_urgent()
