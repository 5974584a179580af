import os
import signal
import threading

import pytest

from influencerai_drivers.gate import Aborted, Gate


def a_gate(**overrides: object) -> Gate:
    return Gate(**{"start_step": 0, "total_steps": 20, "is_budgeted": True, **overrides})  # type: ignore[arg-type]


def test_should_authorise_everything_without_a_budget() -> None:
    gate = a_gate(is_budgeted=False)
    assert not any(gate.is_spent(step) for step in range(21))


def test_should_count_grants_from_the_step_of_the_start() -> None:
    gate = a_gate(start_step=7)
    assert gate.is_spent(7)
    gate.handle({"command": "grant", "steps": 5})
    gate.handle({"command": "grant", "steps": 4})
    assert [step for step in range(7, 21) if gate.is_spent(step)] == [16, 17, 18, 19]


@pytest.mark.parametrize("command", [{}, {"command": "grant"}, {"command": "grant", "steps": -1}, {"command": "dance"}])
def test_should_ignore_what_is_no_command(command: dict[str, object]) -> None:
    gate = a_gate()
    gate.handle(command)
    assert gate.is_spent(0)
    assert not gate.is_stopping


def test_should_hand_out_a_request_once() -> None:
    gate = a_gate()
    gate.handle({"command": "save"})
    gate.handle({"command": "sample"})
    assert [gate.take_save(), gate.take_save(), gate.take_sample(), gate.take_sample()] == [True, False, True, False]


@pytest.mark.parametrize("command", [{"command": "grant", "steps": 1}, {"command": "save"}, {"command": "abort"}])
def test_should_wait_until_something_is_asked_for(command: dict[str, object]) -> None:
    gate = a_gate()
    waiter = threading.Thread(target=gate.wait, args=(0,))
    waiter.start()
    waiter.join(timeout=0.05)
    assert waiter.is_alive()
    gate.handle(command)
    waiter.join(timeout=5)
    assert not waiter.is_alive()


def test_should_end_what_is_interruptible_at_a_signal_and_let_the_rest_finish() -> None:
    gate = a_gate()
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    gate.stop_on_signals()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        assert gate.is_stopping
        with pytest.raises(Aborted), gate.interruptible():
            pytest.fail("It was entered although the run is stopping.")
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def test_should_leave_interruptible_work_in_the_middle() -> None:
    gate = a_gate()
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    gate.stop_on_signals()
    try:
        with pytest.raises(Aborted), gate.interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("The signal did not interrupt.")
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
