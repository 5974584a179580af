"""Drives the LoRA scripts of kohya sd-scripts step by step, through methods that they call anyway.

All of them share `NetworkTrainer.train` (kohya sd-scripts: train_network.py). A subclass of the family's trainer
overrides `process_batch` (where the loss of a batch is returned that kohya logs as `loss/current`), `on_step_start`
(before each batch) and `sample_images` (after each optimizer step, right before kohya looks at `save_every_n_steps` on
the live arguments). Only the function that writes a state is replaced, since kohya's own counts from the start of the
run and writes in place.

Full fine-tuning and DreamBooth scripts have no class; there the functions that they call are wrapped (`kohya_full.py`).
Several processes have no gate (`kohya_ranks.py`).
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .channel import Channel, Command
from .gate import Gate
from .kohya_config import KohyaConfig
from .kohya_full import FullScript
from .kohya_hashes import ModelHashes
from .kohya_script import (
    NEVER,
    correct_metadata,
    is_finite,
    learning_rate,
    prepare_imports,
    read_arguments,
)
from .kohya_session import Session
from .several import run_ranks


def run(*, config: dict[str, Any], workspace: Path, home: Path | None, channel: Channel) -> None:
    """Trains as `driver.json` says."""
    if home is None:
        raise ValueError("The kohya driver needs --home, the checkout of sd-scripts.")
    settings = KohyaConfig.read(config)
    if settings.processes > 1:
        run_ranks(channel, processes=settings.processes, start_step=settings.start_step)
    _drive(settings, workspace, home, channel)


def _drive(settings: KohyaConfig, workspace: Path, home: Path, channel: Channel) -> None:
    gate = Gate(start_step=settings.start_step, total_steps=settings.total_steps, is_budgeted=settings.is_budgeted)
    gate.stop_on_signals()
    channel.listen(lambda command: _handle(gate, command), _stop)
    with gate.interruptible():
        prepare_imports(settings, workspace, home)
        module = importlib.import_module(settings.script)
        train_util = importlib.import_module("library.train_util")
        session = Session(settings, workspace, channel, gate)
        arguments = read_arguments(module, train_util, settings, workspace)
        _take_over_saves(arguments, settings, session)
        steps = GatedSteps(train_util, settings, session, gate)
        # Made interruptible by the block, made whole again by the first step.
        if settings.trainer_class is None:
            FullScript(train_util, steps, start_step=settings.start_step).train(module, arguments)
        else:
            hashes = ModelHashes(train_util)
            _gate_class(getattr(module, settings.trainer_class), steps, session, hashes)().train(arguments)
    session.finish()


def _handle(gate: Gate, command: Command) -> None:
    if command.get("command") == "abort":
        _stop()
    else:
        gate.handle(command)


def _stop() -> None:
    """A signal interrupts what the training thread does; a flag would wait for a model to be loaded."""
    os.kill(os.getpid(), signal.SIGTERM)


def _take_over_saves(arguments: argparse.Namespace, settings: KohyaConfig, session: Session) -> None:
    """When and where to save and to sample is the session's."""
    session.work_dir.mkdir(parents=True, exist_ok=True)
    arguments.output_dir = str(session.work_dir)
    arguments.output_name = settings.output_name
    arguments.save_state = True
    arguments.save_every_n_steps = arguments.save_every_n_epochs = None
    arguments.sample_every_n_steps = arguments.sample_every_n_epochs = None
    arguments.sample_at_first = False


def _gate_class(base: Any, steps: GatedSteps, session: Session, hashes: ModelHashes) -> Any:
    """A subclass of the family's trainer that stops between steps."""

    class GatedTrainer(base):  # type: ignore[misc]
        def post_process_network(self, args: Any, accelerator: Any, network: Any, *others: Any) -> None:
            super().post_process_network(args, accelerator, network, *others)
            correct_metadata(network, lambda: session.step, hashes, is_urgent=session.is_save_urgent)
            steps.watch_weights(lambda: is_finite(network))

        def process_batch(self, *positional: Any, **named: Any) -> Any:
            loss = super().process_batch(*positional, **named)
            if named.get("is_train", True):
                # The text encoders' group is the first, if they are trained.
                steps.take_loss(loss.detach(), learning_rate(self.gated_accelerator, group=-1))
            return loss

        def on_step_start(self, args: Any, accelerator: Any, *others: Any, **named: Any) -> None:
            if named.get("is_train", True):
                self.gated_accelerator = accelerator
                steps.before_batch(args)
            super().on_step_start(args, accelerator, *others, **named)

        def sample_images(self, accelerator: Any, args: Any, epoch: Any, global_step: int, *models: Any) -> None:
            def sample(epoch: int | None, step: int) -> None:
                super(GatedTrainer, self).sample_images(accelerator, args, epoch, step, *models)

            steps.sample_images(sample, accelerator, args, epoch, global_step)

    return GatedTrainer


