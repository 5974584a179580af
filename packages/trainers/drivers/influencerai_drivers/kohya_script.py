"""What the ways of running a kohya script have in common: its imports, its arguments, and the weights it makes."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .kohya_config import KohyaConfig
from .kohya_hashes import ModelHashes
from .kohya_resume import InitialStep
from .kohya_widths import narrow_widths
from .loaders import shield_loaders

#: Larger than any step. A driver that counts true steps ends the training; kohya's own count of a resumed run cannot.
NEVER = 2**31


def prepare_imports(settings: KohyaConfig, workspace: Path, home: Path) -> None:
    """Makes the checkout importable, and its U-Net as wide as the base model's."""
    sys.path.insert(0, str(home))
    shield_loaders(importlib.import_module("torch.utils.data").DataLoader)
    widths = narrow_widths(workspace / settings.job_file)
    if widths:
        # Read when a U-Net is made, so before any of kohya's scripts does.
        unet: Any = importlib.import_module("library.original_unet")
        unet.BLOCK_OUT_CHANNELS = widths
        unet.TIMESTEP_INPUT_DIM = widths[0]
        unet.TIME_EMBED_DIM = 4 * widths[0]


def read_arguments(module: Any, train_util: Any, settings: KohyaConfig, workspace: Path) -> argparse.Namespace:
    """The job file through the script's own parser, and the state to go on from."""
    parser = module.setup_parser()
    sys.argv = [f"{settings.script}.py", "--config_file", str(workspace / settings.job_file)]
    arguments: argparse.Namespace = train_util.read_config_from_file(parser.parse_args(), parser)
    if settings.resume_from:
        arguments.resume = settings.resume_from
    # The other scripts skip nothing by themselves (`kohya_full.py`).
    if settings.resume_from and settings.trainer_class is not None:
        arguments.initial_step = InitialStep(settings.start_step)
        arguments.skip_until_initial_step = True
    return arguments


def correct_metadata(
    network: Any, true_step: Callable[[], int], hashes: ModelHashes, *, is_urgent: Callable[[], bool]
) -> None:
    """kohya counts the steps of a resumed run from its start; the header of the weights shall say the true one.

    `is_urgent`: whether a save must not wait for the hashes of models.
    """
    save_weights = network.save_weights

    def save(file: str, dtype: Any, metadata: dict[str, str] | None) -> None:
        settled = hashes.settle(metadata or {}, is_urgent=is_urgent)
        save_weights(file, dtype, {**settled, "ss_steps": str(true_step())})

    network.save_weights = save


def learning_rate(accelerator: Any, *, group: int) -> float:
    """Rate of a group of parameters in the step that runs now."""
    parameters = accelerator._optimizers[0].param_groups[group]
    # Optimizers that find their own rate keep a factor in `d`.
    return float(parameters["lr"]) * float(parameters.get("d", 1.0))


def is_finite(*models: Any) -> bool:
    """Whether all trained weights are numbers."""
    trained = (weight for model in models for weight in model.parameters() if weight.requires_grad)
    return all(bool(weight.isfinite().all()) for weight in trained)
