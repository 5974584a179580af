from __future__ import annotations

import io
import json
import math
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from influencerai_drivers import ai_toolkit_session, random_state
from influencerai_drivers.ai_toolkit_config import DriverConfig
from influencerai_drivers.ai_toolkit_files import TrainingFiles, restore_state
from influencerai_drivers.ai_toolkit_order import DataOrder, sorted_folders
from influencerai_drivers.ai_toolkit_session import Session, learning_rate
from influencerai_drivers.channel import Channel
from influencerai_drivers.gate import Aborted, Gate


class OutOfMemoryError(RuntimeError):
    pass


class Number(float):
    """A parameter of one number, as far as `torch.isfinite(…).all()` goes."""

    def all(self) -> bool:
        return math.isfinite(self)


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = SimpleNamespace(
        float16="fp16",
        float32="fp32",
        isfinite=lambda parameter: parameter,
        save=lambda value, file: Path(file).write_text("order"),
        cuda=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
    )
    monkeypatch.setitem(sys.modules, "torch", stub)
    monkeypatch.setattr(random_state, "capture", random.getstate)
    monkeypatch.setattr(random_state, "restore", random.setstate)


class Loader:
    num_workers = 0

    def __iter__(self) -> Iterator[int]:
        order = list(range(4))
        random.shuffle(order)
        return iter(order)

    def __len__(self) -> int:
        return 4


class Network:
    can_merge_in = True

    def save_weights(self, file: Any, dtype: Any = None, metadata: Any = None) -> None:
        Path(file).write_text(f"{dtype}")


def print_acc(*_args: Any) -> None:
    """Stands where the trainer's modules have theirs."""


class Process:
    """The training process as far as its hooks go, with the order of its loop."""

    def __init__(self, config: DriverConfig, losses: list[float]) -> None:
        self.save_root = config.save_root
        self.name, self.total, self.losses = config.name, config.total_steps, losses
        self.step_num = config.start_step
        self.optimizer = SimpleNamespace(
            param_groups=[{"lr": 0.1}], zero_grad=lambda: None, state_dict=lambda: {"state": {0: 1}}
        )
        self.progress_bar = SimpleNamespace(pause=lambda: None, unpause=lambda: None)
        self.logger = SimpleNamespace(finish=lambda: None)
        self.train_config = SimpleNamespace(disable_sampling=False, gradient_accumulation=1)
        self.backward: list[float] = []
        self.accelerator = SimpleNamespace(backward=self.backward.append)
        self.params: list[dict[str, Any]] = [{"params": [Number(1.0)]}]
        self.meta: dict[str, str] = {}
        self.network, self.data_loader = Network(), Loader()
        self.seen: list[int] = []

    def hook_before_model_load(self) -> None: ...
    def before_dataset_load(self) -> None: ...
    def hook_before_train_loop(self) -> None: ...
    def end_step_hook(self) -> None: ...
    def update_training_metadata(self) -> None: ...
    def sample_step_hook(self, number: int, total: int) -> None: ...
    def ensure_params_requires_grad(self) -> None: ...

    def hook_train_loop(self, batch: int) -> dict[str, float]:
        self.seen.append(batch)
        loss = self.losses[self.step_num]
        if math.isinf(loss):
            raise OutOfMemoryError
        if math.isnan(loss):
            print_acc("loss is nan")
        return {"loss": 0.0 if math.isnan(loss) else loss}

    def save(self, step: int | None = None) -> None:
        self.update_training_metadata()
        self.save_root.mkdir(parents=True, exist_ok=True)
        tail = "" if step is None else f"_{step:09d}"
        self.network.save_weights(self.save_root / f"{self.name}{tail}.safetensors", dtype="bf16", metadata={})
        (self.save_root / "optimizer.pt").write_text("optimizer")

    def sample(self, step: int | None = None, is_first: bool = False) -> None:
        folder = self.save_root / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        self.sample_step_hook(0, 1)
        (folder / f"17__{step:09d}_0.jpg").write_bytes(b"")

    def run(self) -> None:
        self.hook_before_model_load()
        self.before_dataset_load()
        self.hook_before_train_loop()
        batches = iter(self.data_loader)
        for step in range(self.step_num, self.total):
            self.step_num = step
            batch = next(batches, None)
            if batch is None:
                batches = iter(self.data_loader)
                batch = next(batches)
            try:
                self.hook_train_loop(batch)
            except OutOfMemoryError:
                pass
            self.step_num = step + 1
            self.end_step_hook()
        self.save()
        self.sample(self.step_num)


