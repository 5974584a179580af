"""Files of an ai-toolkit training: what it wrote becomes checkpoints, states and samples of the job."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from .ai_toolkit_config import DriverConfig
from .channel import Channel
from .states import StateFolder, link_or_copy

WEIGHTS = "weights"
OPTIMIZER = "optimizer.pt"
ORDER = "order.pt"


class TrainingFiles:
    """Publishes below `output/`; a step's files are complete before they are announced."""

    def __init__(self, config: DriverConfig, workspace: Path, channel: Channel) -> None:
        self._config = config
        self._workspace = workspace
        self._channel = channel
        self._states = StateFolder(workspace)

    @property
    def draft(self) -> Path:
        """Where the next state is put together; on the disk of the states."""
        return self._workspace / "output" / ".state-draft"

    def begin_state(self) -> Path:
        """Makes room for a state; returns the name that its weights get."""
        shutil.rmtree(self.draft, ignore_errors=True)
        self.draft.mkdir(parents=True)
        return self.draft / f"{WEIGHTS}.safetensors"

    def publish_step(self, step: int, order: dict[str, Any], *, is_checkpoint: bool) -> None:
        """Turns the trainer's save of this step, and the draft, into a state, and into a checkpoint if it is one."""
        import torch

        epoch = self._config.epoch_at(step)
        # Moved, not linked: the trainer writes its next optimizer state into the same file.
        (self._config.save_root / OPTIMIZER).replace(self.draft / OPTIMIZER)
        torch.save(order, self.draft / ORDER)
        state = self._states.publish(self.draft, step=step, epoch=epoch, points=self._channel.recent)
        if not is_checkpoint:
            # No name: these weights are part of the state.
            weights = min((self._workspace / state).glob(f"{WEIGHTS}*.safetensors"))
            self._channel.emit("checkpoint", step=step, epoch=epoch, path=self._relative(weights), statePath=state)
            return
        names = self._publish_weights(f"{self._config.name}_{step:09d}", f"{self._config.publish_name}-step{step:08d}")
        self._announce(names, step=step, epoch=epoch, statePath=state)

    def publish_final(self, step: int) -> None:
        """Announces the weights of the whole training."""
        names = self._publish_weights(self._config.name, self._config.publish_name)
        self._announce(names, step=step, epoch=self._config.epoch_at(step), isFinal=True)

    def publish_samples(self, step: int) -> None:
        """Announces the pictures of a step, one for each prompt."""
        prompts = self._config.prompts
        for picture in sorted((self._config.save_root / "samples").glob(f"*__{step:09d}_*.*")):
            index = int(picture.stem.rsplit("_", 1)[1])
            target = self._workspace / "output" / "samples" / f"step{step:08d}_{index}{picture.suffix}"
            if index >= len(prompts) or target.exists():
                continue
            link_or_copy(picture, target)
            self._channel.emit("sample", step=step, path=self._relative(target), prompt=prompts[index])

    def _publish_weights(self, written: str, published: str) -> list[str]:
        # A model of two stages has two files, `…_high_noise` and `…_low_noise`.
        tails = [tail for tail in ("", "_high_noise", "_low_noise") if self._written(written, tail).is_file()]
        if not tails:
            raise FileNotFoundError(f"The trainer wrote no {written}.safetensors.")
        targets = [self._workspace / "output" / f"{published}{tail}.safetensors" for tail in tails]
        for tail, target in zip(tails, targets, strict=True):
            link_or_copy(self._written(written, tail), target)
        return [self._relative(target) for target in targets]

    def _written(self, name: str, tail: str) -> Path:
        return self._config.save_root / f"{name}{tail}.safetensors"

    def _announce(self, names: list[str], **fields: Any) -> None:
        path, *companions = names
        self._channel.emit("checkpoint", path=path, name=Path(path).name, companions=companions or None, **fields)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._workspace).as_posix()


def restore_state(config: DriverConfig) -> None:
    """Lays a state where the trainer looks for its own last save."""
    if config.resume_from is None:
        return
    config.save_root.mkdir(parents=True, exist_ok=True)
    for file in config.resume_from.glob(f"{WEIGHTS}*.safetensors"):
        tail = file.name[len(WEIGHTS) :]
        shutil.copyfile(file, config.save_root / f"{config.name}_{config.start_step:09d}{tail}")
    shutil.copyfile(config.resume_from / OPTIMIZER, config.save_root / OPTIMIZER)


def load_order(config: DriverConfig) -> dict[str, Any] | None:
    """Where in its epoch the saved training was, if the state tells."""
    if config.resume_from is None or not (config.resume_from / ORDER).is_file():
        return None
    import torch

    order: dict[str, Any] = torch.load(config.resume_from / ORDER, map_location="cpu", weights_only=True)
    return order
