from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from influencerai_drivers.channel import Channel
from influencerai_drivers.gate import Gate
from influencerai_drivers.trl_config import TrlConfig
from influencerai_drivers.trl_data import feature_names, read_rows
from influencerai_drivers.trl_files import publish_final
from influencerai_drivers.trl_session import Session


def safetensors(metadata: dict[str, str]) -> bytes:
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"__metadata__": metadata, "a.lora_A.weight": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + struct.pack("<f", 1.5)


def header_of(file: Path) -> dict[str, Any]:
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    assert content[8 + length :] == struct.pack("<f", 1.5)
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    return header


def save_like_trl(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(safetensors({"format": "pt"}))
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/models/secret", "r": 4}')
    for name in ("tokenizer.json", "training_args.bin", "README.md", "trainer_state.json"):
        (folder / name).write_text("{}")
    return folder


class Model:
    def __init__(self) -> None:
        self.finite = True

    def is_finite(self) -> bool:
        return self.finite

    def continue_text(self, prompt: str) -> str:
        return f" and {prompt}"


class Run:
    """A session whose trainer only counts; three steps an epoch."""

    def __init__(self, workspace: Path, **changes: Any) -> None:
        self.output, self.workspace, self.seconds = io.StringIO(), workspace, 0.0
        config = TrlConfig.read(
            {
                "name": "x",
                "method": "lora",
                "startStep": 0,
                "totalSteps": 6,
                "isBudgeted": False,
                "checkpoint": {"everyEpochs": 1},
                "samples": {"prompts": ["to be"], "maxTokens": 4, "asChat": False},
                "publicBase": "org/base",
                "metadata": {"job_id": "j1"},
                "outOfMemoryHint": "",
                "sft": {},
                **changes,
            }
        )
        self.gate = Gate(start_step=config.start_step, total_steps=6, is_budgeted=config.is_budgeted)
        self.session = Session(config, workspace, Channel(self.output, []), self.gate, now=lambda: self.seconds)
        self.session.model = self.model = Model()

    def begin(self, total: int = 6) -> None:
        self.session.begin(step=0, total_steps=total, total_epochs=2)

    def step(self, step: int, *, loss: float = 1.0, gradient_norm: float = 1.0) -> None:
        self.session.before_step()
        is_due = self.session.after_step(step, step / 3)
        self.session.take_loss(loss, learning_rate=0.1, gradient_norm=gradient_norm)
        if is_due:
            self.session.require_finite()
            self.session.take_save(save_like_trl(self.workspace / "output" / "run" / f"checkpoint-{step}"))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_runs_to_its_end(run: Run, tmp_path: Path) -> None:
    run.begin()
    for step in range(1, 7):
        run.step(step)
    run.session.finish(save_like_trl(tmp_path / "final-run"))
    names = [event["event"] for event in run.events]
    assert names == [
        "start",
        *["progress"] * 3,
        "checkpoint",
        "sample",
        *["progress"] * 3,
        "sample",
        "checkpoint",
        "done",
    ]
    final = run.named("checkpoint")[-1]
    assert final["path"] == "output/final/adapter_model.safetensors"
    assert final["companions"] == ["output/final/adapter_config.json", "output/final/tokenizer.json"]
    metadata = header_of(tmp_path / final["path"])["__metadata__"]
    assert metadata == {"format": "pt", "job_id": "j1", "steps": "6"}
    assert (tmp_path / "output/samples/x-step00000006-0.txt").read_text() == "to be and to be\n"


def test_publishes_a_checkpoint_beside_its_state_without_paths_of_the_host(run: Run, tmp_path: Path) -> None:
    run.begin()
    for step in range(1, 4):
        run.step(step)
    (checkpoint,) = run.named("checkpoint")
    assert checkpoint["path"] == "output/x-step00000003.safetensors"
    assert checkpoint["statePath"] == "output/state/step-3"
    config = json.loads((tmp_path / "output/adapter_config.json").read_text())
    assert config == {"base_model_name_or_path": "org/base", "r": 4}
    state = tmp_path / "output/state/step-3"
    assert "/models/secret" in (state / "adapter_config.json").read_text()
    assert header_of(state / "adapter_model.safetensors")["__metadata__"] == {"format": "pt"}


def test_saves_states_by_the_clock_too(run: Run) -> None:
    run.begin()
    run.step(1)
    run.seconds = 601
    run.step(2)
    (checkpoint,) = run.named("checkpoint")
    assert checkpoint["path"] == "output/state/step-2/adapter_model.safetensors"
    assert run.named("sample") == []


def test_saves_and_leaves_when_it_is_stopped(run: Run) -> None:
    run.begin()
    run.gate.handle({"command": "abort"})
    with pytest.raises(SystemExit) as left:
        run.step(1)
    assert left.value.code == 0
    assert [event["event"] for event in run.events][-2:] == ["checkpoint", "aborted"]


def test_counts_a_save_of_another_process_as_its_own(run: Run, tmp_path: Path) -> None:
    run.begin()
    run.seconds = 601
    assert run.session.after_step(1, 1 / 3)
    run.session.leave_save_to_another()
    assert not run.session.after_step(2, 2 / 3)
    run.gate.stop()
    assert run.session.after_step(3, 1)
    with pytest.raises(SystemExit) as exit:
        run.session.leave_save_to_another()
    assert exit.value.code == 0
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(("loss", "gradient_norm"), [(float("nan"), 1.0), (float("inf"), 1.0), (1.0, float("inf"))])
def test_saves_nothing_of_a_step_that_is_no_number(tmp_path: Path, loss: float, gradient_norm: float) -> None:
    run = Run(tmp_path, checkpoint={"everySteps": 1})
    run.begin()
    run.step(1)
    with pytest.raises(SystemExit) as left:
        run.step(2, loss=loss, gradient_norm=gradient_norm)
    assert left.value.code == 1
    assert run.named("error")[0]["code"] == "loss_not_finite"
    assert [event["step"] for event in run.named("checkpoint")] == [1]


def test_lets_the_scaler_of_fp16_skip_a_step(tmp_path: Path) -> None:
    run = Run(tmp_path, sft={"fp16": True})
    run.begin()
    run.step(1, gradient_norm=float("inf"))
    assert run.named("error") == []


def test_keeps_weights_that_are_no_numbers_to_itself(tmp_path: Path) -> None:
    run = Run(tmp_path, checkpoint={"everySteps": 1})
    run.begin()
    run.model.finite = False
    with pytest.raises(SystemExit):
        run.step(1)
    assert run.named("checkpoint") == []


def test_does_not_wait_at_an_end_that_comes_before_the_plan_said(tmp_path: Path) -> None:
    run = Run(tmp_path, isBudgeted=True)
    run.gate.handle({"command": "grant", "steps": 2})
    run.begin(total=2)
    run.step(1)
    run.step(2)
    assert run.named("paused") == []


def test_needs_weights_to_be_finished(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(FileNotFoundError):
        publish_final(tmp_path / "run", tmp_path / "final", base="b", metadata={})


def test_reads_rows_that_hold_odd_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text('{"text": "a\u2028b\x85c"}\n{"text": "2024-01-01"}\n', encoding="utf-8")
    assert [row["text"] for row in read_rows(str(file))] == ["a\u2028b\x85c", "2024-01-01"]
    assert feature_names({"prompt": "a", "completion": "b"}) == ["prompt", "completion"]
    with pytest.raises(ValueError, match="nothing that TRL learns from"):
        feature_names({"notes": "a"})
