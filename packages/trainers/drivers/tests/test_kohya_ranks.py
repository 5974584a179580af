from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest

from influencerai_drivers.channel import Channel
from influencerai_drivers.kohya_config import KohyaConfig
from influencerai_drivers.kohya_hashes import ModelHashes
from influencerai_drivers.kohya_ranks import Steps, counting_class


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


class Loss(float):
    def detach(self) -> Loss:
        return self


class Accelerator:
    """One of two processes, the other of which loses 1 more in every batch."""

    def __init__(self, *, is_main_process: bool = True) -> None:
        self.is_main_process = is_main_process
        self._optimizers = [SimpleNamespace(param_groups=[{"lr": 0.1}])]

    def reduce(self, value: float, reduction: str) -> float:
        assert reduction == "mean"
        return value + 0.5


class Trainer:
    """kohya's loop: epochs of 4 steps of two batches, a count that starts from 0, samples after each step and epoch."""

    def __init__(self) -> None:
        self.sampled: list[tuple[Any, int]] = []
        self.loss = Loss(1.0)

    def post_process_network(self, *_: Any) -> None: ...
    def on_step_start(self, *_: Any, **__: Any) -> None: ...

    def process_batch(self, *_: Any, **__: Any) -> Loss:
        return self.loss

    def sample_images(self, accelerator: Any, args: Any, epoch: Any, global_step: int) -> None:
        self.sampled.append((epoch, global_step))

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

    def __init__(self, *, start_step: int = 0, is_finite: bool = True, is_main_process: bool = True) -> None:
        self.output = io.StringIO()
        config = {"mode": "launch", "script": "s", "trainerClass": "T", "jobFile": "j", "outputName": "x"}
        settings = KohyaConfig.read({**config, "totalSteps": 10, "totalEpochs": 3, "startStep": start_step})
        self.first_epoch = start_step // 4
        self.network = Network(is_finite=is_finite)
        self.accelerator = Accelerator(is_main_process=is_main_process)
        self.trainer = counting_class(
            Trainer,
            Steps(settings, Channel(self.output, [])),
            ModelHashes(SimpleNamespace(calculate_sha256=str)),
        )()

    def train(self) -> int:
        args = SimpleNamespace(max_train_steps=10)
        return int(self.trainer.train(args, self.accelerator, self.network, first_epoch=self.first_epoch))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]


def test_a_resumed_run_ends_with_the_last_step_of_the_job() -> None:
    run = Run(start_step=8)
    assert run.train() == 2
    assert run.network.saved == ["10"]


def test_a_fresh_run_makes_all_steps() -> None:
    run = Run()
    assert run.train() == 10
    assert run.network.saved == ["10"]


def test_samples_go_by_true_steps() -> None:
    run = Run(start_step=8)
    run.train()
    assert run.trainer.sampled == [(0, 0), (None, 9), (None, 10), (3, 10)]


def test_the_first_process_tells_the_loss_of_all_and_the_rate() -> None:
    run = Run(start_step=8)
    run.train()
    step = {"event": "progress", "epoch": 3, "loss": 1.5, "learningRate": 0.1}
    assert run.events == [
        {"event": "start", "step": 8, "totalSteps": 10, "totalEpochs": 3},
        {**step, "step": 9},
        {**step, "step": 10},
    ]


def test_the_other_processes_tell_nothing() -> None:
    run = Run(is_main_process=False)
    run.train()
    assert run.events == []


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    run = Run()
    run.trainer.loss = Loss("nan")
    with pytest.raises(SystemExit) as exit:
        run.train()
    assert exit.value.code == 1
    assert [(event["event"], event.get("code")) for event in run.events[1:]] == [("error", "loss_not_finite")]
    assert run.network.saved == []


def test_broken_weights_are_not_saved() -> None:
    run = Run(is_finite=False)
    with pytest.raises(SystemExit) as exit:
        run.train()
    assert exit.value.code == 1
    assert run.network.saved == []
    assert run.events[-1]["code"] == "loss_not_finite"
