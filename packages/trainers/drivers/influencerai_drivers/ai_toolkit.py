"""Drives ostris/ai-toolkit: what its `run.py` does for one job, with a step gate around it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .ai_toolkit_config import DriverConfig
from .ai_toolkit_files import TrainingFiles, restore_state
from .ai_toolkit_session import Session
from .channel import Channel, Command
from .gate import Gate


def run(*, config: dict[str, Any], workspace: Path, home: Path | None, channel: Channel) -> None:
    """Trains one job to its end, to the end of its budget or to an abort."""
    if home is None:
        raise ValueError("ai-toolkit runs from its checkout; --home must name it.")
    settings = DriverConfig.read(config)
    gate = Gate(start_step=settings.start_step, total_steps=settings.total_steps, is_budgeted=settings.is_budgeted)
    gate.stop_on_signals()
    _listen(channel, gate)
    try:
        with gate.interruptible():
            _await_first_grant(settings, gate, channel)
            restore_state(settings)
            job = _load_job(settings, home)
            session = Session(job.process[0], settings, gate, channel, TrainingFiles(settings, workspace, channel))
            session.wrap()
            job.run()
    finally:
        for child in multiprocessing.active_children():
            child.kill()
    channel.emit("done", step=settings.total_steps, loss=session.last_loss)


def _listen(channel: Channel, gate: Gate) -> None:
    # A signal reaches the main thread in the middle of a load, where no hook looks at the gate.
    def interrupt() -> None:
        gate.stop()
        os.kill(os.getpid(), signal.SIGTERM)

    def on_command(command: Command) -> None:
        gate.handle(command)
        if command.get("command") == "abort":
            interrupt()

    channel.listen(on_command, on_close=interrupt)


def _await_first_grant(settings: DriverConfig, gate: Gate, channel: Channel) -> None:
    """Waits before the model is loaded, so that a session without a budget holds no memory."""
    if not gate.is_spent(settings.start_step):
        return
    channel.emit("paused", step=settings.start_step)
    while gate.is_spent(settings.start_step):
        gate.wait(settings.start_step)
        gate.raise_if_stopping()
        # There is nothing to save or to sample yet.
        gate.take_save()
        gate.take_sample()


def _load_job(settings: DriverConfig, home: Path) -> Any:
    """The job, built. The configuration is handed over as an object: from a file, `${NAME}` would be looked up in the
    environment. No `.env` is read either."""
    os.environ.update(
        HF_HUB_DISABLE_XET="0", NO_ALBUMENTATIONS_UPDATE="1", OPENCV_FFMPEG_LOGLEVEL="-8", DISABLE_TELEMETRY="YES"
    )
    sys.path.insert(0, str(home))
    _hide_triton_without_cuda()
    from toolkit.job import get_job

    return get_job(settings.job)


def _hide_triton_without_cuda() -> None:
    # The trainer imports all its models, and one of them asks for the current CUDA device as soon as triton is there
    # (extensions_built_in/diffusion_models/omnigen2/src/ops/triton/layer_norm.py).
    import torch

    if not torch.cuda.is_available():
        sys.modules["triton"] = None  # type: ignore[assignment]
