"""Workspaces for runs of the real TRL on a tiny model, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from process_group import is_group_gone

DRIVERS = Path(__file__).resolve().parents[1]
TRAINERS_DIR = Path(os.environ.get("TRAINERS_DIR") or DRIVERS.parents[2] / ".local" / "trainers")
PYTHON = TRAINERS_DIR / "trl" / "venv" / "bin" / "python"
IS_INSTALLED = PYTHON.exists() and (TRAINERS_DIR / "trl" / "installed.json").exists()
LIMIT_S = 600.0

Event = dict[str, Any]


def run_python(arguments: list[str]) -> str:
    """What TRL's interpreter prints for these arguments."""
    done = subprocess.run(
        [str(PYTHON), *arguments],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        env={**os.environ, "PYTHONPATH": str(DRIVERS), "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def build_tiny(folder: Path) -> Path:
    run_python(["-m", "influencerai_drivers.tiny_models.text", str(folder)])
    return folder


def a_config(tiny: Path, *, sft: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """24 steps: 3 epochs of 8, two batches of four rows each."""
    arguments = {
        "model_name_or_path": str(tiny / "model"),
        "trust_remote_code": False,
        "dtype": "float32",
        "use_peft": True,
        "lora_r": 4,
        "lora_alpha": 8,
        "lora_dropout": 0.1,
        "lora_target_modules": ["all-linear"],
        "datasets": [{"path": "json", "data_files": "train.jsonl", "split": "train"}],
        "max_length": 64,
        "num_train_epochs": 3,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "learning_rate": 0.01,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 2,
        "optim": "adamw_torch",
        "gradient_checkpointing": False,
        "seed": 7,
        "data_seed": 7,
        "bf16": False,
        "fp16": False,
        "use_cpu": True,
        "output_dir": "output/run",
        "save_strategy": "no",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "report_to": "none",
        "disable_tqdm": True,
    }
    return {
        "name": "x",
        "method": "lora",
        "startStep": 0,
        "totalSteps": 24,
        "isBudgeted": False,
        "checkpoint": {"everySteps": 5},
        "samples": {"prompts": ["the harbour"], "maxTokens": 8, "asChat": False},
        "publicBase": "tiny/llama",
        "metadata": {"job_id": "j1"},
        "outOfMemoryHint": "Try less.",
        "sft": {**arguments, **(sft or {})},
        **changes,
    }


class Run:
    """A driver that runs now, leader of its own process group."""

    def __init__(self, workspace: Path, config: dict[str, Any], rows: str) -> None:
        self.workspace = workspace
        (workspace / "output").mkdir(parents=True)
        (workspace / "tmp").mkdir()
        (workspace / "train.jsonl").write_text(rows, encoding="utf-8")
        (workspace / "driver.json").write_text(json.dumps(config), encoding="utf-8")
        self.events: list[Event] = []
        self.log: list[str] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [str(PYTHON), str(DRIVERS), "trl", "--config", "driver.json"],
            cwd=workspace,
            env=_environment(workspace),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self._take_event), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.log.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def send(self, command: str, **fields: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"command": command, **fields}) + "\n")
        self.process.stdin.flush()

    def wait_event(self, name: str, *, step: int = 0) -> Event:
        return self._wait(
            lambda: next((e for e in self.events if e["event"] == name and e.get("step", 0) >= step), None)
        )

    def wait_samples(self, count: int) -> None:
        self._wait(lambda: len(self.all("sample")) >= count or None)

    def wait_log(self, text: str) -> None:
        self._wait(lambda: any(text in line for line in list(self.log)) or None)

    def wait_file(self, pattern: str) -> None:
        """Until something of this name is below the workspace; it may be gone again at once."""
        self._wait(lambda: any(self.workspace.glob(pattern)) or None, poll_s=0.002)

    def signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def wait(self) -> int:
        code = self.process.wait(timeout=LIMIT_S)
        for reader in self._readers:
            reader.join(timeout=10)
        return code

    def end(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def is_group_gone(self) -> bool:
        return is_group_gone(self.process.pid)

    def all(self, name: str) -> list[Event]:
        return [event for event in self.events if event["event"] == name]

    def newest_state(self) -> Path | None:
        states = list((self.workspace / "output" / "state").glob("step-*"))
        return max(states, key=lambda path: int(path.name[5:]), default=None)

    def _take_event(self, line: str) -> None:
        # Ranks print TRL's own text beside events.
        if line.startswith('{"'):
            self.events.append(json.loads(line))

    def _read(self, stream: Any, take: Any) -> None:
        for line in stream:
            with self._changed:
                take(line)
                self._changed.notify_all()

    def _wait(self, find: Any, *, poll_s: float = 0.2) -> Any:
        deadline = time.monotonic() + LIMIT_S
        with self._changed:
            while (found := find()) is None:
                ended = self.process.poll() is not None
                assert not ended and time.monotonic() < deadline, "".join(self.log[-30:]) + repr(self.events[-3:])
                self._changed.wait(timeout=poll_s)
            return found


def _environment(workspace: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(workspace / "tmp"),
        "TMPDIR": str(workspace / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
        "HF_DATASETS_CACHE": str(workspace / "tmp" / "datasets"),
        "HF_HUB_OFFLINE": "1",
    }
