"""TRL's own script on several GPUs, one process for each (`several.py`).

No gate: every rank would have to wait. What TRL prints is parsed by the worker; only the end is told here, since TRL
says that it completed also when a signal stopped it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from . import trl_data
from .trl_files import publish_final


def run(*, config: dict[str, Any], workspace: Path, home: Path | None) -> None:
    """Trains as `driver.json` says, in the workspace. TRL is installed in the interpreter."""
    trainer = train(config["sft"], config.get("resumeFrom"))
    if trainer.is_world_process_zero():
        report_end(trainer, config)


def train(sft_arguments: dict[str, Any], resume_from: str | None) -> Any:
    """Runs TRL's script with a resume, a seed before the adapter is made, and an end when the loss is no number."""
    import trl
    from transformers import TrainerCallback, set_seed
    from trl.scripts import sft

    class StopOnBadLoss(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], model: Any, **_: Any) -> None:
            # The same mean on every rank, so all leave together, before anything of this step is saved.
            if not math.isfinite(logs.get("loss", 0.0)):
                print(logs, flush=True)
                raise SystemExit(1)
            # The save of a step comes after its log (transformers: trainer.py).
            if control.should_save:
                require_finite_weights(model)

    trainers: list[Any] = []
    original = trl.SFTTrainer.train

    def train_and_keep(trainer: Any) -> Any:
        trainers.append(trainer)
        trainer.add_callback(StopOnBadLoss())
        return original(trainer, resume_from_checkpoint=resume_from)

    parsed = sft.make_parser().parse_dict(sft_arguments)
    set_seed(sft_arguments["seed"])
    trl.get_dataset = trl_data.load
    trl.SFTTrainer.train = train_and_keep
    sft.main(*parsed)
    return trainers[0]


def report_end(trainer: Any, config: dict[str, Any]) -> None:
    """Publishes the finished model and prints the events of the end."""
    require_finite_weights(trainer.model)
    state = trainer.state
    step, epoch = state.global_step, math.ceil(state.epoch or 0)
    if step < state.max_steps:
        _emit({"event": "aborted", "step": step})
        return
    weights, others = publish_final(
        Path(config["sft"]["output_dir"]),
        Path("output/final"),
        base=config["publicBase"],
        metadata={**config["metadata"], "steps": str(step)},
    )
    final = {"event": "checkpoint", "step": step, "epoch": epoch, "path": weights.as_posix(), "isFinal": True}
    _emit({**final, "companions": [file.as_posix() for file in others]})
    losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
    _emit({"event": "done", "step": step, "loss": losses[-1]})


def require_finite_weights(model: Any) -> None:
    """The loss of a step says nothing of what its update made of the weights."""
    from .trl_callback import has_finite_weights

    if has_finite_weights(model):
        return
    _emit({"event": "error", "code": "loss_not_finite", "message": "The weights are no numbers any more."})
    raise SystemExit(1)


def _emit(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)
