"""What has no gate does not listen to the worker, and would train on without it."""

from __future__ import annotations

import os
import signal
import time

from .channel import Channel

_GRACE_SECONDS = 60.0
_LOOK_SECONDS = 0.2


def end_with_worker(channel: Channel, *, grace_seconds: float = _GRACE_SECONDS) -> None:
    """Leaves a process beside this one that ends the whole group once the worker is gone, however it went.

    The worker holds the other end of standard input for as long as it lives. A process, not a thread, because this one
    may be about to become another program; it goes when the trainer does.
    """
    if os.getpgrp() != os.getpid():
        # Not started by a worker: the group holds others.
        return
    trainer = os.getpid()
    if os.fork() != 0:
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    # Whoever reads what the trainer prints must see its end.
    channel.close_events()
    os.closerange(1, 3)
    while not channel.has_closed(within_seconds=_LOOK_SECONDS):
        if os.getppid() != trainer:
            os._exit(0)
    os.killpg(trainer, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while os.getppid() == trainer and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    # This process too.
    os.killpg(trainer, signal.SIGKILL)
