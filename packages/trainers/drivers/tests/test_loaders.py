from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from typing import Any

from influencerai_drivers.loaders import shield_loaders


class Loader:
    """As torch's: its iterator starts the processes."""

    def __init__(self, work: Any) -> None:
        self._work = work

    def _get_iterator(self) -> Any:
        process = multiprocessing.get_context("fork").Process(target=self._work)
        process.start()
        return process


def test_loader_processes_outlive_a_signal_and_the_training_still_gets_it() -> None:
    class Shielded(Loader): ...

    shield_loaders(Shielded)
    reading, writing = os.pipe()

    def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.write(writing, b"alive")

    got = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: got.set())
    try:
        process = Shielded(work)._get_iterator()
        process.join()
        assert os.read(reading, 5) == b"alive"
        assert process.exitcode == 0
        assert not got.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert got.is_set()
    finally:
        signal.signal(signal.SIGTERM, before)
