"""The generators that trainers draw from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .gate import Aborted

RandomState = dict[str, Any]


def capture() -> RandomState:
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


def restore(state: RandomState) -> None:
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


@contextmanager
def restored_when_aborted() -> Iterator[None]:
    """Samples seed the generators for themselves and put them back at their end, which an abort takes away: the state
    that is saved then must not carry theirs."""
    before = capture()
    try:
        yield
    except Aborted:
        restore(before)
        raise
