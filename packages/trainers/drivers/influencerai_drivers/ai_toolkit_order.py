"""Random numbers and the order of the pictures, so that a resumed training sees what an unbroken one would."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

RandomState = dict[str, Any]


def capture_random_state() -> RandomState:
    """The generators that the trainer draws from, in types that a weights-only load takes."""
    import numpy
    import torch

    name, keys, position, has_gauss, cached = numpy.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "python": random.getstate(),
        "numpy": [name, [int(key) for key in keys], position, has_gauss, cached],
    }


def restore_random_state(state: RandomState) -> None:
    """Puts the generators back. A host with other GPUs keeps its own for those."""
    import numpy
    import torch

    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    numpy.random.set_state((name, numpy.array(keys, dtype=numpy.uint32), position, has_gauss, cached))


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
            "now": capture_random_state(),
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
            restore_random_state(saved["epochStart"])
        self._epoch_start = capture_random_state()
        self._position = 0
        batches = start()
        if saved:
            for _ in range(saved["position"]):
                next(batches)
                self._position += 1
            restore_random_state(saved["now"])
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
