"""`driver.json` of the TRL driver, as `packages/trainers/src/trl` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrlConfig:
    name: str
    method: str
    start_step: int
    total_steps: int
    is_budgeted: bool
    state_every_seconds: float
    every_steps: int | None
    every_epochs: int | None
    prompts: list[str]
    max_tokens: int
    as_chat: bool
    resume_from: Path | None
    public_base: str
    metadata: dict[str, str]
    out_of_memory_hint: str
    sft: dict[str, Any]
    #: One for each GPU.
    processes: int = 1

    @classmethod
    def read(cls, config: dict[str, Any]) -> TrlConfig:
        resume_from = config.get("resumeFrom")
        return cls(
            name=config["name"],
            method=config["method"],
            start_step=config["startStep"],
            total_steps=config["totalSteps"],
            is_budgeted=config["isBudgeted"],
            state_every_seconds=config.get("stateEverySeconds", 600),
            every_steps=config["checkpoint"].get("everySteps"),
            every_epochs=config["checkpoint"].get("everyEpochs"),
            prompts=config["samples"]["prompts"],
            max_tokens=config["samples"]["maxTokens"],
            as_chat=config["samples"]["asChat"],
            resume_from=Path(resume_from) if resume_from else None,
            public_base=config["publicBase"],
            metadata=config["metadata"],
            out_of_memory_hint=config["outOfMemoryHint"],
            sft=config["sft"],
            processes=config.get("processes", 1),
        )

    @property
    def is_adapter(self) -> bool:
        return self.method != "full"

    def is_checkpoint_due(self, step: int, epoch: float) -> bool:
        """Whether a named checkpoint belongs to this step; whole epochs end exactly on a whole number."""
        if self.every_steps is not None:
            return step % self.every_steps == 0
        return self.every_epochs is not None and epoch.is_integer() and int(epoch) % self.every_epochs == 0
