"""The TRL driver around the real TRL, on a CPU. Skipped where TRL is not installed (`bin/trainers install trl`)."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trl_workspace import IS_INSTALLED, Run, a_config, build_tiny, run_python

pytestmark = pytest.mark.skipif(not IS_INSTALLED, reason="TRL is not installed: run `bin/trainers install trl`")

CHECK_STATES = """
import json, sys, torch, safetensors.torch
from pathlib import Path
for folder in map(Path, sys.argv[1:]):
    assert safetensors.torch.load_file(folder / "adapter_model.safetensors")
    torch.load(folder / "optimizer.pt", weights_only=True)
    torch.load(folder / "scheduler.pt", weights_only=True)
    step = json.loads((folder / "trainer_state.json").read_text())["global_step"]
    assert step == json.loads((folder / "state.json").read_text())["step"] == int(folder.name[5:])
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny(tmp_path_factory.mktemp("tiny"))


class Bench:
    def __init__(self, tiny: Path, folder: Path) -> None:
        self.tiny, self.folder = tiny, folder
        self.runs: list[Run] = []

    def start(self, *, rows: str | None = None, sft: dict[str, Any] | None = None, **changes: Any) -> Run:
        rows = rows if rows is not None else (self.tiny / "data" / "train.jsonl").read_text(encoding="utf-8")
        run = Run(self.folder / f"run-{len(self.runs)}", a_config(self.tiny, sft=sft, **changes), rows)
        self.runs.append(run)
        return run


@pytest.fixture
def bench(tiny: Path, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tiny, tmp_path)
    yield bench
    for run in bench.runs:
        run.end()


def rates(*runs: Run) -> dict[int, float]:
    return {event["step"]: event["learningRate"] for run in runs for event in run.all("progress")}


def losses(*runs: Run) -> dict[int, float]:
    return {event["step"]: event["loss"] for run in runs for event in run.all("progress")}


def final_tensors(run: Run, name: str = "adapter_model.safetensors") -> bytes:
    """The numbers alone: the header names the attempt."""
    content = (run.workspace / "output" / "final" / name).read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]


@pytest.mark.parametrize(
    ("method", "checkpoint"), [("lora", {"everySteps": 5}), ("lora", {"everyEpochs": 1}), ("full", {"everySteps": 5})]
)
def test_goes_on_after_kill_9_as_if_nothing_had_happened(bench: Bench, method: str, checkpoint: dict[str, int]) -> None:
    sft = {} if method == "lora" else {"use_peft": False}
    options: dict[str, Any] = {"method": method, "checkpoint": checkpoint, "sft": sft}
    weights = "adapter_model.safetensors" if method == "lora" else "model.safetensors"
    unbroken = bench.start(**options)
    killed = bench.start(**options)
    killed.wait_event("progress", step=9)
    killed.signal(signal.SIGKILL)
    killed.wait()
    assert unbroken.wait() == 0
    state = killed.newest_state()
    assert state is not None
    step = int(state.name[5:])
    resumed = bench.start(**options, startStep=step, resumeFrom=str(state))
    assert resumed.wait() == 0
    assert resumed.all("start") == [{"event": "start", "step": step, "totalSteps": 24, "totalEpochs": 3}]
    assert [event["step"] for event in resumed.all("progress")] == list(range(step + 1, 25))
    assert rates(killed, resumed) == rates(unbroken)
    assert losses(killed, resumed) == losses(unbroken)
    assert final_tensors(resumed, weights) == final_tensors(unbroken, weights)


def test_reports_what_the_trainer_logged(bench: Bench) -> None:
    run = bench.start()
    assert run.wait() == 0
    state = run.newest_state()
    assert state is not None
    history = json.loads((state / "trainer_state.json").read_text(encoding="utf-8"))["log_history"]
    logged = {entry["step"]: (entry["loss"], entry["learning_rate"]) for entry in history}
    reported = {event["step"]: (event["loss"], event["learningRate"]) for event in run.all("progress")}
    assert logged == {step: values for step, values in reported.items() if step <= 20}
    assert [event["event"] for event in run.events[-3:]] == ["sample", "checkpoint", "done"]


