"""Drives TRL's own fine-tuning script step by step, through a callback that transformers calls after each step.

The script calls `SFTTrainer.train()` without arguments and so never resumes, whatever its configuration says (trl:
scripts/sft.py); `train` is wrapped to pass on the state. It also makes the adapter before any seed is set (trl:
trainer/sft_trainer.py), so the seed is set here. Nothing is changed on disk.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .channel import Channel, Command
from .gate import Gate
from .several import run_ranks
from .trl_agreement import Agreement
from .trl_config import TrlConfig
from .trl_session import Session

_OUT_OF_MEMORY = re.compile(
    r"out of memory|can't allocate memory|alloc_cpu\.cpp|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE
)


def run(*, config: dict[str, Any], workspace: Path, home: Path | None, channel: Channel) -> None:
    """Trains as `driver.json` says. `home` is not needed: TRL is installed in the interpreter."""
    settings = TrlConfig.read(config)
    if settings.processes > 1:
        run_ranks(channel, processes=settings.processes, start_step=settings.start_step)
    gate = Gate(start_step=settings.start_step, total_steps=settings.total_steps, is_budgeted=settings.is_budgeted)
    gate.stop_on_signals()
    channel.listen(lambda command: _handle(gate, command), _stop)
    session = Session(settings, workspace, channel, gate)
    try:
        # Made interruptible by the block, made whole again by the first step.
        with gate.interruptible():
            train(settings, session)
        session.finish(workspace / settings.sft["output_dir"])
    except Exception as error:
        if _OUT_OF_MEMORY.search(str(error)) or isinstance(error, MemoryError):
            message = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:500]}"
            channel.emit("error", code="trainer_out_of_memory", message=message, hint=settings.out_of_memory_hint)
        raise


def train(settings: TrlConfig, session: Session, agreement: Agreement | None = None) -> None:
    """Runs TRL's script with the session between its steps; `agreement` is that of several processes."""
    import trl
    from transformers import PrinterCallback, set_seed
    from trl.scripts import sft

    from . import trl_data
    from .trl_callback import RankCallback, SessionCallback, TrlModel

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def train_with_session(trainer: Any) -> Any:
            session.model = TrlModel(trainer, max_tokens=settings.max_tokens, as_chat=settings.as_chat)
            trainer.remove_callback(PrinterCallback)
            trainer.add_callback(
                SessionCallback(session) if agreement is None else RankCallback(session, trainer.accelerator, agreement)
            )
            return original(trainer, resume_from_checkpoint=_text(settings.resume_from))

        return train_with_session

    # A dictionary has no text to be parsed, and unknown names are refused.
    arguments = sft.make_parser().parse_dict(settings.sft)
    set_seed(settings.sft["seed"])
    trl.get_dataset = trl_data.load
    trl.SFTTrainer.train = wrap(trl.SFTTrainer.train)
    sft.main(*arguments)


def _handle(gate: Gate, command: Command) -> None:
    gate.handle(command)
    if command.get("command") == "abort":
        _stop()


def _stop() -> None:
    """As if by SIGTERM: the signal reaches the main thread even while it loads or samples."""
    os.kill(os.getpid(), signal.SIGTERM)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