class Run:
    """One process under a session."""

    def __init__(self, workspace: Path, losses: list[float] | None = None, **overrides: Any) -> None:
        process = {"training_folder": str(workspace / "training"), "sample": {"samples": [{"prompt": "a face"}]}}
        settings: dict[str, Any] = {
            "job": {"config": {"name": "job-1", "process": [process]}},
            "publishName": "lora",
            "totalSteps": 8,
            "totalEpochs": 2,
            "stepsPerEpoch": 4,
            **overrides,
        }
        self.config = DriverConfig.read(settings)
        self.output = io.StringIO()
        self.gate = Gate(
            start_step=self.config.start_step,
            total_steps=self.config.total_steps,
            is_budgeted=self.config.is_budgeted,
        )
        channel = Channel(self.output, [])
        self.process = Process(self.config, losses or [1.0] * self.config.total_steps)
        files = TrainingFiles(self.config, workspace, channel)
        self.session = Session(self.process, self.config, self.gate, channel, files)
        self.session.wrap()

    def run(self) -> int | None:
        restore_state(self.config)
        try:
            self.process.run()
        except SystemExit as error:
            return int(str(error.code))
        return None

    def at(self, step: int, act: Callable[[], None]) -> None:
        """Does something while a step runs."""
        original = self.process.hook_train_loop

        def hook(batch: int) -> dict[str, float]:
            if self.process.step_num + 1 == step:
                act()
            return original(batch)

        self.process.hook_train_loop = hook  # type: ignore[method-assign]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]

    def named(self, *names: str) -> list[tuple[str, int]]:
        return [(event["event"], event["step"]) for event in self.events if event["event"] in names]


def states(workspace: Path) -> list[str]:
    return sorted(path.name for path in (workspace / "output" / "state").glob("step-*"))


def test_reports_true_steps_and_saves_where_due(tmp_path: Path) -> None:
    run = Run(tmp_path, saveEverySteps=3, sampleEverySteps=4)
    assert run.run() is None
    assert run.named("progress") == [("progress", step) for step in range(1, 9)]
    assert run.named("checkpoint", "sample") == [
        ("checkpoint", 3),
        ("sample", 4),
        ("checkpoint", 6),
        ("checkpoint", 8),
        ("sample", 8),
    ]
    final = [event for event in run.events if event.get("isFinal")]
    assert [event["path"] for event in final] == ["output/lora.safetensors"]
    assert run.events[0] == {"event": "start", "step": 0, "totalSteps": 8, "totalEpochs": 2}
    assert run.process.meta["ss_output_name"] == "lora"


def test_state_has_full_weights_beside_those_that_are_published(tmp_path: Path) -> None:
    Run(tmp_path, saveEverySteps=4).run()
    state = tmp_path / "output" / "state" / "step-4"
    assert (state / "weights.safetensors").read_text() == "fp32"
    assert (tmp_path / "output" / "lora-step00000004.safetensors").read_text() == "bf16"
    assert sorted(path.name for path in state.iterdir()) == [
        "optimizer.pt",
        "order.pt",
        "state.json",
        "weights.safetensors",
    ]


def test_announces_states_between_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ai_toolkit_session, "STATE_EVERY_SECONDS", -1)
    run = Run(tmp_path, saveEverySteps=4)
    run.run()
    checkpoints = [event for event in run.events if event["event"] == "checkpoint"]
    assert [(event["step"], event["path"], event.get("statePath")) for event in checkpoints[2:4]] == [
        (3, "output/state/step-3/weights.safetensors", "output/state/step-3"),
        (4, "output/lora-step00000004.safetensors", "output/state/step-4"),
    ]
    assert "name" not in checkpoints[2]


@pytest.mark.parametrize("command", ["save", "abort"])
def test_makes_a_checkpoint_of_a_step_whose_state_the_clock_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(ai_toolkit_session, "STATE_EVERY_SECONDS", -1)
    run = Run(tmp_path)
    run.at(3, lambda: run.gate.handle({"command": command}))
    run.run()
    assert ("checkpoint", 3, "output/lora-step00000003.safetensors") in [
        (event["event"], event["step"], event.get("path")) for event in run.events
    ]


