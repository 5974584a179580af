"""The driver around the real ai-toolkit, on a CPU. Skipped where it is not installed (`bin/trainers install ai-toolkit`).

`TRAINERS_DIR` names where the trainers are installed. Importing all of ai-toolkit takes a good part of a minute, so this
takes a while; `--signal-rounds 1` sends five stop signals in place of twenty.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DRIVERS = Path(__file__).parents[1]
TRAINERS = Path(os.environ.get("TRAINERS_DIR", DRIVERS.parents[2] / ".local" / "trainers"))
HOME = TRAINERS / "ai-toolkit"
LIMIT_S = 280

pytestmark = pytest.mark.skipif(
    not (HOME / "installed.json").is_file(), reason="ai-toolkit is not installed: run `bin/trainers install ai-toolkit`"
)

CHECK_STATES = """
import json, sys, torch
from pathlib import Path
from safetensors import safe_open
for folder in map(Path, sys.argv[1:]):
    with safe_open(folder / "weights.safetensors", "pt") as file:
        step = json.loads(file.metadata()["training_info"])["step"]
    torch.load(folder / "optimizer.pt", weights_only=True)
    torch.load(folder / "order.pt", weights_only=True)
    assert step == json.loads((folder / "state.json").read_text())["step"] == int(folder.name[5:])