#: More steps than a signal or an abort can be late by.
LONG: dict[str, Any] = {"totalSteps": 400, "sft": {"num_train_epochs": 50}}


def test_obeys_budgets_saves_and_an_abort(bench: Bench, record_property: Any) -> None:
    run = bench.start(isBudgeted=True, checkpoint={"everySteps": 1000}, **LONG)
    assert run.wait_event("paused") == {"event": "paused", "step": 0}
    run.send("grant", steps=5)
    run.wait_event("paused", step=5)
    run.send("grant", steps=4)
    run.wait_event("paused", step=9)
    run.send("sample")
    run.wait_event("sample", step=9)
    run.send("grant", steps=1000)
    run.wait_event("progress", step=10)
    run.send("save")
    saved = run.wait_event("checkpoint", step=10)
    # Otherwise the abort may find the step that is saved already.
    run.wait_event("progress", step=saved["step"] + 1)
    run.send("abort")
    started = time.monotonic()
    assert run.wait() == 0
    record_property("stop_seconds", round(time.monotonic() - started, 2))
    steps = [event["step"] for event in run.all("progress")]
    last = steps[-1]
    assert steps == list(range(1, last + 1))
    assert [event["step"] for event in run.all("checkpoint")] == [5, 9, saved["step"], last]
    assert run.all("aborted") == [{"event": "aborted", "step": last}]
    assert run.is_group_gone()
    assert saved["path"] == f"output/x-step{saved['step']:08d}.safetensors"
    assert (run.workspace / saved["path"]).stat().st_size > 0
    states = [run.workspace / "output/state" / f"step-{step}" for step in (saved["step"], last)]
    assert saved["statePath"] == states[0].relative_to(run.workspace).as_posix()
    run_python(["-c", CHECK_STATES, *map(str, states)])


def wait_for_saving(run: Run, number: int) -> None:
    """TRL writes there; what is complete is moved away. A save that is missed is followed by others."""
    run.wait_event("progress", step=1 + number)
    run.wait_file("output/run/checkpoint-*")


#: What shows that a training is in this phase, for the nth signal.
PHASES: dict[str, Callable[[Run, int], object]] = {
    # The interpreter needs two seconds at least; before the driver listens the signal ends it, which is as good.
    "import": lambda run, number: time.sleep(1.5 + number / 4),
    "loading": lambda run, number: run.wait_log("Generating train split"),
    "tokenising": lambda run, number: run.wait_log("Tokenizing train"),
    "training": lambda run, number: run.wait_event("progress", step=2 + number),
    # Some prompts are continued, and others to come.
    "sampling": lambda run, number: run.wait_samples(1 + number),
    "saving": wait_for_saving,
}
#: In which steps are made.
WITH_STEPS = ("training", "sampling", "saving")


@pytest.mark.parametrize("phase", PHASES)
def test_leaves_nothing_behind_when_a_signal_comes(
    bench: Bench, phase: str, signal_round: int, record_property: Any
) -> None:
    prompts = ["the harbour"] * (12 if phase == "sampling" else 1)
    samples = {"prompts": prompts, "maxTokens": 180, "asChat": False}
    # Without a budget no step is made however late the signal comes.
    run = bench.start(checkpoint={"everySteps": 1}, samples=samples, isBudgeted=phase not in WITH_STEPS, **LONG)
    PHASES[phase](run, signal_round)
    run.signal(signal.SIGTERM)
    started = time.monotonic()
    code = run.wait()
    record_property("stop_seconds", round(time.monotonic() - started, 2))
    assert run.is_group_gone()
    assert code == 0 or (phase == "import" and code == -signal.SIGTERM), run.log[-20:]
    assert code != 0 or run.events[-1]["event"] == "aborted"
    progress, state = run.all("progress"), run.newest_state()
    assert bool(progress) == (state is not None) == (phase in WITH_STEPS)
    if state is not None:
        assert int(state.name[5:]) == progress[-1]["step"] == run.events[-1]["step"]
        run_python(["-c", CHECK_STATES, str(state)])
    if phase == "sampling":
        # The samples of the first step were cut short, so the signal came among them.
        assert len(run.all("sample")) < len(prompts)