def test_stops_with_a_state_at_the_next_step(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.at(3, run.gate.stop)
    assert run.run() == 0
    assert run.events[-1] == {"event": "aborted", "step": 3}
    assert states(tmp_path) == ["step-3"]


def test_saves_and_samples_when_asked(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.at(2, lambda: (run.gate.handle({"command": "save"}), run.gate.handle({"command": "sample"}), None)[-1])
    run.run()
    assert run.named("checkpoint", "sample")[:2] == [("checkpoint", 2), ("sample", 2)]


def test_pauses_with_a_state_when_the_budget_is_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, isBudgeted=True)
    run.gate.handle({"command": "grant", "steps": 2})
    monkeypatch.setattr(run.gate, "wait", lambda _step: run.gate.handle({"command": "grant", "steps": 3}))
    run.run()
    assert run.named("checkpoint", "paused") == [
        ("checkpoint", 2),
        ("paused", 2),
        ("checkpoint", 5),
        ("paused", 5),
        ("checkpoint", 8),
    ]


def test_says_that_a_budget_ends_without_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, losses=[1.0, math.nan] + [1.0] * 6, isBudgeted=True)
    run.gate.handle({"command": "grant", "steps": 2})
    monkeypatch.setattr(run.gate, "wait", lambda _step: run.gate.handle({"command": "grant", "steps": 6}))
    run.run()
    assert run.named("checkpoint", "paused") == [("paused", 2), ("checkpoint", 3), ("checkpoint", 8)]
    assert [event["message"] for event in run.events if event["event"] == "warning"] == [
        "The loss of step 2 is no number, so the budget ends without a checkpoint; the next good step makes up for it."
    ]


def test_a_stop_during_samples_saves_first(tmp_path: Path) -> None:
    run = Run(tmp_path, sampleEverySteps=4)
    original = run.process.sample_step_hook

    def stop(number: int, total: int) -> None:
        run.gate.stop()
        original(number, total)

    run.process.sample_step_hook = stop  # type: ignore[method-assign]
    assert run.run() == 0
    assert run.events[-1] == {"event": "aborted", "step": 4}
    assert states(tmp_path) == ["step-4"]


def test_a_stop_during_samples_saves_the_random_state_of_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path, sampleEverySteps=4)
    before: list[Any] = []
    saved: list[Any] = []

    def stop(number: int, total: int) -> None:
        before.append(random.getstate())
        random.seed(42)
        run.gate.stop()
        run.gate.raise_if_stopping()

    run.process.sample_step_hook = stop  # type: ignore[method-assign]
    monkeypatch.setattr(DataOrder, "save", lambda _order: saved.append(random.getstate()))
    assert run.run() == 0
    assert saved == before


