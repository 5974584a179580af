from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from numbers_of_torch import Loss

from influencerai_drivers import kohya_ranks
from influencerai_drivers.channel import Channel
from influencerai_drivers.gate import Gate
from influencerai_drivers.kohya_config import KohyaConfig
from influencerai_drivers.kohya_full import FullScript, RestOfEpochs
from influencerai_drivers.kohya_ranks import Steps

BATCHES = ["a", "b", "c", "d", "e", "f", "g", "h"]


class Weight:
    requires_grad = True

    def __init__(self, is_finite: Callable[[], bool]) -> None:
        self._is_finite = is_finite

    def isfinite(self) -> Any:
        return SimpleNamespace(all=self._is_finite)


class Model:
    def __init__(self) -> None:
        self.is_finite = True

    def parameters(self) -> list[Weight]:
        return [Weight(lambda: self.is_finite)]


class Accelerator:
    is_main_process = True

    def __init__(self, accumulation: int) -> None:
        self._accumulation = accumulation
        self._batches = 0
        self._dataloaders: list[Any] = []
        self._models: list[Any] = []
        self._optimizers = [SimpleNamespace(param_groups=[{"lr": 0.1}, {"lr": 0.5}])]

    def prepare(self, *things: Any) -> Any:
        self._models.append(things[0])
        self._dataloaders.append(things[1])
        return things

    def skip_first_batches(self, loader: list[str], count: int) -> list[str]:
        return loader[count:]

    @contextlib.contextmanager
    def accumulate(self, *_: Any) -> Iterator[None]:
        yield

    def backward(self, loss: Loss) -> None: ...

    def reduce(self, values: list[float], reduction: str) -> Any:
        return SimpleNamespace(tolist=lambda: values)


class TrainUtil:
    """The functions of kohya that the scripts call by name."""

    def __init__(self, accumulation: int) -> None:
        self.accelerator = Accelerator(accumulation)
        self.sampled: list[tuple[int | None, int]] = []
        self.saved: list[str] = []

    def prepare_accelerator(self, args: Any) -> Accelerator:
        return self.accelerator

    def sample_images_common(self, pipeline: Any, accelerator: Any, args: Any, epoch: Any, step: int, *_: Any) -> None:
        self.sampled.append((epoch, step))

    def save_sd_model_on_epoch_end_or_stepwise_common(self, args: Any, is_end: bool, accelerator: Any, *o: Any) -> None:
        self.saved.append(f"epoch {o[2] + 1}")

    def save_sd_model_on_train_end_common(self, *_: Any) -> None:
        self.saved.append("end")

    def save_state_on_train_end(self, *_: Any) -> None:
        self.saved.append("state")


class Script:
    """The loop of kohya's full fine-tuning scripts: no epoch is skipped, and steps count from 0."""

    def __init__(self, train_util: TrainUtil, model: Model) -> None:
        self.train_util = train_util
        self.model = model
        self.seen: list[str] = []
        self.losses = iter(Loss(1.0) for _ in range(100))

    def train(self, args: Any) -> None:
        util: Any = self.train_util
        accelerator = util.prepare_accelerator(args)
        model, loader = accelerator.prepare(self.model, BATCHES)
        step = 0
        util.sample_images_common("p", accelerator, args, 0, step, "vae")
        for epoch in range(-(-args.max_train_steps // -(-len(loader) // args.gradient_accumulation_steps))):
            for index, batch in enumerate(loader):
                with accelerator.accumulate(model):
                    self.seen.append(batch)
                    accelerator.backward(next(self.losses))
                if (index + 1) % args.gradient_accumulation_steps and batch != BATCHES[-1]:
                    continue
                step += 1
                util.sample_images_common("p", accelerator, args, None, step, "vae")
                if step >= args.max_train_steps:
                    break
            util.save_sd_model_on_epoch_end_or_stepwise_common(args, True, accelerator, True, True, epoch, 3, step)
            util.sample_images_common("p", accelerator, args, epoch + 1, step, "vae")
        util.save_state_on_train_end(args, accelerator)
        util.save_sd_model_on_train_end_common(args)


@pytest.fixture(autouse=True)
def without_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    # Has torch do it, which is not needed here.
    monkeypatch.setattr(kohya_ranks, "restored_when_aborted", contextlib.nullcontext)


class Run:
    """A job of 20 steps, 8 an epoch, or of as many as an accumulation makes."""

    def __init__(self, *, start_step: int = 0, accumulation: int = 1, total: int = 20) -> None:
        self.output = io.StringIO()
        config = {"mode": "launch", "script": "train_db", "jobFile": "j", "outputName": "x"}
        settings = KohyaConfig.read({**config, "totalSteps": total, "totalEpochs": 3, "startStep": start_step})
        self.util = TrainUtil(accumulation)
        self.model = Model()
        self.script = Script(self.util, self.model)
        self.args = SimpleNamespace(
            max_train_steps=total,
            gradient_accumulation_steps=accumulation,
            sample_every_n_steps=1,
            sample_every_n_epochs=None,
        )
        gate = Gate(start_step=start_step, total_steps=total, is_budgeted=False)
        steps = Steps(settings, Path("/nowhere"), Channel(self.output, []), gate)
        self.full = FullScript(self.util, steps, start_step=start_step)

    def train(self) -> None:
        self.full.train(self.script, self.args)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]

    def steps(self) -> list[int]:
        return [event["step"] for event in self.events if event["event"] == "progress"]


def test_a_fresh_run_makes_all_steps() -> None:
    run = Run()
    run.train()
    assert run.steps() == list(range(1, 21))
    assert "".join(run.script.seen) == "abcdefgh" * 2 + "abcd"
    assert run.events[1] == {"event": "progress", "step": 1, "epoch": 1, "loss": 1.0, "learningRate": 0.1}


@pytest.mark.parametrize(
    ("start", "accumulation", "total", "seen"),
    [
        (10, 1, 20, "cdefghabcd"),
        (16, 1, 20, "abcd"),
        (15, 1, 20, "habcd"),
        # Three steps an epoch, the last of two batches.
        (4, 3, 9, "defghabcdefgh"),
    ],
)
def test_a_resumed_run_makes_what_is_left(start: int, accumulation: int, total: int, seen: str) -> None:
    run = Run(start_step=start, accumulation=accumulation, total=total)
    run.train()
    assert run.steps() == list(range(start + 1, total + 1))
    assert "".join(run.script.seen) == seen


def test_epochs_that_are_over_leave_no_files() -> None:
    run = Run(start_step=16)
    run.args.sample_every_n_epochs = 1
    run.train()
    assert run.util.saved == ["epoch 3", "end"]
    assert run.util.sampled == [(0, 0), (3, 20)]


def test_broken_weights_are_not_saved() -> None:
    run = Run()
    run.model.is_finite = False
    with pytest.raises(SystemExit) as exit:
        run.train()
    assert exit.value.code == 1
    assert run.util.saved == []
    assert run.events[-1]["code"] == "loss_not_finite"


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    run = Run()
    run.script.losses = iter([Loss(1.0), Loss("nan")])
    with pytest.raises(SystemExit):
        run.train()
    assert run.events[-1]["code"] == "loss_not_finite"
    assert run.util.saved == []


def test_a_loader_is_as_long_as_a_whole_epoch() -> None:
    rest = RestOfEpochs(BATCHES, 1, 6, lambda loader, count: loader[count:])
    assert [len(rest), list(rest), list(rest), list(rest)] == [8, [], ["g", "h"], BATCHES]
