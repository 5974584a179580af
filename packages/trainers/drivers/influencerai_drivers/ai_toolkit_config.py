"""`driver.json` of an ai-toolkit job, as the plan wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class DriverConfig:
    """What the driver needs beside the trainer's own configuration. Steps are true optimizer steps."""

    job: dict[str, Any]
    publish_name: str
    total_steps: int
    total_epochs: int
    steps_per_epoch: int
    start_step: int
    resume_from: Path | None
    save_every: int
    sample_every: int
    is_budgeted: bool

    @classmethod
    def read(cls, config: dict[str, Any]) -> DriverConfig:
        """Takes the parsed file; a key that is missing is a fault of the plan."""
        resume = config.get("resumeFrom")
        return cls(
            job=config["job"],
            publish_name=config["publishName"],
            total_steps=config["totalSteps"],
            total_epochs=config["totalEpochs"],
            steps_per_epoch=config["stepsPerEpoch"],
            start_step=config.get("startStep", 0),
            resume_from=Path(resume) if resume else None,
            save_every=config.get("saveEverySteps", 0),
            sample_every=config.get("sampleEverySteps", 0),
            is_budgeted=config.get("isBudgeted", False),
        )

    @property
    def name(self) -> str:
        """The name that the trainer gives to its files."""
        return str(self.job["config"]["name"])

    @property
    def save_root(self) -> Path:
        """The folder that the trainer writes to."""
        return Path(self.job["config"]["process"][0]["training_folder"]) / self.name

    @property
    def prompts(self) -> list[str]:
        """Prompts of the samples, by their index."""
        return [sample["prompt"] for sample in self.job["config"]["process"][0]["sample"]["samples"]]

    def epoch_at(self, step: int) -> int:
        """The epoch that a finished step belongs to, from 1."""
        return max(1, -(-step // self.steps_per_epoch))
