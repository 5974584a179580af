"""Runs the real kohya on a CPU, where TRAINERS_DIR has it (`bin/trainers install kohya`). A few minutes on two cores."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from process_group import is_group_gone

DRIVERS = Path(__file__).parents[1]
KOHYA = Path(os.environ.get("TRAINERS_DIR", DRIVERS.parents[2] / ".local" / "trainers")) / "kohya"
PYTHON = KOHYA / "venv" / "bin" / "python"
LIMIT_S = 240

pytestmark = pytest.mark.skipif(
    not (KOHYA / "installed.json").is_file(), reason="kohya is not installed: bin/trainers install kohya"
)

PROMPTS = [{"prompt": "ohwx person", "width": 64, "height": 64, "sample_steps": 2, "seed": 1}]
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
    "CUDA_VISIBLE_DEVICES": "",
    # For several processes, which would take GPUs.
    "ACCELERATE_USE_CPU": "true",
    "PYTHONPATH": str(DRIVERS / "tests" / "cpu_ranks"),
}


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    module = "influencerai_drivers.tiny_models.sd15"
    subprocess.run([PYTHON, "-m", module, str(folder)], cwd=DRIVERS, check=True, capture_output=True)
    return folder


class Driven:
    """One process of the driver in a workspace of its own."""

    def __init__(
        self,
        workspace: Path,
        base: Path,
        *,
        accumulation: int = 1,
        rate: float = 1e-3,
        decay: float = 0.01,
        job: dict[str, Any] | None = None,
        **config: Any,
    ) -> None:
        self.workspace = workspace
        workspace.mkdir(parents=True)
        steps = 3 * -(-8 // accumulation)
        samples = config.pop("sampleSteps", 2)
        fixed_job = {"gradient_accumulation_steps": accumulation, "learning_rate": rate}
        fixed_job["optimizer_args"] = [f"weight_decay={decay}"]
        is_by_metadata = config.get("script") == "fine_tune"
        changes = {**fixed_job, **(job or {})}
        write_files(workspace, base, changes, sample_steps=samples, is_by_metadata=is_by_metadata)
        fixed = {
            "mode": "gate",
            "script": "train_network",
            "trainerClass": "NetworkTrainer",
            "jobFile": "job.toml",
            "outputName": "x",
            "totalSteps": steps,
            "totalEpochs": 3,
            "prompts": [prompt["prompt"] for prompt in PROMPTS],
        }
        (workspace / "driver.json").write_text(json.dumps({**fixed, **config}))
        self.output = workspace / "events"
        self.process = subprocess.Popen(
            [PYTHON, str(DRIVERS), "kohya", "--home", str(KOHYA / "source"), "--config", "driver.json"],
            cwd=workspace,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=self.output.open("wb"),
            stderr=(workspace / "log").open("wb"),
            start_new_session=True,
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        # Several processes print kohya's own text beside events.
        lines = self.output.read_text(errors="replace").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith('{"') and line.endswith("\n")]

    @property
    def log(self) -> str:
        return (self.workspace / "log").read_text(errors="replace")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]

    def send(self, **command: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def until(self, what: str, condition: Any) -> None:
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert self.process.poll() is None, f"ended before {what}: {self.log[-2000:]}"
            assert time.monotonic() < end, f"no {what} in time: {self.log[-2000:]}"
            time.sleep(0.02)

    def until_step(self, step: int) -> None:
        self.until(f"step {step}", lambda: any(event["step"] >= step for event in self.of("progress")))

    def signal(self, number: int) -> None:
        """As the worker does: the whole group."""
        os.killpg(self.process.pid, number)

    def wait(self) -> int:
        return self.process.wait(LIMIT_S)

    def is_gone(self) -> bool:
        return is_group_gone(self.process.pid)

    def states(self) -> list[Path]:
        return sorted((self.workspace / "output/state").glob("step-*"), key=lambda path: int(path.name[5:]))


def write_files(
    workspace: Path, base: Path, changes: dict[str, Any], *, sample_steps: int, is_by_metadata: bool = False
) -> None:
    prompts = [{**prompt, "sample_steps": sample_steps} for prompt in PROMPTS]
    images = base / "images"
    subset = {"image_dir": str(images), "caption_extension": ".txt"}
    if is_by_metadata:
        captions = {str(file.with_suffix(".png")): {"caption": file.read_text()} for file in images.glob("*.txt")}
        (workspace / "metadata.json").write_text(json.dumps(captions))
        subset = {"image_dir": str(images), "metadata_file": str(workspace / "metadata.json")}
    sizes = {"resolution": 64, "min_bucket_reso": 64, "max_bucket_reso": 128, "bucket_reso_steps": 64}
    dataset = {"batch_size": 1, "enable_bucket": True, **sizes, "subsets": [subset]}
    job = {
        "pretrained_model_name_or_path": str(base / "model"),
        "tokenizer_cache_dir": str(base / "tokenizers"),
        "dataset_config": str(workspace / "dataset.json"),
        "output_dir": str(workspace / "output"),
        "output_name": "x",
        "max_train_epochs": 3,
        "lr_scheduler": "cosine",
        "optimizer_type": "AdamW",
        "network_module": "networks.lora",
        "network_dim": 4,
        "network_alpha": 2,
        "mixed_precision": "no",
        "save_precision": "float",
        "seed": 7,
        "cache_latents": True,
        "max_data_loader_n_workers": 0,
        "sample_prompts": str(workspace / "prompts.json"),
        "logging_dir": str(workspace / "logs"),
        "console_log_simple": True,
        **changes,
    }
    given = {key: value for key, value in job.items() if value is not None}
    (workspace / "prompts.json").write_text(json.dumps(prompts))
    (workspace / "dataset.json").write_text(json.dumps({"datasets": [dataset]}))
    (workspace / "job.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items()))


@pytest.fixture
def drive(tmp_path: Path, base: Path) -> Iterator[Any]:
    started: list[Driven] = []

    def start(name: str, **config: Any) -> Driven:
        driven = Driven(tmp_path / name, base, **config)
        started.append(driven)
        return driven

    yield start
    for driven in started:
        with contextlib.suppress(ProcessLookupError):
            driven.signal(signal.SIGKILL)
        driven.process.wait()


def in_kohya(code: str, *arguments: object) -> Any:
    """Looks at files with the libraries of the trainer's own environment."""
    command = [PYTHON, "-c", code, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


READ_LOG = """
import glob, json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
log = EventAccumulator(glob.glob(sys.argv[1] + "/*/*/events*")[0])
log.Reload()
tag = next(tag for tag in ("loss/current", "loss") if tag in log.Tags()["scalars"])
print(json.dumps({value.step: value.value for value in log.Scalars(tag)}))
"""
READ_WEIGHTS = """
import json, sys
from safetensors import safe_open
weights = safe_open(sys.argv[1], "pt")
ups = [name for name in weights.keys() if name.endswith("lora_up.weight")]
changed = sum(float(weights.get_tensor(name).abs().sum()) > 0 for name in ups)
finite = all(bool(weights.get_tensor(name).isfinite().all()) for name in weights.keys())
print(json.dumps({"keys": list(weights.keys()), "ups": len(ups), "changed": changed, "finite": finite,
    "steps": weights.metadata()["ss_steps"], "hash": weights.metadata()["ss_new_sd_model_hash"]}))
"""


READ_MODEL = """
import json, sys
from safetensors import safe_open
weights = safe_open(sys.argv[1], "pt")
parts = sorted({name.split(".")[0] for name in weights.keys()})
print(json.dumps({"parts": parts, "finite": all(bool(weights.get_tensor(name).isfinite().all()) for name in weights.keys())}))
"""


def rates(driven: Driven) -> dict[int, float]:
    return {event["step"]: event["learningRate"] for event in driven.of("progress")}


def test_trains_and_tells_what_the_trainers_own_log_says(drive: Any) -> None:
    driven = drive("full", saveEveryEpochs=1, sampleEveryEpochs=2)
    assert driven.wait() == 0, driven.log[-2000:]
    losses = {event["step"]: event["loss"] for event in driven.of("progress")}
    logged = in_kohya(READ_LOG, driven.workspace / "logs")
    assert {int(step): loss for step, loss in logged.items()} == losses
    assert list(losses) == list(range(1, 25))
    assert [event["step"] for event in driven.of("checkpoint")] == [8, 16, 24]
    assert [event["step"] for event in driven.of("sample")] == [16]
    assert (driven.workspace / driven.of("sample")[0]["path"]).stat().st_size > 0
    final = in_kohya(READ_WEIGHTS, driven.workspace / "output/x.safetensors")
    assert final["steps"] == "24"
    # What kohya says of a folder.
    assert final["hash"] == "IsADirectory"
    assert final["finite"]
    assert final["changed"] > 0.9 * final["ups"]
    assert any(key.startswith("lora_unet_") for key in final["keys"])
    assert any(key.startswith("lora_te_") for key in final["keys"])


@pytest.mark.parametrize("accumulation", [1, 2, 3])
def test_goes_on_where_it_was_killed(drive: Any, accumulation: int) -> None:
    unbroken = drive("unbroken", accumulation=accumulation)
    assert unbroken.wait() == 0
    third = len(rates(unbroken)) // 3
    killed = drive("killed", accumulation=accumulation, saveEverySteps=max(2, third - 1))
    killed.until("state", lambda: len(killed.states()) > 0 and len(killed.of("progress")) >= third)
    killed.signal(signal.SIGKILL)
    killed.wait()
    state = killed.states()[-1]
    step = int(state.name[5:])
    resumed = drive("resumed", accumulation=accumulation, startStep=step, resumeFrom=str(state))
    assert resumed.wait() == 0, resumed.log[-2000:]
    assert list(rates(resumed)) == list(range(step + 1, len(rates(unbroken)) + 1))
    assert rates(resumed) == {key: rate for key, rate in rates(unbroken).items() if key > step}
    assert in_kohya(READ_WEIGHTS, resumed.workspace / "output/x.safetensors")["steps"] == str(len(rates(unbroken)))


#: More steps than a signal or an abort can be late by.
LONG: dict[str, Any] = {"job": {"max_train_epochs": 50}, "totalSteps": 400, "totalEpochs": 50}


def test_obeys_budgets_saves_and_aborts(drive: Any, record_property: Any) -> None:
    driven = drive("budget", isBudgeted=True, **LONG)
    driven.until("pause", lambda: driven.of("paused"))
    driven.send(command="grant", steps=5)
    driven.until("pause", lambda: len(driven.of("paused")) == 2)
    assert [event["step"] for event in driven.of("paused")] == [0, 5]
    driven.send(command="grant", steps=4)
    driven.until("pause", lambda: len(driven.of("paused")) == 3)
    assert max(rates(driven)) == 9
    driven.send(command="sample")
    driven.until("sample", lambda: driven.of("sample"))
    driven.send(command="grant", steps=1000)
    driven.until_step(11)
    driven.send(command="save")
    driven.until("checkpoint", lambda: len(driven.of("checkpoint")) == 3)
    driven.send(command="abort")
    begun = time.monotonic()
    assert driven.wait() == 0
    record_property("stop_seconds", round(time.monotonic() - begun, 2))
    assert driven.is_gone()
    steps = [event["step"] for event in driven.of("checkpoint")]
    assert steps[:2] == [5, 9]
    assert driven.of("aborted")[0]["step"] == steps[-1]
    weights = in_kohya(READ_WEIGHTS, driven.workspace / driven.of("checkpoint")[-1]["path"])
    assert weights["steps"] == str(steps[-1])


def test_aborts_when_the_worker_dies(drive: Any) -> None:
    driven = drive("orphan", **LONG)
    driven.until_step(3)
    driven.process.stdin.close()
    assert driven.wait() == 0
    assert driven.of("aborted")[0]["step"] == driven.of("checkpoint")[-1]["step"]


def test_announces_states_between_checkpoints(drive: Any) -> None:
    driven = drive("clock", stateEverySeconds=0.01, **LONG)
    driven.until("state", lambda: driven.of("checkpoint"))
    driven.send(command="abort")
    assert driven.wait() == 0
    between = driven.of("checkpoint")[:-1]
    assert all(event["path"] == f"{event['statePath']}/model.safetensors" for event in between)
    assert all((state / "model.safetensors").is_file() for state in driven.states())
    assert driven.of("checkpoint")[-1]["path"].startswith("output/x-")


PHASES = {
    "loading": lambda driven: "Loading settings from" in driven.log,
    "caching": lambda driven: "caching latents" in driven.log,
    "training": lambda driven: len(driven.of("progress")) >= 4,
    "sampling": lambda driven: "generating sample images" in driven.log,
    "saving": lambda driven: (
        (driven.workspace / "output/.kohya").is_dir() and any((driven.workspace / "output/.kohya").glob("state-*"))
    ),
}


@pytest.mark.parametrize("phase", PHASES)
def test_leaves_on_sigterm(drive: Any, phase: str, signal_round: int, record_property: Any) -> None:
    sample_steps = 200 if phase == "sampling" else 2
    driven = drive(phase, saveEverySteps=2, sampleEverySteps=3, sampleSteps=sample_steps, **LONG)
    driven.until(phase, lambda: PHASES[phase](driven))
    time.sleep(0.013 * signal_round)
    driven.signal(signal.SIGTERM)
    begun = time.monotonic()
    code = driven.wait()
    record_property("stop_seconds", round(time.monotonic() - begun, 2))
    assert code == 0, driven.log[-2000:]
    assert driven.is_gone()
    assert len(driven.of("aborted")) == 1
    for state in driven.states():
        names = {path.name for path in state.iterdir()}
        assert {"state.json", "model.safetensors", "optimizer.bin", "scheduler.bin", "random_states_0.pkl"} <= names
        assert json.loads((state / "state.json").read_text())["step"] == int(state.name[5:])
    if phase not in ("loading", "caching"):
        assert driven.of("aborted")[0]["step"] == int(driven.states()[-1].name[5:])
        newest = driven.of("checkpoint")[-1]
        assert in_kohya(READ_WEIGHTS, driven.workspace / newest["path"])["steps"] == str(newest["step"])


@pytest.mark.parametrize("processes", [1, 2])
def test_saves_on_sigterm_although_others_read_its_pictures(drive: Any, processes: int) -> None:
    """The signal reaches the processes that do too."""
    job = {**LONG["job"], "cache_latents": False, "max_data_loader_n_workers": 2}
    driven = drive(
        "reading", **{**LONG, "mode": "launch" if processes > 1 else "gate", "processes": processes, "job": job}
    )
    driven.until_step(10)
    driven.signal(signal.SIGTERM)
    assert driven.wait() == 0, driven.log[-2000:]
    assert driven.is_gone()
    (aborted,) = driven.of("aborted")
    assert int(driven.states()[-1].name[5:]) == aborted["step"] == max(rates(driven))


def test_stops_before_broken_weights_are_saved(drive: Any) -> None:
    # The loss of the first step is fine; its update overflows.
    driven = drive("overflow", rate=1e30, decay=1e10, saveEverySteps=1)
    assert driven.wait() == 1
    assert [event["step"] for event in driven.of("progress")] == [1]
    assert driven.of("error")[-1]["code"] == "loss_not_finite"
    assert not driven.of("checkpoint")
    assert not driven.states()


def test_stops_before_a_spoiled_loss_is_saved(drive: Any) -> None:
    driven = drive("nan", rate=1e30, saveEverySteps=1)
    assert driven.wait() == 1
    assert driven.of("error")[-1]["code"] == "loss_not_finite"
    assert driven.of("progress")[-1]["step"] == driven.of("checkpoint")[-1]["step"]
    assert not driven.of("done")
    assert not (driven.workspace / "output/x.safetensors").exists()


#: Two processes on the CPU in place of those on GPUs.
RANKS: dict[str, Any] = {"mode": "launch", "processes": 2}
STATE_OF_RANKS = {"state.json", "train_state.json", "model.safetensors", "optimizer.bin", "random_states_1.pkl"}


def test_several_processes_go_on_from_a_state_of_the_clock(drive: Any) -> None:
    """10 steps, 4 an epoch."""
    job = {"max_train_steps": 10, "max_train_epochs": None, "save_every_n_epochs": 1, "save_state": True}
    options = {**RANKS, "job": job, "totalSteps": 10}
    whole = drive("whole", **options)
    assert whole.wait() == 0, whole.log[-2000:]
    assert list(rates(whole)) == list(range(1, 11))
    killed = drive("killed", stateEverySeconds=0.01, **options)
    killed.until("state", lambda: any(event["step"] >= 5 for event in killed.of("checkpoint")))
    killed.signal(signal.SIGKILL)
    killed.wait()
    assert killed.is_gone()
    state = killed.states()[-1]
    assert {path.name for path in state.iterdir()} >= STATE_OF_RANKS
    step = int(state.name[5:])
    resumed = drive("resumed", startStep=step, resumeFrom=str(state), **options)
    assert resumed.wait() == 0, resumed.log[-2000:]
    assert rates(resumed) == {key: rate for key, rate in rates(whole).items() if key > step}
    assert in_kohya(READ_WEIGHTS, resumed.workspace / "output/x.safetensors")["steps"] == "10"
    assert not (resumed.workspace / "output/x-state").exists()


@pytest.mark.parametrize("phase", ["loading", "training", "sampling"])
def test_several_processes_leave_on_sigterm_with_a_state(drive: Any, phase: str, record_property: Any) -> None:
    job = {**LONG["job"], "sample_every_n_steps": 3}
    sample_steps = 400 if phase == "sampling" else 2
    driven = drive(phase, sampleSteps=sample_steps, **{**RANKS, **LONG, "job": job})
    driven.until(phase, lambda: PHASES[phase](driven))
    driven.signal(signal.SIGTERM)
    begun = time.monotonic()
    assert driven.wait() == 0, driven.log[-2000:]
    record_property("stop_seconds", round(time.monotonic() - begun, 2))
    assert driven.is_gone()
    (aborted,) = driven.of("aborted")
    if phase == "loading":
        assert aborted["step"] == 0
        return
    (state,) = driven.states()
    assert {path.name for path in state.iterdir()} >= STATE_OF_RANKS
    assert int(state.name[5:]) == aborted["step"] == driven.of("checkpoint")[-1]["step"] == max(rates(driven))


def test_a_process_that_dies_takes_the_others_along(drive: Any) -> None:
    driven = drive("lonely", **{**RANKS, **LONG})
    driven.until_step(2)
    children = Path(f"/proc/{driven.process.pid}/task/{driven.process.pid}/children").read_text().split()
    ranks = [pid for pid in children if b"--rank" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(int(ranks[1]), signal.SIGKILL)
    assert driven.wait() == 1
    assert "rank 1 failed (exitcode: -9)" in driven.log
    assert driven.is_gone()


def full(script: str = "train_db", **job: Any) -> dict[str, Any]:
    """Trains all weights. The text encoder has a rate of its own, so the U-Net's must be told from it."""
    network = dict.fromkeys(("network_module", "network_dim", "network_alpha"))
    rate = {"learning_rate_te": 1e-5, **({"train_text_encoder": True} if script == "fine_tune" else {})}
    return {"script": script, "trainerClass": None, "job": {**network, **rate, "save_model_as": "safetensors", **job}}


@pytest.mark.parametrize(("script", "accumulation"), [("train_db", 1), ("train_db", 3), ("fine_tune", 1)])
def test_goes_on_with_all_weights_where_it_was_killed(drive: Any, script: str, accumulation: int) -> None:
    unbroken = drive("unbroken", accumulation=accumulation, **full(script))
    assert unbroken.wait() == 0, unbroken.log[-2000:]
    whole = rates(unbroken)
    assert list(whole) == list(range(1, len(whole) + 1))
    assert len(whole) == 3 * -(-8 // accumulation)
    assert whole[1] == pytest.approx(1e-3, rel=0.1)
    third = len(whole) // 3
    killed = drive("killed", accumulation=accumulation, saveEverySteps=max(2, third - 1), **full(script))
    killed.until("state", lambda: len(killed.states()) > 0 and len(killed.of("progress")) >= third)
    killed.signal(signal.SIGKILL)
    killed.wait()
    state = killed.states()[-1]
    step = int(state.name[5:])
    assert step < len(whole)
    resumed = drive("resumed", accumulation=accumulation, startStep=step, resumeFrom=str(state), **full(script))
    assert resumed.wait() == 0, resumed.log[-2000:]
    assert rates(resumed) == {key: rate for key, rate in whole.items() if key > step}
    model = in_kohya(READ_MODEL, resumed.workspace / "output/x.safetensors")
    assert model["finite"]
    assert {"model", "first_stage_model", "cond_stage_model"} <= set(model["parts"])
    for point in resumed.of("checkpoint"):
        assert point["step"] > step


def test_tells_of_all_weights_what_the_trainers_own_log_says(drive: Any) -> None:
    driven = drive("full", saveEveryEpochs=1, sampleEveryEpochs=2, **full())
    assert driven.wait() == 0, driven.log[-2000:]
    losses = {event["step"]: event["loss"] for event in driven.of("progress")}
    assert {
        int(step): loss for step, loss in in_kohya(READ_LOG, driven.workspace / "logs").items() if step != "0"
    } == losses
    assert [event["step"] for event in driven.of("checkpoint")] == [8, 16, 24]
    assert [event["step"] for event in driven.of("sample")] == [16]
    assert in_kohya(READ_MODEL, driven.workspace / driven.of("checkpoint")[0]["path"])["finite"]


def test_saves_all_weights_on_sigterm(drive: Any, record_property: Any) -> None:
    # More steps than a signal can be late by, and no text encoder.
    options = full(max_train_epochs=50, learning_rate_te=None, stop_text_encoder_training=-1)
    driven = drive("stop", totalSteps=400, totalEpochs=50, **options)
    driven.until_step(3)
    driven.signal(signal.SIGTERM)
    begun = time.monotonic()
    assert driven.wait() == 0, driven.log[-2000:]
    record_property("stop_seconds", round(time.monotonic() - begun, 2))
    assert driven.is_gone()
    assert driven.of("aborted")[0]["step"] == int(driven.states()[-1].name[5:])
    assert not (driven.states()[-1] / "model_1.safetensors").exists()
    newest = driven.of("checkpoint")[-1]
    assert newest["step"] == driven.of("aborted")[0]["step"]
    assert in_kohya(READ_MODEL, driven.workspace / newest["path"])["finite"]


def test_stops_before_broken_weights_of_a_whole_model_are_saved(drive: Any) -> None:
    driven = drive("overflow", rate=1e30, decay=1e10, saveEverySteps=1, **full())
    assert driven.wait() == 1
    assert driven.of("error")[-1]["code"] == "loss_not_finite"
    assert not driven.states()
    assert not (driven.workspace / "output/x.safetensors").exists()


@pytest.mark.parametrize("is_broken", [False, True])
def test_trains_all_weights_with_several_processes(drive: Any, is_broken: bool) -> None:
    """12 steps, 4 an epoch."""
    job = {"max_train_steps": 12, "max_train_epochs": None, "save_every_n_epochs": 2, "save_state": True}
    options = {**RANKS, "totalSteps": 12}
    if is_broken:
        # The last update overflows, so no loss tells of it.
        job["max_train_steps"], options["totalSteps"] = 1, 1
        broken = drive("broken", rate=1e30, decay=1e10, **{**full(**job), **options})
        assert broken.wait() != 0
        assert broken.of("error")[-1]["code"] == "loss_not_finite"
        assert not (broken.workspace / "output/x.safetensors").exists()
        return
    whole = drive("whole", **{**full(**job), **options})
    assert whole.wait() == 0, whole.log[-2000:]
    state = whole.workspace / "output/x-000002-state"
    assert (state / "random_states_0.pkl").is_file()
    assert not (whole.workspace / "output/x-state").exists()
    resumed = drive("resumed", startStep=8, resumeFrom=str(state), **{**full(**job), **options})
    assert resumed.wait() == 0, resumed.log[-2000:]
    assert rates(resumed) == {step: rate for step, rate in rates(whole).items() if step > 8}
    assert sorted(file.name for file in (resumed.workspace / "output").glob("*.safetensors")) == ["x.safetensors"]


def test_the_scripts_of_sdxl_call_what_is_wrapped() -> None:
    """Its models are too large to be trained here."""
    source = KOHYA / "source"
    script, helpers = (source / name for name in ("sdxl_train.py", "library/sdxl_train_util.py"))
    for call in ("train_util.prepare_accelerator(args)", "accelerator.accumulate(", "accelerator.backward(loss)"):
        assert call in script.read_text()
    assert "sdxl_train_util.sample_images(" in script.read_text()
    for name in ("sample_images_common", "save_sd_model_on_epoch_end_or_stepwise_common"):
        assert f"train_util.{name}(" in helpers.read_text()
    assert "train_util.save_sd_model_on_train_end_common(" in helpers.read_text()
