"""One of several processes of a kohya training (`several.py`).

No gate: every rank would have to wait. Steps are counted truly, though, since kohya's own count starts again with each
resume: it would go on to the end of the epoch that it finds itself in, past the end of the job. The first process tells
of each step, since kohya prints no learning rate, and a mean of losses that counts skipped batches as zeros.

kohya itself saves at ends of epochs only. By the clock, and when one of them is told to stop, all of them save a state.
"""

from __future__ import annotations

import importlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .channel import Channel
from .gate import Aborted, Gate
from .guard import LossGuard
from .kohya_config import KohyaConfig
from .kohya_full import FullScript
from .kohya_hashes import ModelHashes
from .kohya_script import NEVER, correct_metadata, is_finite, learning_rate, prepare_imports, read_arguments
from .random_state import restored_when_aborted
from .several import allow_consumer_gpus, is_first_rank, rank_channel
from .states import StateFolder


def run(*, config: dict[str, Any], workspace: Path, home: Path | None) -> None:
    """Trains as `driver.json` says."""
    if home is None:
        raise ValueError("The kohya driver needs --home, the checkout of sd-scripts.")
    settings = KohyaConfig.read(config)
    gate = Gate(start_step=settings.start_step, total_steps=settings.total_steps, is_budgeted=False)
    gate.stop_on_signals()
    channel = rank_channel()
    # Made interruptible by the block, made whole again by the first step.
    with gate.interruptible():
        allow_consumer_gpus()
        prepare_imports(settings, workspace, home)
        module = importlib.import_module(settings.script)
        train_util: Any = importlib.import_module("library.train_util")
        steps = Steps(settings, workspace, channel, gate)
        arguments = read_arguments(module, train_util, settings, workspace)
        # The end of a run leaves no state: there is nothing to go on with.
        train_util.save_state_on_train_end = lambda *_: None
        if settings.trainer_class is None:
            FullScript(train_util, steps, start_step=settings.start_step).train(module, arguments)
            return
        hashes = ModelHashes(train_util, is_saving=is_first_rank())
        counting_class(getattr(module, settings.trainer_class), steps, hashes)().train(arguments)


class Steps:
    """What is told of the steps: their true numbers, and the mean loss of all processes; and the states between them."""

    def __init__(
        self,
        settings: KohyaConfig,
        workspace: Path,
        channel: Channel,
        gate: Gate,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._epochs = settings.total_epochs
        self._state_seconds = settings.state_every_seconds
        self._guard = LossGuard(tolerated_non_finite=settings.tolerated_non_finite)
        self._channel = channel
        self._gate = gate
        self._now = now
        self._state_time = now()
        self._states = StateFolder(workspace)
        self._work_dir = workspace / "output" / ".kohya"
        self._losses: list[Any] = []
        self._learning_rate: float | None = None
        self._are_finite: Callable[[], bool] = lambda: True
        self.done = settings.start_step
        self.total = NEVER

    def watch_weights(self, are_finite: Callable[[], bool]) -> None:
        self._are_finite = are_finite

    def is_save_urgent(self) -> bool:
        """Only the first process saves, so what it was told is enough."""
        return self._gate.is_stopping

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
        if is_sample_due(args, epoch, self.done):
            self._sample(lambda: sample(epoch, self.done))

    def _sample(self, sample: Callable[[], None]) -> None:
        """Who stops meanwhile still gets the next step saved; processes sample without waiting for one another."""
        try:
            with self._gate.interruptible(), restored_when_aborted():
                sample()
        except Aborted:
            return

    def _begin(self, accelerator: Any, total: int) -> None:
        self._gate.set_interruptible(False)
        self._gate.raise_if_stopping()
        self.total = total
        self._state_time = self._now()
        if accelerator.is_main_process:
            shutil.rmtree(self._work_dir, ignore_errors=True)
            self._channel.emit("start", step=self.done, totalSteps=total, totalEpochs=self._epochs)

    def take_loss(self, loss: Any, rate: float) -> None:
        """Of a batch of this process; it stays on the device until its step is over."""
        self._losses.append(loss)
        self._learning_rate = rate

    def _end(self, accelerator: Any) -> None:
        """A step is over. All processes get here together, as they do for the gradients, and decide as one."""
        self.done += 1
        loss = sum(self._losses) / len(self._losses)
        self._losses.clear()
        is_due = accelerator.is_main_process and self._is_state_due()
        wishes = loss.new_tensor([float(loss), float(self._gate.is_stopping), float(is_due)])
        mean_loss, must_stop, must_save = accelerator.reduce(wishes, reduction="mean").tolist()
        if accelerator.is_main_process:
            self._report(mean_loss)
        # The end has a save of its own.
        if self.done >= self.total:
            return
        if must_stop or must_save:
            self._keep_state(accelerator)
        if must_stop:
            if accelerator.is_main_process:
                self._channel.emit("aborted", step=self.done)
            raise SystemExit(0)

    def _is_state_due(self) -> bool:
        return bool(self._state_seconds) and self._now() - self._state_time >= self._state_seconds

    def _keep_state(self, accelerator: Any) -> None:
        """Each process has random numbers of its own to save; the first makes a state of all."""
        folder = self._work_dir / f"state-{self.done}"
        if accelerator.is_main_process:
            self.before_save()
        accelerator.save_state(str(folder))
        accelerator.wait_for_everyone()
        self._state_time = self._now()
        if not accelerator.is_main_process:
            return
        epoch = self._epoch
        (folder / "train_state.json").write_text(json.dumps({"current_epoch": epoch, "current_step": self.done}))
        state = self._states.publish(folder, step=self.done, epoch=epoch, points=self._channel.recent)
        self._channel.emit(
            "checkpoint", step=self.done, epoch=epoch, path=f"{state}/model.safetensors", statePath=state
        )

    @property
    def _epoch(self) -> int:
        return -(-self.done * self._epochs // self.total)

    def _report(self, loss: float) -> None:
        self._channel.progress(step=self.done, epoch=self._epoch, loss=loss, learning_rate=self._learning_rate)
        verdict = self._guard.judge(loss)
        if verdict:
            code, message = verdict
            self.fail(code, f"{message} (step {self.done})")

    def fail(self, code: str, message: str) -> None:
        """Ends the training: when one process leaves, the launcher ends the others."""
        self._channel.emit("error", code=code, message=message, hint="Lower learningRate.")
        raise SystemExit(1)


def is_sample_due(args: Any, epoch: int | None, step: int) -> bool:
    """As kohya decides it, after a step (no epoch) or an epoch (kohya sd-scripts: library/train_util.py)."""
    if args.sample_every_n_epochs is not None:
        return epoch is not None and epoch % args.sample_every_n_epochs == 0
    return epoch is None and args.sample_every_n_steps is not None and step % args.sample_every_n_steps == 0


def counting_class(base: Any, steps: Steps, hashes: ModelHashes) -> Any:
    """A subclass of the family's trainer that knows the true step, tells of it, and ends with the last one."""

    class CountingTrainer(base):  # type: ignore[misc]
        def post_process_network(self, args: Any, accelerator: Any, network: Any, *others: Any) -> None:
            super().post_process_network(args, accelerator, network, *others)
            correct_metadata(network, lambda: steps.done, hashes, is_urgent=steps.is_save_urgent)
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
