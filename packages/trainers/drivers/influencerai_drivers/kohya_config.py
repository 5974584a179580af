"""`driver.json` of the kohya driver, as the plan (`src/kohya/plan.ts`) writes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Mode = Literal["gate", "launch"]


@dataclass(frozen=True)
class KohyaConfig:
    """What the driver is told; everything that the script itself reads is in the job file."""

    #: `gate` drives the script step by step; `launch` only counts the steps of several processes.
    mode: Mode
    #: Name of the script in the checkout, without `.py`.
    script: str
    #: Trainer class of the script; scripts that train all weights have none.
    trainer_class: str | None
    #: TOML file for the script, relative to the workspace.
    job_file: str
    output_name: str
    total_steps: int
    total_epochs: int
    #: Steps of the epochs that saves and reports go by, where kohya's own have another length.
    steps_per_epoch: int | None = None
    #: True optimizer steps that the state holds.
    start_step: int = 0
    resume_from: str | None = None
    is_budgeted: bool = False
    save_every_epochs: int = 0
    save_every_steps: int = 0
    sample_every_epochs: int = 0
    sample_every_steps: int = 0
    sample_at_first: bool = False
    prompts: tuple[str, ...] = ()
    #: Seconds after which a state is saved between checkpoints; 0 never.
    state_every_seconds: float = 600
    #: fp16 training skips the step of an overflow by itself, so a few are no reason to stop.
    tolerated_non_finite: int = 0
    #: One for each GPU.
    processes: int = 1

    @classmethod
    def read(cls, config: dict[str, Any]) -> KohyaConfig:
        """Takes the JSON; a key that is missing is a fault of the plan."""
        return cls(
            mode=config["mode"],
            script=config["script"],
            trainer_class=config.get("trainerClass"),
            job_file=config["jobFile"],
            output_name=config["outputName"],
            total_steps=config["totalSteps"],
            total_epochs=config["totalEpochs"],
            steps_per_epoch=config.get("stepsPerEpoch"),
            start_step=config.get("startStep", 0),
            resume_from=config.get("resumeFrom"),
            is_budgeted=config.get("isBudgeted", False),
            save_every_epochs=config.get("saveEveryEpochs", 0),
            save_every_steps=config.get("saveEverySteps", 0),
            sample_every_epochs=config.get("sampleEveryEpochs", 0),
            sample_every_steps=config.get("sampleEverySteps", 0),
            sample_at_first=config.get("sampleAtFirst", False),
            prompts=tuple(config.get("prompts", ())),
            state_every_seconds=config.get("stateEverySeconds", 600),
            tolerated_non_finite=config.get("toleratedNonFinite", 0),
            processes=config.get("processes", 1),
        )

    def script_path(self, home: Path) -> Path:
        return home / f"{self.script}.py"


@dataclass(frozen=True)
class Schedule:
    """When a true step ends something."""

    steps_per_epoch: int
    total_steps: int

    def epoch_of(self, step: int) -> int:
        """Epoch that a finished step belongs to, from 1."""
        return max(1, -(-step // self.steps_per_epoch))

    def is_due(self, step: int, *, every_steps: int, every_epochs: int) -> bool:
        if every_steps and step % every_steps == 0:
            return True
        if not every_epochs or step % self.steps_per_epoch:
            return False
        return (step // self.steps_per_epoch) % every_epochs == 0

    def checkpoint_name(self, output_name: str, step: int) -> str:
        """The names that kohya gives, with true numbers."""
        if step % self.steps_per_epoch == 0:
            return f"{output_name}-{step // self.steps_per_epoch:06d}.safetensors"
        return f"{output_name}-step{step:08d}.safetensors"
