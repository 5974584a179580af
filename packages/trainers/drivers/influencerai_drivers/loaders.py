"""Processes that read pictures ahead for a trainer."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable
from typing import Any


def shield_loaders(loader_class: Any) -> None:
    """Keeps a signal to the whole process group from torch's loader processes, from the moment that they are there.

    Without them the training could not make the step that it saves. They inherit which signals are held up, and go when
    the trainer does.
    """
    get_iterator: Callable[[Any], Any] = loader_class._get_iterator

    @functools.wraps(get_iterator)
    def get_shielded(loader: Any) -> Any:
        # One that comes meanwhile reaches the training when they are started.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        try:
            return get_iterator(loader)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    loader_class._get_iterator = get_shielded
