from __future__ import annotations

import contextlib
import functools
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from numbers_of_torch import Loss

from influencerai_drivers import kohya_ranks
from influencerai_drivers.channel import Channel
from influencerai_drivers.gate import Aborted, Gate
from influencerai_drivers.kohya_config import KohyaConfig
from influencerai_drivers.kohya_hashes import ModelHashes
from influencerai_drivers.kohya_ranks import Steps, counting_class, is_sample_due


class Weight:
    requires_grad = True

    def __init__(self, is_finite: bool) -> None:
        self._is_finite = is_finite

    def isfinite(self) -> Any:
        return SimpleNamespace(all=lambda: self._is_finite)


class Network:
    def __init__(self, *, is_finite: bool = True) -> None:
        self._weights = [Weight(is_finite)]
        self.saved: list[str] = []

    def parameters(self) -> list[Weight]:
        return self._weights

    def save_weights(self, file: str, dtype: Any, metadata: dict[str, str]) -> None:
        self.saved.append(metadata["ss_steps"])


class Accelerator:
    """One of two processes, the other of which loses 1 more in every batch, and wishes what the test says."""

    def __init__(self, *, is_main_process: bool = True) -> None:
        self.is_main_process = is_main_process
        self._optimizers = [SimpleNamespace(param_groups=[{"lr": 0.1}])]
        self.other_wishes = [0.0, 0.0]
        self.saved: list[str] = []
        self.barriers = 0

    def reduce(self, values: list[float], reduction: str) -> Any:
        assert reduction == "mean"
        loss, *wishes = values
        mean = [loss + 0.5, *((one + other) / 2 for one, other in zip(wishes, self.other_wishes, strict=True))]
        return SimpleNamespace(tolist=lambda: mean)

    def save_state(self, folder: str) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "model.safetensors").write_text("weights")
        self.saved.append(Path(folder).name)

    def wait_for_everyone(self) -> None:
        self.barriers += 1


