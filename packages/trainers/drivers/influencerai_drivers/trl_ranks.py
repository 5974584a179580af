"""One of several processes of TRL's own script, one for each GPU (`several.py`).

No gate: every rank would have to wait. Each has a session, though, which decides the same on all of them, since they
agree about the clock and about a stop after each step; only the first one's is heard, and only it makes states.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .gate import Gate
from .several import allow_consumer_gpus, is_first_rank, rank_channel
from .trl import train
from .trl_agreement import AgreedGate, Agreement
from .trl_config import TrlConfig
from .trl_session import Session


def run(*, config: dict[str, Any], workspace: Path, home: Path | None) -> None:
    """Trains as `driver.json` says, in the workspace. TRL is installed in the interpreter."""
    settings = TrlConfig.read(config)
    told = Gate(start_step=settings.start_step, total_steps=settings.total_steps, is_budgeted=False)
    told.stop_on_signals()
    agreed = AgreedGate(told, start_step=settings.start_step, total_steps=settings.total_steps)
    agreement = Agreement(told, agreed, is_first=is_first_rank())
    session = Session(settings, workspace, rank_channel(), agreed, now=agreement.now)
    # Made interruptible by the block, made whole again by the first step.
    with told.interruptible():
        allow_consumer_gpus()
        train(settings, session, agreement)
    if is_first_rank():
        session.finish(workspace / settings.sft["output_dir"])