def test_a_stop_after_the_last_step_finishes_without_the_last_pictures(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.at(8, run.gate.stop)
    assert run.run() is None
    assert run.events[-1]["isFinal"] is True


def test_leaves_before_the_model_is_loaded(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.gate.stop()
    with pytest.raises(Aborted):
        run.run()


def test_ends_on_losses_that_are_no_numbers_and_saves_none_of_them(tmp_path: Path) -> None:
    run = Run(tmp_path, losses=[1.0, 1.0, math.nan, math.nan, math.nan, 1.0, 1.0, 1.0], saveEverySteps=1)
    assert run.run() == 1
    assert run.events[-1]["code"] == "loss_not_finite"
    assert states(tmp_path) == ["step-1", "step-2"]


def test_tolerates_a_single_loss_that_is_no_number(tmp_path: Path) -> None:
    run = Run(tmp_path, losses=[1.0, math.nan] + [1.0] * 6)
    assert run.run() is None
    assert ("progress", 2) not in run.named("progress")


def test_ends_before_broken_weights_replace_good_ones(tmp_path: Path) -> None:
    run = Run(tmp_path, saveEverySteps=2)
    run.at(4, lambda: run.process.params.append({"params": [Number(math.nan)]}))
    assert run.run() == 1
    assert states(tmp_path) == ["step-2"]


@pytest.mark.parametrize(("batches", "expected"), [(1, [1.5]), (4, [0.375])])
def test_a_step_takes_the_mean_of_its_batches(tmp_path: Path, batches: int, expected: list[float]) -> None:
    run = Run(tmp_path)
    run.process.train_config.gradient_accumulation = batches
    run.at(1, lambda: run.process.accelerator.backward(1.5))
    run.run()
    assert run.process.backward == expected


def test_warns_of_a_batch_that_did_not_fit(tmp_path: Path) -> None:
    run = Run(tmp_path, losses=[1.0, math.inf] + [1.0] * 6)
    run.run()
    assert [event["message"] for event in run.events if event["event"] == "warning"] == [
        "Out of GPU memory in step 2; the trainer skipped its batch."
    ]


def test_warns_once_of_a_picture_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []
    reader = SimpleNamespace(print_acc=printed.append)
    monkeypatch.setitem(sys.modules, "toolkit.data_loader", reader)
    (tmp_path / "000001.png").symlink_to(tmp_path / "my cat.png")
    run = Run(tmp_path)
    for _ in range(2):
        reader.print_acc(f"Error processing image: {tmp_path}/000001.png")
    assert run.events == [{"event": "warning", "message": "The trainer cannot read my cat.png."}]
    assert len(printed) == 2


def test_saves_a_due_step_whose_batch_did_not_fit(tmp_path: Path) -> None:
    run = Run(tmp_path, losses=[1.0, math.inf] + [1.0] * 6, saveEverySteps=2)
    run.run()
    assert run.named("checkpoint")[0] == ("checkpoint", 2)


def test_makes_up_for_a_save_that_fell_on_a_loss_that_is_no_number(tmp_path: Path) -> None:
    due = Run(tmp_path / "due", losses=[1.0, 1.0, math.nan] + [1.0] * 5, saveEverySteps=3)
    due.run()
    assert due.named("checkpoint") == [("checkpoint", step) for step in (4, 6, 8)]
    asked = Run(tmp_path / "asked", losses=[1.0, math.nan, math.nan] + [1.0] * 5)
    asked.at(2, lambda: asked.gate.handle({"command": "save"}))
    asked.run()
    assert asked.named("checkpoint") == [("checkpoint", step) for step in (4, 8)]


def test_resumes_at_the_saved_step_with_the_files_where_the_trainer_looks(tmp_path: Path) -> None:
    Run(tmp_path / "a", saveEverySteps=4).run()
    state = tmp_path / "a" / "output" / "state" / "step-4"
    (state / "order.pt").unlink()
    run = Run(tmp_path / "b", startStep=4, resumeFrom=str(state))
    run.run()
    assert run.named("start", "progress")[:2] == [("start", 4), ("progress", 5)]
    root = tmp_path / "b" / "training" / "job-1"
    assert (root / "job-1_000000004.safetensors").read_text() == "fp32"


def test_refuses_to_train_from_another_step_than_the_saved_one(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.process.step_num = 3
    with pytest.raises(RuntimeError, match="not at the saved step 0"):
        run.run()


def test_an_order_goes_on_where_it_was_in_the_epoch() -> None:
    random.seed(3)
    loader, order = Loader(), DataOrder()
    order.follow(loader)
    batches = iter(loader)
    first = [next(batches), next(batches)]
    saved = order.save()
    rest = [*batches, *loader]

    random.seed(99)
    other, resumed = Loader(), DataOrder()
    resumed.resume(saved, len(other))
    resumed.follow(other)
    assert [*other, *other] == rest
    assert len(first) == 2


def test_an_order_of_other_batches_begins_anew() -> None:
    loader, order = Loader(), DataOrder()
    order.follow(loader)
    next(iter(loader))
    resumed = DataOrder()
    resumed.resume(order.save(), 9)
    resumed.follow(loader)
    assert len([*loader]) == 4


def test_folders_are_walked_by_name_while_loading(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        (tmp_path / name).write_text("")
    before = os.walk
    with sorted_folders():
        assert [files for _, _, files in os.walk(tmp_path)] == [["a", "b", "c"]]
    assert os.walk is before


@pytest.mark.parametrize(
    ("group", "expected"), [({"lr": 0.5}, 0.5), ({"lr": 1.0, "d": 0.002}, 0.002)], ids=["plain", "prodigy"]
)
def test_learning_rate_of_a_schedule(group: dict[str, float], expected: float) -> None:
    process = SimpleNamespace(optimizer=SimpleNamespace(param_groups=[group]))
    assert learning_rate(process) == expected


def test_learning_rate_of_an_optimizer_that_finds_its_own() -> None:
    process = SimpleNamespace(optimizer=SimpleNamespace(get_learning_rates=lambda: [0.3], param_groups=[{"lr": 1.0}]))
    assert learning_rate(process) is None
    assert learning_rate(process, is_after=True) == 0.3