def test_stops_before_bad_weights_replace_good_ones(bench: Bench) -> None:
    run = bench.start(
        checkpoint={"everySteps": 1}, sft={"learning_rate": 1e30, "lr_scheduler_type": "constant_with_warmup"}
    )
    assert run.wait() == 1
    (error,) = run.all("error")
    assert error["code"] == "loss_not_finite"
    assert all(event["step"] < run.all("progress")[-1]["step"] + 1 for event in run.all("checkpoint"))
    assert run.all("done") == []
    state = run.newest_state()
    assert state is not None
    run_python(["-c", CHECK_STATES, str(state)])


def test_refuses_rows_without_anything_to_learn(bench: Bench) -> None:
    run = bench.start(rows='{"notes": "nothing"}\n')
    assert run.wait() == 1
    assert any("nothing that TRL learns from" in line for line in run.log)


def test_keeps_text_that_looks_like_a_date(bench: Bench) -> None:
    run = bench.start(rows='{"text": "2024-01-01"}\n' * 32, sft={"max_steps": 2})
    assert run.wait() == 0, run.log[-20:]


#: Two processes on the CPU in place of those on GPUs; 12 steps, 4 an epoch.
RANKS: dict[str, Any] = {
    "processes": 2,
    "totalSteps": 12,
    "samples": {"prompts": [], "maxTokens": 8, "asChat": False},
}


def test_ranks_go_on_after_kill_9_as_if_nothing_had_happened(bench: Bench) -> None:
    unbroken = bench.start(**RANKS)
    assert unbroken.wait() == 0, "".join(unbroken.log[-30:])
    assert [event["step"] for event in unbroken.all("progress")] == list(range(1, 13))
    assert [event["step"] for event in unbroken.all("checkpoint")] == [5, 10, 12]
    assert unbroken.all("checkpoint")[0]["path"] == "output/x-step00000005.safetensors"
    assert unbroken.events[-1]["event"] == "done"
    killed = bench.start(stateEverySeconds=0, **RANKS)
    killed.wait_event("checkpoint", step=6)
    killed.signal(signal.SIGKILL)
    killed.wait()
    assert killed.is_group_gone()
    state = killed.newest_state()
    assert state is not None
    assert (state / "rng_state_1.pth").is_file()
    run_python(["-c", CHECK_STATES, str(state)])
    step = int(state.name[5:])
    resumed = bench.start(startStep=step, resumeFrom=str(state), **RANKS)
    assert resumed.wait() == 0, "".join(resumed.log[-30:])
    assert [event["step"] for event in resumed.all("progress")] == list(range(step + 1, 13))
    assert rates(killed, resumed) == rates(unbroken)
    assert losses(killed, resumed) == losses(unbroken)
    assert final_tensors(resumed) == final_tensors(unbroken)


@pytest.mark.parametrize("phase", ["loading", "training"])
def test_ranks_leave_on_sigterm_with_a_state(bench: Bench, phase: str, record_property: Any) -> None:
    run = bench.start(**{**RANKS, **LONG}, checkpoint={"everySteps": 1000})
    PHASES[phase](run, 1)
    run.signal(signal.SIGTERM)
    started = time.monotonic()
    assert run.wait() == 0, "".join(run.log[-30:])
    record_property("stop_seconds", round(time.monotonic() - started, 2))
    assert run.is_group_gone()
    (aborted,) = run.all("aborted")
    state = run.newest_state()
    if phase == "loading":
        assert aborted["step"] == 0
        assert state is None
        return
    assert state is not None
    assert int(state.name[5:]) == aborted["step"] == run.all("progress")[-1]["step"]
    run_python(["-c", CHECK_STATES, str(state)])


def test_ranks_keep_no_broken_weights(bench: Bench) -> None:
    # The loss of the first step is fine; its update overflows.
    sft = {"learning_rate": 1e30, "weight_decay": 1e10, "warmup_steps": 0, "lr_scheduler_type": "constant"}
    run = bench.start(**RANKS, sft={**sft, "max_steps": 1})
    assert run.wait() == 1
    assert [event["code"] for event in run.all("error")] == ["loss_not_finite"]
    assert not run.all("checkpoint")
    assert not (run.workspace / "output/final").exists()
