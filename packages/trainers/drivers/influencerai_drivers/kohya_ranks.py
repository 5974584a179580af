"""One of several processes of a kohya training (`several.py`).

No gate: every rank would have to wait. Steps are counted truly, though, since kohya's own count starts again with each
resume: it would go on to the end of the epoch that it finds itself in, past the end of the job. The first process tells
of each step, since kohya prints no learning rate, and a mean of losses that counts skipped batches as zeros.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .channel import Channel
from .guard import LossGuard
from .kohya_config import KohyaConfig
from .kohya_full import FullScript
from .kohya_hashes import ModelHashes
from .kohya_script import NEVER, correct_metadata, is_finite, learning_rate, prepare_imports, read_arguments


def run(*, config: dict[str, Any], workspace: Path, home: Path | None) -> None:
    """Trains as `driver.json` says."""
    if home is None:
        raise ValueError("The kohya driver needs --home, the checkout of sd-scripts.")
    settings = KohyaConfig.read(config)
    prepare_imports(settings, workspace, home)
    module = importlib.import_module(settings.script)
    train_util = importlib.import_module("library.train_util")
    steps = Steps(settings, Channel(sys.stdout, []))
    arguments = read_arguments(module, train_util, settings, workspace)
    if settings.trainer_class is None:
        FullScript(train_util, steps, start_step=settings.start_step).train(module, arguments)
        return
    hashes = ModelHashes(train_util, is_saving=os.environ["RANK"] == "0")
    counting_class(getattr(module, settings.trainer_class), steps, hashes)().train(arguments)


class Steps:
    """What is told of the steps: their true numbers, and the mean loss of all processes."""

    def __init__(self, settings: KohyaConfig, channel: Channel) -> None:
        self._epochs = settings.total_epochs
        self._guard = LossGuard(tolerated_non_finite=settings.tolerated_non_finite)
        self._channel = channel
        self._losses: list[Any] = []
        self._learning_rate: float | None = None
        self._are_finite: Callable[[], bool] = lambda: True
        self.done = settings.start_step
        self.total = NEVER

    def watch_weights(self, are_finite: Callable[[], bool]) -> None:
        self._are_finite = are_finite

    def before_save(self) -> None:
        """Only the first process saves."""
        if not self._are_finite():
            self.fail("loss_not_finite", "The weights are no numbers any more.")

    def before_batch(self, args: Any) -> None:
        args.max_train_steps = NEVER

    def sample_images(
        self,
        sample: Callable[[int | None, int], None],
        accelerator: Any,
        args: Any,
        epoch: int | None,
        global_step: int,
    ) -> None:
        """kohya asks for samples at the start (epoch 0), after each step (no epoch) and after each epoch.

        By the true step it is decided when there are samples, and they are named by it.
        """
        if epoch == 0:
            self._begin(accelerator, args.max_train_steps)
            sample(epoch, global_step)
            return
        if epoch is None:
            self._end(accelerator)
            if self.done >= self.total:
                # Leaves the loop, in the last epoch.
                args.max_train_steps = global_step
        sample(epoch, self.done)

    def _begin(self, accelerator: Any, total: int) -> None:
        self.total = total
        if accelerator.is_main_process:
            self._channel.emit("start", step=self.done, totalSteps=total, totalEpochs=self._epochs)

    def take_loss(self, loss: Any, rate: float) -> None:
        """Of a batch of this process; it stays on the device until its step is over."""
        self._losses.append(loss)
        self._learning_rate = rate

    def _end(self, accelerator: Any) -> None:
        """A step is over. All processes get here together, as they do for the gradients."""
        self.done += 1
        loss = accelerator.reduce(sum(self._losses) / len(self._losses), reduction="mean")
        self._losses.clear()
        if accelerator.is_main_process:
            self._report(float(loss))

    def _report(self, loss: float) -> None:
        epoch = -(-self.done * self._epochs // self.total)
        self._channel.progress(step=self.done, epoch=epoch, loss=loss, learning_rate=self._learning_rate)
        verdict = self._guard.judge(loss)
        if verdict:
            code, message = verdict
            self.fail(code, f"{message} (step {self.done})")

    def fail(self, code: str, message: str) -> None:
        """Ends the training: when one process leaves, the launcher ends the others."""
        self._channel.emit("error", code=code, message=message, hint="Lower learningRate.")
        raise SystemExit(1)


def counting_class(base: Any, steps: Steps, hashes: ModelHashes) -> Any:
    """A subclass of the family's trainer that knows the true step, tells of it, and ends with the last one."""

    class CountingTrainer(base):  # type: ignore[misc]
        def post_process_network(self, args: Any, accelerator: Any, network: Any, *others: Any) -> None:
            super().post_process_network(args, accelerator, network, *others)
            correct_metadata(network, lambda: steps.done, hashes)
            steps.watch_weights(lambda: is_finite(network))
            _refuse_broken_weights(network, steps)

        def on_step_start(self, args: Any, accelerator: Any, *others: Any, **named: Any) -> None:
            if named.get("is_train", True):
                self.counted_accelerator = accelerator
                steps.before_batch(args)
            super().on_step_start(args, accelerator, *others, **named)

        def process_batch(self, *positional: Any, **named: Any) -> Any:
            loss = super().process_batch(*positional, **named)
            if named.get("is_train", True):
                # The text encoders' group is the first, if they are trained.
                steps.take_loss(loss.detach(), learning_rate(self.counted_accelerator, group=-1))
            return loss

        def sample_images(self, accelerator: Any, args: Any, epoch: Any, global_step: int, *models: Any) -> None:
            def sample(epoch: int | None, step: int) -> None:
                super(CountingTrainer, self).sample_images(accelerator, args, epoch, step, *models)

            steps.sample_images(sample, accelerator, args, epoch, global_step)

    return CountingTrainer


def _refuse_broken_weights(network: Any, steps: Steps) -> None:
    save_weights = network.save_weights

    def save(*arguments: Any) -> None:
        steps.before_save()
        save_weights(*arguments)

    network.save_weights = save
