"""Hashes of model files in the header of the weights, computed while the training runs.

kohya reads the base model from end to end for one before the first step (kohya sd-scripts: train_network.py), which for
tens of gigabytes takes as long as loading it, in every attempt. It is needed when weights are saved.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

_LOOK_SECONDS = 0.2


class ModelHashes:
    """Stands in for kohya's function, which hashes beside the training from then on."""

    def __init__(self, train_util: Any, *, is_saving: bool = True) -> None:
        """`is_saving`: whether this process saves weights; others need no hashes."""
        self._calculate = train_util.calculate_sha256
        self._is_saving = is_saving
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hashes")
        self._promised: dict[str, Future[str]] = {}
        train_util.calculate_sha256 = self._promise

    def _promise(self, file: str) -> str:
        """What stands in the metadata until weights are saved, as kohya makes text of every entry."""
        promise = f"hash of {file}"
        if self._is_saving and promise not in self._promised:
            self._promised[promise] = self._pool.submit(self._calculate, file)
        return promise

    def settle(self, metadata: dict[str, str], *, is_urgent: Callable[[], bool] = lambda: False) -> dict[str, str]:
        """The metadata with hashes where they were promised, which are waited for.

        Where the save is urgent, or becomes so meanwhile, those are left out that are not there yet.
        """
        settled: dict[str, str] = {}
        for key, value in metadata.items():
            promised = self._promised.get(value)
            if promised is None:
                settled[key] = value
            elif _has_come(promised, is_urgent):
                settled[key] = promised.result()
        return settled


def _has_come(promised: Future[str], is_urgent: Callable[[], bool]) -> bool:
    while not promised.done() and not is_urgent():
        wait([promised], timeout=_LOOK_SECONDS)
    return promised.done()
