"""The scripts that train all weights: DreamBooth and full fine-tuning.

They have no class to extend. Their one function `train` calls functions of kohya's modules and methods of its
accelerator, though, and by name (kohya sd-scripts: train_db.py, fine_tune.py, sdxl_train.py): what a trainer class
would override is wrapped there.

By themselves they take weights, optimizer and schedule from a state and then train the whole job on top of them. Here
the epochs that are over have no batches, and the one that was broken off has its rest: so the schedule keeps the
horizon of the whole job, from which the restored one counts on, and epochs keep their numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from .kohya_script import is_finite, learning_rate


class Hooks(Protocol):
    """What is done around the steps."""

    def watch_weights(self, are_finite: Callable[[], bool]) -> None:
        """How to tell whether all trained weights are numbers."""

    def before_batch(self, args: Any) -> None:
        """A batch, perhaps one of several of a step, is about to be computed."""

    def take_loss(self, loss: Any, rate: float) -> None:
        """The loss of a batch, and the learning rate of its step."""

    def sample_images(
        self,
        sample: Callable[[int | None, int], None],
        accelerator: Any,
        args: Any,
        epoch: int | None,
        global_step: int,
    ) -> None:
        """kohya asks for samples: at the start (epoch 0), after each step (no epoch) and after each epoch."""

    def before_save(self) -> None:
        """Weights are about to be written."""


class FullScript:
    """One run of such a script."""

    def __init__(self, train_util: Any, hooks: Hooks, *, start_step: int) -> None:
        self._hooks = hooks
        self._start_step = start_step
        self._epochs_over = 0
        self._hook_accelerator(train_util)
        self._hook_samples(train_util)
        self._hook_saves(train_util)

    def train(self, module: Any, arguments: Any) -> None:
        module.train(arguments)

    def _hook_accelerator(self, train_util: Any) -> None:
        prepare_accelerator = train_util.prepare_accelerator

        def prepare_hooked(args: Any) -> Any:
            accelerator = prepare_accelerator(args)
            accumulate, backward, prepare = accelerator.accumulate, accelerator.backward, accelerator.prepare

            def accumulate_batch(*models: Any) -> Any:
                self._hooks.before_batch(args)
                return accumulate(*models)

            def backward_from(loss: Any, **named: Any) -> None:
                # The U-Net's group is the first, or the only one.
                self._hooks.take_loss(loss.detach(), learning_rate(accelerator, group=0))
                backward(loss, **named)

            def prepare_rest(*objects: Any, **named: Any) -> Any:
                prepared = prepare(*objects, **named)
                if not isinstance(prepared, tuple):
                    return prepared
                return tuple(self._rest_of(each, accelerator, args) for each in prepared)

            accelerator.accumulate = accumulate_batch
            accelerator.backward = backward_from
            accelerator.prepare = prepare_rest
            self._hooks.watch_weights(lambda: is_finite(*accelerator._models))
            return accelerator

        train_util.prepare_accelerator = prepare_hooked

    def _rest_of(self, prepared: Any, accelerator: Any, args: Any) -> Any:
        if not any(prepared is loader for loader in accelerator._dataloaders):
            return prepared
        steps_per_epoch = math.ceil(len(prepared) / args.gradient_accumulation_steps)
        self._epochs_over, steps = divmod(self._start_step, steps_per_epoch)
        batches = steps * args.gradient_accumulation_steps
        return RestOfEpochs(prepared, self._epochs_over, batches, accelerator.skip_first_batches)

    def _hook_samples(self, train_util: Any) -> None:
        sample_images = train_util.sample_images_common

        def sample_hooked(
            pipeline: Any, accelerator: Any, args: Any, epoch: int | None, global_step: int, *models: Any
        ) -> None:
            if epoch and epoch <= self._epochs_over:
                return

            def sample(epoch: int | None, step: int) -> None:
                sample_images(pipeline, accelerator, args, epoch, step, *models)

            self._hooks.sample_images(sample, accelerator, args, epoch, global_step)

        train_util.sample_images_common = sample_hooked

    def _hook_saves(self, train_util: Any) -> None:
        save_between = train_util.save_sd_model_on_epoch_end_or_stepwise_common
        save_at_end = train_util.save_sd_model_on_train_end_common

        def between(args: Any, on_epoch_end: bool, accelerator: Any, *others: Any) -> None:
            epoch = others[2]
            if on_epoch_end and epoch < self._epochs_over:
                return
            self._hooks.before_save()
            save_between(args, on_epoch_end, accelerator, *others)

        def at_end(*arguments: Any) -> None:
            self._hooks.before_save()
            save_at_end(*arguments)

        train_util.save_sd_model_on_epoch_end_or_stepwise_common = between
        train_util.save_sd_model_on_train_end_common = at_end
        # All processes of `sdxl_train.py` would write it at once, and nobody goes on from the end.
        train_util.save_state_on_train_end = lambda *_: None


class RestOfEpochs:
    """A data loader that has nothing to give in the epochs that are over, and in the next one what is left of it."""

    def __init__(
        self, loader: Any, epochs_over: int, batches_over: int, skip_first_batches: Callable[[Any, int], Any]
    ) -> None:
        self._loader = loader
        self._epochs_over = epochs_over
        self._batches_over = batches_over
        self._skip_first_batches = skip_first_batches
        self._epoch = 0

    def __len__(self) -> int:
        """Of a whole epoch: lengths of the job are counted out by it."""
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        epoch, self._epoch = self._epoch, self._epoch + 1
        if epoch < self._epochs_over:
            return iter(())
        if epoch == self._epochs_over and self._batches_over > 0:
            return iter(self._skip_first_batches(self._loader, self._batches_over))
        return iter(self._loader)
