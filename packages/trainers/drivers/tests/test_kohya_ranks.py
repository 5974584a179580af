from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from influencerai_drivers.kohya_ranks import counting_class


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


class Trainer:
    """kohya's loop: epochs of 4 steps, a count that starts from 0, samples after each step and each epoch."""

    def __init__(self) -> None:
        self.sampled: list[tuple[Any, int]] = []

    def post_process_network(self, *_: Any) -> None: ...
    def on_step_start(self, *_: Any, **__: Any) -> None: ...

    def sample_images(self, accelerator: Any, args: Any, epoch: Any, global_step: int) -> None:
        self.sampled.append((epoch, global_step))

    def train(self, args: Any, network: Network, *, first_epoch: int) -> int:
        self.post_process_network(args, None, network, [], None)
        epochs = -(-args.max_train_steps // 4)
        global_step = 0
        self.sample_images(None, args, 0, global_step)
        for epoch in range(first_epoch, epochs):
            for _ in range(4):
                self.on_step_start(args)
                global_step += 1
                self.sample_images(None, args, None, global_step)
                if global_step >= args.max_train_steps:
                    break
            self.sample_images(None, args, epoch + 1, global_step)
        network.save_weights("x", None, {"ss_steps": str(global_step)})
        return global_step


def test_a_resumed_run_ends_with_the_last_step_of_the_job() -> None:
    network, trainer = Network(), counting_class(Trainer, start_step=8)()
    assert trainer.train(SimpleNamespace(max_train_steps=10), network, first_epoch=2) == 2
    assert network.saved == ["10"]


def test_a_fresh_run_makes_all_steps() -> None:
    network, trainer = Network(), counting_class(Trainer, start_step=0)()
    assert trainer.train(SimpleNamespace(max_train_steps=10), network, first_epoch=0) == 10
    assert network.saved == ["10"]


def test_samples_go_by_true_steps() -> None:
    trainer = counting_class(Trainer, start_step=8)()
    trainer.train(SimpleNamespace(max_train_steps=10), Network(), first_epoch=2)
    assert trainer.sampled == [(0, 0), (None, 9), (None, 10), (3, 10)]


def test_broken_weights_are_not_saved(capsys: pytest.CaptureFixture[str]) -> None:
    network = Network(is_finite=False)
    with pytest.raises(SystemExit) as exit:
        counting_class(Trainer, start_step=0)().train(SimpleNamespace(max_train_steps=4), network, first_epoch=0)
    assert exit.value.code == 1
    assert network.saved == []
    assert json.loads(capsys.readouterr().out)["code"] == "loss_not_finite"