class Trainer:
    """kohya's loop: epochs of 4 steps of two batches, a count that starts from 0, samples after each step and epoch."""

    def __init__(self) -> None:
        self.sampled: list[tuple[Any, int]] = []
        self.loss = Loss(1.0)
        self.on_sample: Callable[[], None] = lambda: None

    def post_process_network(self, *_: Any) -> None: ...
    def on_step_start(self, *_: Any, **__: Any) -> None: ...

    def process_batch(self, *_: Any, **__: Any) -> Loss:
        return self.loss

    def sample_images(self, accelerator: Any, args: Any, epoch: Any, global_step: int) -> None:
        self.sampled.append((epoch, global_step))
        if global_step > 0:
            self.on_sample()

    def train(self, args: Any, accelerator: Any, network: Network, *, first_epoch: int) -> int:
        self.post_process_network(args, accelerator, network, [], None)
        epochs = -(-args.max_train_steps // 4)
        global_step = 0
        self.sample_images(accelerator, args, 0, global_step)
        for epoch in range(first_epoch, epochs):
            for _ in range(4):
                for _ in range(2):
                    self.on_step_start(args, accelerator)
                    self.process_batch(is_train=True)
                global_step += 1
                self.sample_images(accelerator, args, None, global_step)
                if global_step >= args.max_train_steps:
                    break
            self.on_step_start(args, accelerator, is_train=False)
            self.process_batch(is_train=False)
            self.sample_images(accelerator, args, epoch + 1, global_step)
        network.save_weights("x", None, {"ss_steps": str(global_step)})
        return global_step


class Run:
    """One process of a job of 10 steps, in 3 epochs."""

    def __init__(
        self,
        workspace: Path,
        *,
        start_step: int = 0,
        is_finite: bool = True,
        is_main_process: bool = True,
        seconds_per_look: float = 0,
    ) -> None:
        self.workspace = workspace
        self.output = io.StringIO()
        self.seconds = 0.0
        self.seconds_per_look = seconds_per_look
        config = {"mode": "launch", "script": "s", "trainerClass": "T", "jobFile": "j", "outputName": "x"}
        settings = KohyaConfig.read({**config, "totalSteps": 10, "totalEpochs": 3, "startStep": start_step})
        self.sample_every = 1
        self.gate = Gate(start_step=start_step, total_steps=10, is_budgeted=False)
        self.first_epoch = start_step // 4
        self.network = Network(is_finite=is_finite)
        self.accelerator = Accelerator(is_main_process=is_main_process)
        steps = Steps(settings, workspace, Channel(self.output, []), self.gate, now=self.now)
        self.trainer = counting_class(Trainer, steps, ModelHashes(SimpleNamespace(calculate_sha256=str)))()

    def now(self) -> float:
        self.seconds += self.seconds_per_look
        return self.seconds

    def train(self) -> int:
        args = SimpleNamespace(max_train_steps=10, sample_every_n_steps=self.sample_every, sample_every_n_epochs=None)
        return int(self.trainer.train(args, self.accelerator, self.network, first_epoch=self.first_epoch))

    @property
    def states(self) -> list[str]:
        return sorted(folder.name for folder in (self.workspace / "output/state").glob("step-*"))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    # Has torch do it, which is not needed here.
    monkeypatch.setattr(kohya_ranks, "restored_when_aborted", contextlib.nullcontext)
    return functools.partial(Run, tmp_path)


def test_a_resumed_run_ends_with_the_last_step_of_the_job(start: Start) -> None:
    run = start(start_step=8)
    assert run.train() == 2
    assert run.network.saved == ["10"]


def test_a_fresh_run_makes_all_steps(start: Start) -> None:
    run = start()
    assert run.train() == 10
    assert run.network.saved == ["10"]


def test_samples_go_by_true_steps(start: Start) -> None:
    run = start(start_step=8)
    run.train()
    assert run.trainer.sampled == [(0, 0), (None, 9), (None, 10)]


def test_the_first_process_tells_the_loss_of_all_and_the_rate(start: Start) -> None:
    run = start(start_step=8)
    run.train()
    step = {"event": "progress", "epoch": 3, "loss": 1.5, "learningRate": 0.1}
    assert run.events == [
        {"event": "start", "step": 8, "totalSteps": 10, "totalEpochs": 3},
        {**step, "step": 9},
        {**step, "step": 10},
    ]


def test_the_other_processes_tell_nothing(start: Start) -> None:
    run = start(is_main_process=False)
    run.train()
    assert run.events == []


def test_a_loss_that_is_no_number_ends_the_run(start: Start) -> None:
    run = start()
    run.trainer.loss = Loss("nan")
    with pytest.raises(SystemExit) as exit:
        run.train()
    assert exit.value.code == 1
    assert [(event["event"], event.get("code")) for event in run.events[1:]] == [("error", "loss_not_finite")]
    assert run.network.saved == []


def test_broken_weights_are_not_saved(start: Start) -> None:
    run = start(is_finite=False)
    with pytest.raises(SystemExit) as exit:
        run.train()
    assert exit.value.code == 1
    assert run.network.saved == []
    assert run.events[-1]["code"] == "loss_not_finite"


def test_a_state_is_kept_when_the_clock_of_the_first_process_says_so(start: Start) -> None:
    # Two looks a step, one of them at a state that is due.
    run = start(seconds_per_look=250)
    assert run.train() == 10
    states = [event for event in run.events if event["event"] == "checkpoint"]
    assert [event["step"] for event in states] == [3, 6, 9]
    assert states[-1] == {
        "event": "checkpoint",
        "step": 9,
        "epoch": 3,
        "statePath": "output/state/step-9",
        "path": "output/state/step-9/model.safetensors",
    }
    assert run.states == ["step-6", "step-9"]
    state = run.workspace / "output/state/step-9"
    assert json.loads((state / "train_state.json").read_text()) == {"current_epoch": 3, "current_step": 9}
    points = json.loads((state / "state.json").read_text())["points"]
    assert [point["step"] for point in points] == list(range(1, 10))


def test_the_other_processes_save_with_the_first_and_make_no_state(start: Start) -> None:
    run = start(is_main_process=False, seconds_per_look=1000)
    run.accelerator.other_wishes = [0, 1]
    run.train()
    assert run.accelerator.saved == [f"state-{step}" for step in range(1, 10)]
    assert run.accelerator.barriers == 9
    assert run.states == []
    assert run.events == []


@pytest.mark.parametrize("is_main_process", [True, False])
@pytest.mark.parametrize("who", ["this", "other"])
def test_all_processes_leave_after_the_same_step_whichever_is_told_to(
    start: Start, who: str, is_main_process: bool
) -> None:
    run = start(is_main_process=is_main_process)
    if who == "other":
        run.accelerator.other_wishes = [1, 0]
    else:
        run.trainer.on_sample = lambda: run.gate.stop()
    with pytest.raises(SystemExit) as exit:
        run.train()
    assert exit.value.code == 0
    assert len(run.accelerator.saved) == 1
    step = 1 if who == "other" else 2
    assert run.states == ([f"step-{step}"] if is_main_process else [])
    assert [event["event"] for event in run.events[-2:]] == (["checkpoint", "aborted"] if is_main_process else [])
    assert run.network.saved == []


def test_a_stop_in_the_last_step_is_the_end(start: Start) -> None:
    run = start(start_step=9)
    run.accelerator.other_wishes = [1, 1]
    assert run.train() == 1
    assert run.network.saved == ["10"]
    assert run.states == []


def test_a_stop_before_the_first_step_leaves_nothing(start: Start) -> None:
    run = start()
    run.gate.stop()
    with pytest.raises(Aborted):
        run.train()
    assert run.events == []


def test_no_state_is_made_of_broken_weights(start: Start) -> None:
    run = start(is_finite=False, seconds_per_look=1000)
    with pytest.raises(SystemExit) as exit:
        run.train()
    assert exit.value.code == 1
    assert run.states == []
    assert run.events[-1]["code"] == "loss_not_finite"


def test_samples_are_cut_short_by_a_stop_and_the_next_step_is_saved(start: Start) -> None:
    run = start()

    def stop_and_interrupt() -> None:
        run.gate.stop()
        raise Aborted

    run.trainer.on_sample = stop_and_interrupt
    with pytest.raises(SystemExit):
        run.train()
    assert run.states == ["step-2"]


@pytest.mark.parametrize(
    ("every", "due"),
    [
        ({"steps": 3}, [(None, 3), (None, 6)]),
        ({"epochs": 2}, [(2, 6)]),
        ({"steps": 3, "epochs": 1}, [(1, 3), (2, 6)]),
        ({}, []),
    ],
)
def test_samples_are_due_as_kohya_decides_it(every: dict[str, int], due: list[tuple[int | None, int]]) -> None:
    args = SimpleNamespace(sample_every_n_steps=every.get("steps"), sample_every_n_epochs=every.get("epochs"))
    asked = [(None, 1), (None, 2), (None, 3), (1, 3), (None, 4), (None, 5), (None, 6), (2, 6)]
    assert [each for each in asked if is_sample_due(args, *each)] == due
