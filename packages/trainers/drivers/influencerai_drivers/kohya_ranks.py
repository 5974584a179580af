"""One of several processes of a kohya training (`several.py`).

No gate: every rank would have to wait. Steps are counted truly, though, since kohya's own count starts again with each
resume: it would go on to the end of the epoch that it finds itself in, past the end of the job.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from .kohya_config import KohyaConfig
from .kohya_script import NEVER, correct_metadata, is_finite, prepare_imports, read_arguments, run_script


def run(*, config: dict[str, Any], workspace: Path, home: Path | None) -> None:
    """Trains as `driver.json` says."""
    if home is None:
        raise ValueError("The kohya driver needs --home, the checkout of sd-scripts.")
    settings = KohyaConfig.read(config)
    if settings.mode == "script":
        run_script(settings, workspace, home)
        return
    prepare_imports(settings, workspace, home)
    module = importlib.import_module(settings.script)
    train_util = importlib.import_module("library.train_util")
    trainer = counting_class(getattr(module, settings.trainer_class), start_step=settings.start_step)()
    trainer.train(read_arguments(module, train_util, settings, workspace))


def counting_class(base: Any, *, start_step: int) -> Any:
    """A subclass of the family's trainer that knows the true step, and ends with the last one."""

    class CountingTrainer(base):  # type: ignore[misc]
        true_step = start_step
        total_steps = NEVER

        def post_process_network(self, args: Any, accelerator: Any, network: Any, *others: Any) -> None:
            super().post_process_network(args, accelerator, network, *others)
            correct_metadata(network, lambda: self.true_step)
            _refuse_broken_weights(network)

        def on_step_start(self, args: Any, *others: Any, **named: Any) -> None:
            if named.get("is_train", True):
                args.max_train_steps = NEVER
            super().on_step_start(args, *others, **named)

        def sample_images(self, accelerator: Any, args: Any, epoch: Any, global_step: int, *models: Any) -> None:
            if epoch == 0:
                self.total_steps = args.max_train_steps
                super().sample_images(accelerator, args, epoch, global_step, *models)
                return
            if epoch is None:
                self.true_step += 1
                if self.true_step >= self.total_steps:
                    # Leaves the loop, in the last epoch.
                    args.max_train_steps = global_step
            # By the true step it is decided when there are samples, and they are named by it.
            super().sample_images(accelerator, args, epoch, self.true_step, *models)

    return CountingTrainer


def _refuse_broken_weights(network: Any) -> None:
    """Only the first process saves; when it leaves, the launcher ends the others."""
    save_weights = network.save_weights

    def save(*arguments: Any) -> None:
        if not is_finite(network):
            message = "The weights are no numbers any more."
            print(json.dumps({"event": "error", "code": "loss_not_finite", "message": message}), flush=True)
            raise SystemExit(1)
        save_weights(*arguments)

    network.save_weights = save
