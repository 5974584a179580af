"""The order of the pictures, so that a resumed training sees what an unbroken one would."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import random_state
from .random_state import RandomState


class DataOrder:
    """Knows where in its epoch a training is, and brings a resumed one there."""

    def __init__(self) -> None:
        self._epoch_start: RandomState | None = None
        self._position = 0
        self._length = 0
        self._resume: dict[str, Any] | None = None

    def save(self) -> dict[str, Any]:
        """What `resume` needs, as of now."""
        return {
            "epochStart": self._epoch_start,
            "position": self._position,
            "length": self._length,
            "now": random_state.capture(),
        }

    def resume(self, saved: dict[str, Any], length: int) -> None:
        """Makes the next epoch begin where a saved one was; one of other batches begins anew."""
        if saved["length"] == length:
            self._resume = saved

    def follow(self, loader: Any) -> None:
        """Watches a data loader; its class changes, since the trainer asks the loader for its data set too."""
        order = self
        order._length = len(loader)

        class Followed(type(loader)):  # type: ignore[misc]
            def __iter__(self) -> Iterator[Any]:
                return order._batches(super().__iter__)

        loader.__class__ = Followed

    def _batches(self, start: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        saved, self._resume = self._resume, None
        if saved and saved["epochStart"] is not None:
            random_state.restore(saved["epochStart"])
        self._epoch_start = random_state.capture()
        self._position = 0
        batches = start()
        if saved:
            for _ in range(saved["position"]):
                next(batches)
                self._position += 1
            random_state.restore(saved["now"])
        for batch in batches:
            self._position += 1
            yield batch


@contextmanager
def sorted_folders() -> Iterator[None]:
    """Lists folders by name within, so that the trainer's own walk finds the pictures in one order on every disk."""
    real = os.walk

    def walk(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for root, folders, files in real(*args, **kwargs):
            folders.sort()
            files.sort()
            yield root, folders, files

    os.walk = walk
    try:
        yield
    finally:
        os.walk = real
