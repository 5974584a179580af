from __future__ import annotations

from influencerai_drivers.gate import Gate
from influencerai_drivers.trl_agreement import Agreement


class Processes:
    """Those of one training; the first is the first."""

    def __init__(self, count: int) -> None:
        self.gates = [Gate(start_step=0, total_steps=10, is_budgeted=False) for _ in range(count)]
        self.agreements = [Agreement(gate, is_first=index == 0) for index, gate in enumerate(self.gates)]

    def agree(self) -> None:
        sums = [sum(numbers) for numbers in zip(*(each.contribution for each in self.agreements), strict=True)]
        for each in self.agreements:
            each.take(sums)


def test_all_have_the_clock_of_the_first() -> None:
    processes = Processes(3)
    processes.agree()
    (seconds,) = {each.now() for each in processes.agreements}
    assert seconds == processes.agreements[0].now() > 0
    assert {each.now() for each in processes.agreements} == {seconds}
    processes.agree()
    assert {each.now() for each in processes.agreements} != {seconds}


def test_one_that_is_told_to_stop_stops_all() -> None:
    processes = Processes(3)
    processes.agree()
    assert not any(gate.is_stopping for gate in processes.gates)
    processes.gates[2].stop()
    assert not processes.gates[0].is_stopping
    processes.agree()
    assert all(gate.is_stopping for gate in processes.gates)
