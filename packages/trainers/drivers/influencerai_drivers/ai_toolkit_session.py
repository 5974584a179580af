"""The step gate within ai-toolkit, through methods that its training process calls anyway.

Facts are of ostris/ai-toolkit 27a03a91 (jobs/process/BaseSDTrainProcess.py): `end_step_hook` runs once a step, after
`step_num` has become the number of finished steps; the saves and samples of the loop itself come before that, one step
early by name. So all saving and sampling happens here.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .ai_toolkit_config import DriverConfig
from .ai_toolkit_files import TrainingFiles, load_order
from .ai_toolkit_order import DataOrder, sorted_folders
from .channel import Channel
from .gate import Aborted, Gate
from .guard import LossGuard
from .random_state import restored_when_aborted

# A step whose loss is no number trains on 0 instead, so a few of them do no harm.
TOLERATED_NON_FINITE = 2
# What a crash may cost; the state of a LoRA takes seconds to write.
STATE_EVERY_SECONDS = 600
# What toolkit/data_loader.py prints before it goes on without a picture.
LEFT_OUT = "Error processing image: "
# Where pictures are read, beside the modules of the process itself.
READERS = ("toolkit.data_loader", "toolkit.dataloader_mixins")


class Session:
    """One training process, wrapped."""

    def __init__(self, process: Any, config: DriverConfig, gate: Gate, channel: Channel, files: TrainingFiles) -> None:
        self._process = process
        self._config = config
        self._gate = gate
        self._channel = channel
        self._files = files
        self._order = DataOrder()
        self._guard = LossGuard(tolerated_non_finite=TOLERATED_NON_FINITE)
        self._loading = ExitStack()
        self._loss: float | None = None
        self._rate: float | None = None
        self._is_non_finite = False
        self._saved_step = self._published_step = config.start_step
        self._saved_at = time.monotonic()
        self._is_save_owed = False
        self._is_final_saved = False
        self._left_out: set[str] = set()
        self.last_loss = 0.0

    def wrap(self) -> None:
        """Puts this session's methods around those of the process."""
        process = self._process
        self._around("hook_before_model_load", before=self._gate.raise_if_stopping)
        self._around("before_dataset_load", before=self._before_data)
        self._around("hook_before_train_loop", after=self._before_training)
        self._around("end_step_hook", after=self._end_step)
        self._around("update_training_metadata", after=self._name_weights)
        for name in ("hook_train_loop", "save", "sample", "sample_step_hook"):
            setattr(process, name, getattr(self, f"_{name}")(getattr(process, name)))
        self._watch_prints()

    def _around(
        self, name: str, *, before: Callable[[], None] | None = None, after: Callable[[], None] | None = None
    ) -> None:
        original = getattr(self._process, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if before:
                before()
            result = original(*args, **kwargs)
            if after:
                after()
            return result

        setattr(self._process, name, wrapped)

    def _watch_prints(self) -> None:
        # Only prints tell that a loss was no number (what the step returns is 0 then), and that a picture is left out.
        names = [base.__module__ for base in type(self._process).__mro__]
        for name in dict.fromkeys([*names, *READERS]):
            module = sys.modules.get(name)
            original = getattr(module, "print_acc", None)
            if original is None:
                continue

            def watched(*args: Any, _original: Callable[..., Any] = original, **kwargs: Any) -> Any:
                if args and isinstance(args[0], str):
                    self._hear(args[0])
                return _original(*args, **kwargs)

            setattr(module, "print_acc", watched)  # noqa: B010

    def _hear(self, text: str) -> None:
        if text == "loss is nan":
            self._is_non_finite = True
        elif text.startswith(LEFT_OUT):
            self._report_picture(Path(text.removeprefix(LEFT_OUT)))

    def _report_picture(self, path: Path) -> None:
        # The trainer knows it by a name of ours; the link leads to the one that the tenant knows.
        name = path.readlink().name if path.is_symlink() else path.name
        if name not in self._left_out:
            self._left_out.add(name)
            self._channel.emit("warning", message=f"The trainer cannot read {name}.")

    def _name_weights(self) -> None:
        self._process.meta["ss_output_name"] = self._config.publish_name

    def _before_data(self) -> None:
        self._gate.raise_if_stopping()
        self._loading.enter_context(sorted_folders())

    def _before_training(self) -> None:
        process, start = self._process, self._config.start_step
        self._loading.close()
        if process.step_num != start:
            raise RuntimeError(f"The trainer starts at step {process.step_num}, not at the saved step {start}.")
        if start > 0 and not process.optimizer.state_dict()["state"]:
            self._channel.emit("warning", message="The saved optimizer could not be loaded; a fresh one goes on.")
        self._follow_data()
        # For samples the LoRA is added to the base and taken out again, which rounds the base a little each time.
        process.network.can_merge_in = False
        self._keep_full_weights()
        self._average_gradients()
        self._gate.set_interruptible(False)
        self._channel.emit(
            "start", step=start, totalSteps=self._config.total_steps, totalEpochs=self._config.total_epochs
        )

    def _follow_data(self) -> None:
        loader = self._process.data_loader
        order = load_order(self._config)
        if order:
            self._order.resume(order, len(loader))
        self._order.follow(loader)
        if loader.num_workers > 0:
            loader.worker_init_fn = _ignore_signals

    def _keep_full_weights(self) -> None:
        """Saves twice: in the type that was asked for, and as they are for a resume."""
        import torch

        original = self._process.network.save_weights

        def save_weights(file: Any, dtype: Any = torch.float16, metadata: Any = None, **kwargs: Any) -> None:
            original(file, dtype=dtype, metadata=dict(metadata or {}), **kwargs)
            if not self._is_final_saved:
                state = str(self._files.begin_state())
                original(state, dtype=torch.float32, metadata=dict(metadata or {}), **kwargs)

        self._process.network.save_weights = save_weights

    def _average_gradients(self) -> None:
        """The trainer adds up what the batches of a step give (extensions_built_in/sd_trainer/SDTrainer.py); one large
        batch in their place would give the mean."""
        accelerator, batches = self._process.accelerator, self._process.train_config.gradient_accumulation
        if batches == 1:
            return
        original = accelerator.backward

        def backward(loss: Any, **kwargs: Any) -> None:
            original(loss / batches, **kwargs)

        accelerator.backward = backward

    def _hook_train_loop(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def hook_train_loop(*args: Any, **kwargs: Any) -> Any:
            import torch

            self._loss = None
            self._is_non_finite = False
            # Before the step: afterwards the schedule has moved on.
            rate = learning_rate(self._process)
            try:
                losses = original(*args, **kwargs)
            except torch.cuda.OutOfMemoryError:
                self._report_skipped_batch()
                raise
            except RuntimeError as error:
                if "CUDA out of memory" in str(error):
                    self._report_skipped_batch()
                raise
            self._rate = rate if rate is not None else learning_rate(self._process, is_after=True)
            self._loss = math.nan if self._is_non_finite else float(losses["loss"])
            return losses

        return hook_train_loop

    def _report_skipped_batch(self) -> None:
        step = self._process.step_num + 1
        self._channel.emit("warning", message=f"Out of GPU memory in step {step}; the trainer skipped its batch.")

    def _save(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def save(step: int | None = None) -> None:
            if step is not None:
                original(step)
                return
            # The weights of the whole training, right after the last step.
            self._is_final_saved = True
            original()
            self._files.publish_final(self._process.step_num)

        return save

    def _sample(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def sample(step: int | None = None, is_first: bool = False) -> None:
            try:
                with self._gate.interruptible(), restored_when_aborted():
                    original(step, is_first)
            except Aborted:
                # Everything is trained and saved: only pictures are missing.
                if not self._is_final_saved:
                    raise
            if step is not None:
                self._files.publish_samples(step)

        return sample

    def _sample_step_hook(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def sample_step_hook(*args: Any, **kwargs: Any) -> None:
            original(*args, **kwargs)
            self._gate.raise_if_stopping()

        return sample_step_hook

    def _end_step(self) -> None:
        step = self._process.step_num
        self._judge(step)
        if step >= self._config.total_steps:
            # The trainer leaves its loop and saves; a stop that comes now has nothing left to stop.
            if self._is_doubtful:
                self._fail("loss_not_finite", "The loss of the last step is no number.")
            self._require_finite_weights()
            return
        is_save_due = self._is_save_owed or _is_due(step, self._config.save_every)
        is_sample_due = _is_due(step, self._config.sample_every)
        if is_save_due:
            self._save_step(step)
        elif time.monotonic() - self._saved_at > STATE_EVERY_SECONDS:
            self._save_step(step, is_checkpoint=False)
        self._serve(step, is_sample_due=is_sample_due)
        while self._gate.is_spent(step):
            self._save_step(step)
            if self._is_doubtful:
                message = f"The loss of step {step} is no number, so the budget ends without a checkpoint; "
                self._channel.emit("warning", message=message + "the next good step makes up for it.")
            self._channel.emit("paused", step=step)
            self._gate.wait(step)
            self._serve(step)

    def _serve(self, step: int, *, is_sample_due: bool = False) -> None:
        if self._gate.take_save():
            self._save_step(step)
        if is_sample_due or self._gate.take_sample():
            self._sample_now(step)
        if self._gate.is_stopping:
            self._stop(step)

    def _judge(self, step: int) -> None:
        if self._loss is None:
            return
        if math.isfinite(self._loss):
            self.last_loss = self._loss
            epoch = self._config.epoch_at(step)
            self._channel.progress(step=step, epoch=epoch, loss=self._loss, learning_rate=self._rate)
        verdict = self._guard.judge(self._loss)
        if verdict:
            self._fail(*verdict)

    def _fail(self, code: str, message: str) -> None:
        self._channel.emit(
            "error", code=code, message=message, hint="Lower the learning rate, or look for odd pictures in the data."
        )
        self._close_logs()
        raise SystemExit(1)

    def _require_finite_weights(self) -> None:
        import torch

        parameters = (parameter for group in self._process.params for parameter in group["params"])
        if not all(bool(torch.isfinite(parameter).all()) for parameter in parameters):
            self._fail("loss_not_finite", "The weights are no numbers any more.")

    @property
    def _is_doubtful(self) -> bool:
        """Weights after a loss that was no number: the last good state stays the newest, and a save waits for the next
        good step. A batch that did not fit into memory has no loss either, but it changed nothing."""
        return self._loss is not None and not math.isfinite(self._loss)

    def _save_step(self, step: int, *, is_checkpoint: bool = True) -> None:
        if self._is_doubtful:
            self._is_save_owed |= is_checkpoint
            return
        # A state that the clock asked for is no checkpoint yet.
        if step == (self._published_step if is_checkpoint else self._saved_step):
            return
        self._require_finite_weights()
        process = self._process
        # The order of the trainer's own saves: no gradients are held, and parameters are trainable again afterwards.
        process.progress_bar.pause()
        process.optimizer.zero_grad()
        process.save(step)
        process.ensure_params_requires_grad()
        self._files.publish_step(step, self._order.save(), is_checkpoint=is_checkpoint)
        self._saved_step = step
        if is_checkpoint:
            self._published_step = step
            self._is_save_owed = False
        self._saved_at = time.monotonic()
        process.progress_bar.unpause()

    def _sample_now(self, step: int) -> None:
        process = self._process
        if process.train_config.disable_sampling:
            return
        process.progress_bar.pause()
        try:
            process.sample(step)
        except Aborted:
            self._stop(step)
        process.ensure_params_requires_grad()
        process.progress_bar.unpause()

    def _stop(self, step: int) -> None:
        self._save_step(step)
        self._channel.emit("aborted", step=self._saved_step)
        self._close_logs()
        raise SystemExit(0)

    def _close_logs(self) -> None:
        # Writes the last losses to the trainer's own log.
        self._process.logger.finish()


def learning_rate(process: Any, *, is_after: bool = False) -> float | None:
    """The rate that the next step trains with; optimizers that find their own tell it after the step only."""
    optimizer = process.optimizer
    for name in ("get_avg_learning_rate", "get_learning_rates"):
        inner = getattr(optimizer, "optimizer", optimizer)
        if hasattr(inner, name):
            if not is_after:
                return None
            rate = getattr(inner, name)()
            return float(rate[0] if isinstance(rate, list) else rate)
    group = optimizer.param_groups[0]
    return float(group["lr"]) * float(group.get("d", 1.0))


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _ignore_signals(_worker: int) -> None:
    """A signal to the whole group must not take the loaders away before the last step is saved."""
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
