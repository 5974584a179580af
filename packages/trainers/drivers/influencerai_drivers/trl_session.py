"""What happens between the steps of a TRL run: reports, saves, samples, budgets, and the end. Knows nothing of TRL."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, Protocol

from .channel import Channel
from .gate import Aborted, Gate
from .guard import LossGuard
from .states import StateFolder, link_or_copy
from .trl_config import TrlConfig
from .trl_files import publish_final, weights_of, write_adapter_config, write_with_metadata


class Model(Protocol):
    """What the session needs of the model in training."""

    def is_finite(self) -> bool:
        """Whether all trained weights are numbers."""

    def continue_text(self, prompt: str) -> str:
        """The prompt's continuation, without a trace in the training."""


class Session:
    """One run. The trainer calls in this order: `begin`, per step `before_step`, `after_step`, `take_loss`, and
    `take_save` where `after_step` said so; `finish` at the end."""

    def __init__(
        self,
        config: TrlConfig,
        workspace: Path,
        channel: Channel,
        gate: Gate,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._workspace = workspace
        self._channel = channel
        self._gate = gate
        self._now = now
        self._guard = LossGuard()
        self._states = StateFolder(workspace)
        self._saved_at = now()
        self._is_named = False
        self._total = config.total_steps
        self._step = config.start_step
        self._epoch = 0
        self._loss = 0.0
        self._has_loss = False
        self.model: Model | None = None

    @property
    def _output(self) -> Path:
        return self._workspace / "output"

    def begin(self, *, step: int, total_steps: int, total_epochs: int) -> None:
        """Everything is loaded; training starts after this step."""
        self._gate.set_interruptible(False)
        self._gate.raise_if_stopping()
        self._gate.expect(total_steps)
        self._step, self._total = step, total_steps
        self._channel.emit("start", step=step, totalSteps=total_steps, totalEpochs=total_epochs)
        self._saved_at = self._now()
        self._hold()

    def before_step(self) -> None:
        if self._gate.take_sample():
            self.sample()

    def after_step(self, step: int, epoch: float) -> bool:
        """Decides whether this step is saved. The finished model is saved anyway."""
        self._step, self._epoch = step, math.ceil(epoch)
        if step >= self._total:
            return False
        asked = self._gate.take_save() or self._gate.is_stopping or self._gate.is_spent(step)
        self._is_named = asked or self._config.is_checkpoint_due(step, epoch)
        return self._is_named or self._now() - self._saved_at >= self._config.state_every_seconds

    def take_loss(self, loss: float, *, learning_rate: float | None, gradient_norm: float | None) -> None:
        """Reports the step's loss, or ends the run before anything of it is saved."""
        self._loss, self._has_loss = loss, True
        self._channel.progress(step=self._step, epoch=self._epoch, loss=loss, learning_rate=learning_rate)
        verdict = self._guard.judge(loss)
        if verdict is not None:
            self._fail(*verdict)
        # With fp16 the scaler skips such a step and lowers its scale; otherwise the weights have seen it.
        if gradient_norm is not None and not math.isfinite(gradient_norm) and not self._config.sft.get("fp16"):
            self._fail("loss_not_finite", f"The gradient of step {self._step} became {gradient_norm}.")

    def require_finite(self) -> None:
        """Keeps weights that are no numbers from replacing good ones."""
        if self.model is not None and not self.model.is_finite():
            self._fail("loss_not_finite", f"The weights of step {self._step} are no numbers.")

    def take_save(self, folder: Path) -> None:
        """Makes a state of what TRL has just saved, and waits while the budget is spent."""
        # Weights are published from the state, which keeps the trainer's own copy for an exact resume.
        state = self._states.publish(folder, step=self._step, epoch=self._epoch, points=self._channel.recent)
        weights = weights_of(self._workspace / state)
        if not weights:
            raise FileNotFoundError(f"TRL saved no weights in {state}.")
        self._saved_at = self._now()
        if self._is_named and len(weights) == 1:
            self._emit_checkpoint(weights[0], state)
        else:
            self._channel.emit(
                "checkpoint", step=self._step, epoch=self._epoch, path=self._relative(weights[0]), statePath=state
            )
        if self._gate.is_stopping:
            self._abort()
        if self._is_named:
            self.sample()
        self._hold()

    def leave_save_to_another(self) -> None:
        """Another process makes the state of this step."""
        self._saved_at = self._now()
        if self._gate.is_stopping:
            self._abort()

    def sample(self) -> None:
        """Continues each prompt. A stop cuts this short; the training then saves at its next step."""
        try:
            with self._gate.interruptible():
                for index, prompt in enumerate(self._config.prompts):
                    self._sample_one(index, prompt)
        except Aborted:
            return

    def finish(self, run_dir: Path) -> None:
        """Publishes the finished model."""
        self.require_finite()
        self.sample()
        config = self._config
        weights, companions = publish_final(
            run_dir, self._output / "final", base=config.public_base, metadata=self._metadata
        )
        self._channel.emit(
            "checkpoint",
            step=self._step,
            epoch=self._epoch,
            path=self._relative(weights),
            isFinal=True,
            companions=[self._relative(file) for file in companions],
        )
        self._channel.emit("done", step=self._step, loss=self._loss)

    @property
    def _metadata(self) -> dict[str, str]:
        return {**self._config.metadata, "steps": str(self._step), "format": "pt"}

    def _emit_checkpoint(self, weights: Path, state: str) -> None:
        target = self._output / f"{self._config.name}-step{self._step:08d}.safetensors"
        companions: list[str] | None = None
        if self._config.is_adapter:
            write_with_metadata(weights, target, self._metadata)
            write_adapter_config(weights.parent, self._output / "adapter_config.json", self._config.public_base)
            companions = ["output/adapter_config.json"]
        else:
            link_or_copy(weights, target)
        self._channel.emit(
            "checkpoint",
            step=self._step,
            epoch=self._epoch,
            path=self._relative(target),
            statePath=state,
            companions=companions,
        )

    def _sample_one(self, index: int, prompt: str) -> None:
        if self.model is None:
            return
        text = self.model.continue_text(prompt)
        file = self._output / "samples" / f"{self._config.name}-step{self._step:08d}-{index}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{prompt}{text}\n", encoding="utf-8")
        self._channel.emit("sample", step=self._step, path=self._relative(file), prompt=prompt)

    def _hold(self) -> None:
        """Waits at the end of a budget, with everything saved."""
        if self._gate.is_spent(self._step):
            self._channel.emit("paused", step=self._step)
        while self._gate.is_spent(self._step):
            self._gate.wait(self._step)
            if self._gate.is_stopping:
                self._abort()
            # A save that is asked for here is there already.
            self._gate.take_save()
            if self._gate.take_sample():
                self.sample()

    def _abort(self) -> NoReturn:
        self._channel.emit("aborted", step=self._step)
        raise SystemExit(0)

    def _fail(self, code: str, message: str) -> NoReturn:
        hint = "Lower the learning rate, or give it warm-up steps (meta.warmupSteps)."
        self._channel.emit("error", code=code, message=message, hint=hint)
        raise SystemExit(1)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._workspace).as_posix()
