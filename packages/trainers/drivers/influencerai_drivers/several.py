"""Several processes of one training, one for each GPU: its ranks.

They are started here and not by accelerate's launcher. That one gives each rank a session of its own (torch:
distributed/elastic/multiprocessing/subprocess_handler.py), where signals to the group of the trainer do not reach it:
SIGKILL would leave the ranks training on, and a SIGTERM is passed on with a SIGKILL after 30 seconds, in the middle of a
save of a large model. Ranks of ours are members of the trainer's group.
"""

from __future__ import annotations

import io
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from .channel import Channel
from .orphans import end_with_worker

_MAIN = Path(__file__).parents[1] / "__main__.py"
_LOOK_SECONDS = 0.1
#: In which a rank may say why it goes too, once one has left that it would wait for. Each step needs all of them.
_LAST_WORDS_SECONDS = 10.0

Rank = subprocess.Popen[bytes]


def run_ranks(channel: Channel, *, processes: int, start_step: int) -> NoReturn:
    """Starts this same command once for each GPU, with `--rank`, and leaves when all have ended.

    Where the drivers lie is known here and not to the plan, which may be carried out in a container. Signals go to the
    whole process group, so nobody has to pass them on.
    """
    end_with_worker(channel)
    channel.give_back_stdio()
    is_stopping = _outlive_signals()
    ranks = _start_all(processes, is_stopping)
    codes = _wait(ranks, is_stopping)
    if not is_stopping():
        raise SystemExit(1 if any(codes) else 0)
    # The first tells of its end itself, whatever became of the others.
    if codes[:1] != [0]:
        # Told to stop before there was anything to save, or too late to: the last state counts.
        channel.emit("aborted", step=start_step)
    raise SystemExit(0)


def is_first_rank() -> bool:
    """Whether this process speaks for all."""
    return os.environ["RANK"] == "0"


def rank_channel() -> Channel:
    """The worker's ear for the first process, nobody's for the others."""
    return Channel.take_over_stdio() if is_first_rank() else Channel(io.StringIO(), [])


def allow_consumer_gpus() -> None:
    """accelerate refuses GPUs that cannot copy to one another unless it is said that they need not; its launcher says so."""
    from accelerate.utils import check_cuda_p2p_ib_support

    if not check_cuda_p2p_ib_support():
        os.environ.setdefault("NCCL_P2P_DISABLE", "1")
        os.environ.setdefault("NCCL_IB_DISABLE", "1")


def _outlive_signals() -> Callable[[], bool]:
    """Stays for as long as the ranks save. A handler, since programs inherit a signal that is ignored."""
    taken: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        taken.append(number)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return lambda: bool(taken)


def _free_port() -> int:
    """Where the ranks meet. Another job of this host has its own."""
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def _start_all(processes: int, is_stopping: Callable[[], bool]) -> list[Rank]:
    """All ranks, unless a signal comes meanwhile, which reaches those alone that are there: these get it again."""
    port = str(_free_port())
    ranks: list[Rank] = []
    while len(ranks) < processes and not is_stopping():
        ranks.append(_start(len(ranks), processes, port))
    if is_stopping():
        for rank in ranks:
            rank.terminate()
    return ranks


def _start(rank: int, processes: int, port: str) -> Rank:
    place = {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    command = [sys.executable, str(_MAIN), *sys.argv[1:], "--rank"]
    # Only the first speaks with the worker; lines of others could break its own.
    stdout = None if rank == 0 else sys.stderr.fileno()
    return subprocess.Popen(command, env={**os.environ, **place}, stdin=subprocess.DEVNULL, stdout=stdout)


def _wait(ranks: Sequence[Rank], is_stopping: Callable[[], bool]) -> list[int]:
    """Exit codes. When one has failed the others are ended: they would wait for it.

    So they are when the first has left as told. It saves, and another that was told may leave before it has.
    """
    deadline = math.inf
    while any(rank.poll() is None for rank in ranks):
        if deadline == math.inf and (_tell_failures(ranks) or (is_stopping() and ranks[0].poll() == 0)):
            deadline = time.monotonic() + _LAST_WORDS_SECONDS
        if time.monotonic() >= deadline:
            for rank in ranks:
                rank.kill()
        time.sleep(_LOOK_SECONDS)
    if deadline == math.inf:
        _tell_failures(ranks)
    return [rank.wait() for rank in ranks]


def _tell_failures(ranks: Sequence[Rank]) -> bool:
    failed = [(number, rank.poll()) for number, rank in enumerate(ranks) if rank.poll()]
    for number, code in failed:
        print(f"rank {number} failed (exitcode: {code})", file=sys.stderr, flush=True)
    return bool(failed)
