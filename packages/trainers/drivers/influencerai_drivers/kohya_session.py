"""What happens around the steps of a kohya training; knows nothing of the class that calls it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from .channel import Channel
from .gate import Aborted, Gate
from .guard import LossGuard
from .kohya_config import KohyaConfig, Schedule
from .random_state import restored_when_aborted
from .states import StateFolder, link_or_copy

_SAMPLE = re.compile(r"_(\d{2,})_\d{14}(?:_\d+)?\.png$")


class Session:
    """Counts true steps, reports them, and decides when kohya saves, samples, waits or leaves."""

    def __init__(self, config: KohyaConfig, workspace: Path, channel: Channel, gate: Gate) -> None:
        self._config = config
        self._workspace = workspace
        self._channel = channel
        self._gate = gate
        self._guard = LossGuard(tolerated_non_finite=config.tolerated_non_finite)
        self._states = StateFolder(workspace)
        self._losses: list[Any] = []
        self._learning_rate: float | None = None
        self._saved_step = config.start_step
        self._state_time = time.monotonic()
        self._is_leaving = False
        #: Whether all trained weights are numbers; the trainer tells once it has made them.
        self.has_finite_weights: Callable[[], bool] = lambda: True
        self.step = config.start_step
        self.loss = 0.0
        self.schedule = Schedule(config.total_steps, config.total_steps)

    @property
    def work_dir(self) -> Path:
        """Where kohya writes. Its names count from the start of the run, so they must not meet those of true steps."""
        return self._workspace / "output" / ".kohya"

    def begin(self, *, steps_per_epoch: int, total_steps: int) -> None:
        """Everything is loaded; kohya knows how much there is to do."""
        config = self._config
        self.schedule = Schedule(config.steps_per_epoch or steps_per_epoch, total_steps)
        if total_steps != config.total_steps:
            self._channel.emit(
                "warning", message=f"Planned were {config.total_steps} steps; kohya makes {total_steps}."
            )
            self._gate.expect(total_steps)
        epochs = self.schedule.epoch_of(total_steps)
        self._channel.emit("start", step=self.step, totalSteps=total_steps, totalEpochs=epochs)

    def before_step(self, sample: Callable[[], None]) -> None:
        """Blocks while no further step is authorised."""
        if self._losses:
            return
        self._gate.set_interruptible(False)
        if self._gate.is_spent(self.step):
            self._channel.emit("paused", step=self.step)
        while self._gate.is_spent(self.step) and not self._gate.is_stopping:
            self._gate.wait(self.step)
            # The weights of this step are on disk since the budget ended.
            self._gate.take_save()
            if self._gate.take_sample():
                self._sample(sample)
        # Everything up to here is saved, so nothing is lost by leaving before the step.
        if self._gate.is_stopping and self._saved_step == self.step:
            self.leave()

    def take_loss(self, loss: Any, learning_rate: float) -> None:
        """A batch was computed; the loss stays on the device until its step is over."""
        self._losses.append(loss)
        self._learning_rate = learning_rate

    def after_step(self, sample: Callable[[], None]) -> bool:
        """Reports the step that just ended. Tells whether kohya shall save now."""
        self.step += 1
        self.loss = sum(float(loss) for loss in self._losses) / max(1, len(self._losses))
        self._losses.clear()
        self._report()
        if self._is_due(self._config.sample_every_steps, self._config.sample_every_epochs) or self._gate.take_sample():
            self._sample(sample)
        return self._must_save()

    def _report(self) -> None:
        epoch = self.schedule.epoch_of(self.step)
        self._channel.progress(step=self.step, epoch=epoch, loss=self.loss, learning_rate=self._learning_rate)
        verdict = self._guard.judge(self.loss)
        if verdict:
            self._fail(*verdict)

    def _fail(self, code: str, message: str) -> NoReturn:
        self._channel.emit("error", code=code, message=f"{message} (step {self.step})", hint="Lower learningRate.")
        raise SystemExit(1)

    def require_finite_weights(self) -> None:
        """A loss is of the weights before its step; what the step made of them is seen here, before it is kept."""
        if not self.has_finite_weights():
            self._fail("loss_not_finite", "The weights are no numbers any more.")

    def _must_save(self) -> bool:
        was_asked = self._gate.take_save()
        is_last = self.step >= self.schedule.total_steps
        self._is_leaving = self._gate.is_stopping and not is_last
        must_save = (
            was_asked
            or self._is_leaving
            or self._gate.is_spent(self.step)
            or self._is_due(self._config.save_every_steps, self._config.save_every_epochs)
        )
        if must_save or is_last:
            self.require_finite_weights()
        # The end has a save of its own.
        return must_save and not is_last

    def is_save_urgent(self) -> bool:
        """Whether somebody waits for the save: who told the training to stop, or a tenant at the end of a budget."""
        return self._gate.is_stopping or self._gate.is_spent(self.step)

    def _is_due(self, every_steps: int, every_epochs: int) -> bool:
        return self.schedule.is_due(self.step, every_steps=every_steps, every_epochs=every_epochs)

    def is_state_due(self) -> bool:
        """Whether a state is wanted although no checkpoint is."""
        seconds = self._config.state_every_seconds
        is_last = self.step >= self.schedule.total_steps
        return bool(seconds) and not is_last and time.monotonic() - self._state_time >= seconds

    def keep_state(self, save_state: Callable[[str], None]) -> None:
        """Has a state written between checkpoints, and announces it with its own copy of the weights."""
        self.require_finite_weights()
        state = self._write_state(save_state)
        self._announce(f"{state}/model.safetensors", state)

    def _write_state(self, save_state: Callable[[str], None]) -> str:
        partial = self.work_dir / f"state-{self.step}"
        shutil.rmtree(partial, ignore_errors=True)
        save_state(str(partial))
        epoch = self.schedule.epoch_of(self.step)
        published = self._states.publish(partial, step=self.step, epoch=epoch, points=self._channel.recent)
        self._state_time = time.monotonic()
        return published

    def keep_checkpoint(self, weights: Path, save_state: Callable[[str], None]) -> None:
        """kohya has written the weights of this step: gives them their true name, with a state beside them."""
        name = self.schedule.checkpoint_name(self._config.output_name, self.step)
        # The state first: a checkpoint is announced with what a resume from it needs.
        state = self._write_state(save_state)
        link_or_copy(weights, self._workspace / "output" / name)
        weights.unlink()
        self._saved_step = self.step
        self._announce(f"output/{name}", state)
        if self._is_leaving:
            self.leave()

    def _announce(self, weights: str, state: str) -> None:
        epoch = self.step // self.schedule.steps_per_epoch
        self._channel.emit("checkpoint", step=self.step, epoch=epoch, path=weights, statePath=state)

    def finish(self) -> None:
        """kohya has written the final weights."""
        name = f"{self._config.output_name}.safetensors"
        link_or_copy(self.work_dir / name, self._workspace / "output" / name)
        shutil.rmtree(self.work_dir, ignore_errors=True)
        epoch = self.schedule.epoch_of(self.step)
        self._channel.emit("checkpoint", step=self.step, epoch=epoch, path=f"output/{name}", isFinal=True)
        self._channel.emit("done", step=self.step, loss=self.loss)

    def leave(self) -> None:
        """Ends the process; everything worth keeping is on disk."""
        self._channel.emit("aborted", step=self.step)
        raise SystemExit(0)

    def _sample(self, sample: Callable[[], None]) -> None:
        """Samples are not worth waiting for: who stops meanwhile still gets the step saved."""
        try:
            with self._gate.interruptible(), restored_when_aborted():
                sample()
        except Aborted:
            return
        self.publish_samples()

    def publish_samples(self) -> None:
        """Moves the pictures that kohya made to names with true steps, and announces them."""
        for picture in sorted((self.work_dir / "sample").glob("*.png")):
            found = _SAMPLE.search(picture.name)
            index = int(found.group(1)) if found else 0
            target = Path("output/sample") / f"{self._config.output_name}-step{self.step:08d}-{index:02d}.png"
            (self._workspace / target.parent).mkdir(parents=True, exist_ok=True)
            picture.replace(self._workspace / target)
            prompt = self._config.prompts[index] if index < len(self._config.prompts) else ""
            self._channel.emit("sample", step=self.step, path=target.as_posix(), prompt=prompt)