class GatedSteps:
    """What is done around the steps, whichever way kohya calls it."""

    def __init__(self, train_util: Any, settings: KohyaConfig, session: Session, gate: Gate) -> None:
        self._train_util = train_util
        self._settings = settings
        self._session = session
        self._gate = gate
        self._sample: Callable[[int | None, int], None] = lambda *_: None
        self._global_step = 0

    def watch_weights(self, are_finite: Callable[[], bool]) -> None:
        self._session.has_finite_weights = are_finite

    def before_save(self) -> None:
        self._session.require_finite_weights()

    def take_loss(self, loss: Any, rate: float) -> None:
        self._session.take_loss(loss, rate)

    def before_batch(self, args: Any) -> None:
        args.max_train_steps = NEVER
        self._session.before_step(lambda: self._sample_now(args))

    def sample_images(
        self,
        sample: Callable[[int | None, int], None],
        accelerator: Any,
        args: Any,
        epoch: int | None,
        global_step: int,
    ) -> None:
        """kohya asks for samples at the start (epoch 0), after each step (no epoch) and after each epoch."""
        self._sample, self._global_step = sample, global_step
        if epoch == 0:
            self._begin(accelerator, args)
        elif epoch is None:
            self._end_step(accelerator, args)

    def _begin(self, accelerator: Any, args: Any) -> None:
        session, train_util = self._session, self._train_util
        steps_per_epoch = math.ceil(_batches_per_epoch(accelerator) / args.gradient_accumulation_steps)
        session.begin(steps_per_epoch=steps_per_epoch, total_steps=args.max_train_steps)
        train_util.save_and_remove_state_stepwise = self._keep_checkpoint
        # The end of a run leaves no state: there is nothing to go on with.
        train_util.save_state_on_train_end = lambda *_: None
        if self._settings.sample_at_first and session.step == 0:
            self._sample_now(args, is_first=True)
            session.publish_samples()

    def _end_step(self, accelerator: Any, args: Any) -> None:
        session = self._session
        must_save = session.after_step(lambda: self._sample_now(args))
        args.save_every_n_steps = self._global_step if must_save else None
        if not must_save and session.is_state_due():
            session.keep_state(lambda folder: _save_state(accelerator, folder, session))
        if session.step >= session.schedule.total_steps:
            # Leaves the loop, in the last epoch.
            args.max_train_steps = self._global_step
            self._gate.set_interruptible(False)

    def _keep_checkpoint(self, args: Any, accelerator: Any, global_step: int) -> None:
        name = self._train_util.get_step_ckpt_name(args, f".{args.save_model_as}", global_step)
        weights = Path(args.output_dir) / name
        self._session.keep_checkpoint(weights, lambda folder: _save_state(accelerator, folder, self._session))

    def _sample_now(self, args: Any, *, is_first: bool = False) -> None:
        if not self._settings.prompts:
            return
        args.sample_at_first, args.sample_every_n_steps = is_first, max(1, self._global_step)
        try:
            self._sample(0 if is_first else None, self._global_step)
        finally:
            args.sample_at_first, args.sample_every_n_steps = False, None


def _batches_per_epoch(accelerator: Any) -> int:
    return max(len(loader) for loader in accelerator._dataloaders)


def _save_state(accelerator: Any, folder: str, session: Session) -> None:
    accelerator.save_state(folder)
    true_position = {"current_epoch": session.schedule.epoch_of(session.step), "current_step": session.step}
    (Path(folder) / "train_state.json").write_text(json.dumps(true_position), encoding="utf-8")