"""
SAME_WEIGHTS = """
import sys
from safetensors.torch import load_file
one, other = map(load_file, sys.argv[1:])
assert one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)
assert any(key.endswith("lora_up.weight") and value.abs().max() > 0 for key, value in one.items())
"""


def python(*arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(DRIVERS), "OMP_NUM_THREADS": "1"}
    subprocess.run([HOME / "venv" / "bin" / "python", *arguments], env=environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    python("-m", "influencerai_drivers.tiny_models.sd15", str(folder))
    return folder


class Run:
    """One training of 12 steps, with a state every 4 and pictures with them."""

    def __init__(self, tiny: Path, workspace: Path, **overrides: Any) -> None:
        self.workspace = workspace
        (workspace / "dataset").mkdir(parents=True)
        for file in (tiny / "images").iterdir():
            (workspace / "dataset" / file.name).symlink_to(file)
        (workspace / "driver.json").write_text(json.dumps(a_config(tiny, workspace, overrides)))
        self.events: list[dict[str, Any]] = []
        self.log = ""
        self.change = threading.Condition()
        self.process = subprocess.Popen(
            [HOME / "venv/bin/python", DRIVERS, "ai-toolkit", "--home", HOME / "source", "--config", "driver.json"],
            cwd=workspace,
            env={"PATH": os.environ["PATH"], "HOME": str(workspace), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
            | {"ACCELERATE_USE_CPU": "true", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.readers = [threading.Thread(target=read, daemon=True) for read in (self.read_events, self.read_log)]
        for reader in self.readers:
            reader.start()

    def read_events(self) -> None:
        for line in self.process.stdout or ():
            with self.change:
                self.events.append(json.loads(line))
                self.change.notify_all()

    def read_log(self) -> None:
        assert self.process.stderr
        while chunk := os.read(self.process.stderr.fileno(), 65536):
            with self.change:
                self.log += chunk.decode("utf-8", "replace")
                self.change.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        with self.change:
            assert self.change.wait_for(condition, LIMIT_S), self.log[-2000:]

    def until_event(self, name: str, step: int = 0) -> None:
        self.until(lambda: any(event["event"] == name and event["step"] >= step for event in self.events))

    def command(self, **fields: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(fields).encode() + b"\n")
        self.process.stdin.flush()

    def kill(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def wait(self) -> int:
        code = self.process.wait(LIMIT_S)
        for reader in self.readers:
            reader.join(10)
        return code

    def of(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    @property
    def curve(self) -> dict[int, tuple[float, float]]:
        return {
            event["step"]: (event["loss"], event["learningRate"])
            for event in self.events
            if event["event"] == "progress"
        }

    @property
    def states(self) -> list[Path]:
        return sorted((self.workspace / "output/state").glob("step-*"), key=lambda path: int(path.name[5:]))

    def group(self) -> list[str]:
        listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
        rows = (line.split() for line in listed.splitlines())
        return [state for group, state in rows if int(group) == self.process.pid and not state.startswith("Z")]


def a_config(tiny: Path, workspace: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    process = {
        "type": "sd_trainer",
        "training_folder": str(workspace / "training"),
        "training_seed": 7,
        "trigger_word": "ohwx ${HOME}",
        "network": {"type": "lora", "linear": 4, "linear_alpha": 2},
        "save": {"dtype": "fp32", "save_every": 0, "max_step_saves_to_keep": 1, "save_format": "diffusers"},
        "datasets": [
            {
                "folder_path": str(workspace / "dataset"),
                "caption_ext": "txt",
                "resolution": [64],
                "caption_dropout_rate": 0.3,
                "cache_latents_to_disk": True,
                "num_workers": overrides.pop("workers", 0),
            }
        ],
        "train": {
            "steps": overrides.get("totalSteps", 12),
            "batch_size": 2,
            "lr": 1e-3,
            "optimizer": "adamw",
            "lr_scheduler": "cosine",
            "noise_scheduler": "ddpm",
            "dtype": "fp32",
            "gradient_checkpointing": False,
            "skip_first_sample": True,
        },
        "model": {"name_or_path": str(tiny / "model"), "arch": "sd1"},
        "logging": {"log_every": 1, "use_ui_logger": True},
        "sample": {
            "sampler": "ddpm",
            "sample_every": 0,
            "width": 64,
            "height": 64,
            "samples": [{"prompt": "a face"}],
            "neg": "",
            "seed": 42,
            "sample_steps": 2,
        },
    }
    return {
        "job": {"job": "extension", "config": {"name": "job-1", "process": [process]}, "meta": {}},
        "publishName": "lora",
        "totalSteps": 12,
        "totalEpochs": 3,
        "stepsPerEpoch": 4,
        "saveEverySteps": 4,
        "sampleEverySteps": 4,
        **overrides,
    }


def test_a_killed_training_goes_on_as_if_nothing_had_been(tiny: Path, tmp_path: Path) -> None:
    whole = Run(tiny, tmp_path / "whole")
    assert whole.wait() == 0
    killed = Run(tiny, tmp_path / "killed")
    killed.until_event("progress", 5)
    killed.kill(signal.SIGKILL)
    killed.process.wait()
    resumed = Run(tiny, tmp_path / "resumed", startStep=4, resumeFrom=str(killed.states[-1]))
    assert resumed.wait() == 0
    assert {**{step: killed.curve[step] for step in range(1, 5)}, **resumed.curve} == whole.curve
    python("-c", SAME_WEIGHTS, *(str(run.workspace / "output/lora.safetensors") for run in (whole, resumed)))


def test_obeys_budgets_and_an_abort_between_them(tiny: Path, tmp_path: Path, record_property: Any) -> None:
    run = Run(tiny, tmp_path / "run", isBudgeted=True, saveEverySteps=0, sampleEverySteps=0)
    run.until_event("paused")
    assert "Loading" not in run.log
    run.command(command="grant", steps=5)
    run.until_event("paused", 5)
    run.command(command="grant", steps=4)
    run.until_event("paused", 9)
    assert max(run.curve) == 9
    run.command(command="sample")
    run.until_event("sample", 9)
    run.command(command="abort")
    started = time.monotonic()
    assert run.wait() == 0
    record_property("stop_seconds", round(time.monotonic() - started, 2))
    assert run.events[-1] == {"event": "aborted", "step": 9}
    assert run.group() == []
    python("-c", CHECK_STATES, *map(str, run.states))


def test_saves_samples_and_aborts_while_it_trains(tiny: Path, tmp_path: Path, record_property: Any) -> None:
    # More steps than an abort can be late by.
    steps = {"totalSteps": 400, "totalEpochs": 100}
    run = Run(tiny, tmp_path / "run", **steps, saveEverySteps=0, sampleEverySteps=0)
    run.until_event("progress", 2)
    run.command(command="save")
    run.until_event("checkpoint", 2)
    saved = run.of("checkpoint")[0]
    run.command(command="sample")
    run.until_event("sample", saved["step"])
    sampled = run.of("sample")[0]
    run.until_event("progress", sampled["step"] + 1)
    run.command(command="abort")
    started = time.monotonic()
    assert run.wait() == 0
    record_property("stop_seconds", round(time.monotonic() - started, 2))
    last = max(run.curve)
    assert run.events[-1] == {"event": "aborted", "step": last}
    assert [event["step"] for event in run.of("checkpoint")] == [saved["step"], last]
    assert saved["path"] == f"output/lora-step{saved['step']:08d}.safetensors"
    assert all((run.workspace / event["path"]).stat().st_size > 0 for event in (saved, sampled))
    assert run.group() == []
    assert [state.name for state in run.states] == [f"step-{step}" for step in (saved["step"], last)]
    python("-c", CHECK_STATES, *map(str, run.states))


PHASES = {
    "load": "Running job",
    "cache": "Caching latents",
    "train": "loss:",
    "sample": "Generating Images",
    "save": "Saved checkpoint to",
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_signal_leaves_no_orphan_and_no_broken_state(
    tiny: Path, tmp_path: Path, phase: str, signal_round: int, record_property: Any
) -> None:
    run = Run(tiny, tmp_path / "run", workers=signal_round % 2)
    run.until(lambda: PHASES[phase] in run.log)
    time.sleep(random.uniform(0, 0.3))
    run.kill(signal.SIGTERM)
    started = time.monotonic()
    assert run.wait() == 0
    record_property("stop_seconds", round(time.monotonic() - started, 2))
    assert run.group() == []
    last = run.events[-1]
    assert last["event"] in ("aborted", "done")
    python("-c", CHECK_STATES, *map(str, run.states))
    if run.curve and last["event"] == "aborted":
        assert int(run.states[-1].name[5:]) == last["step"] == max(run.curve)
