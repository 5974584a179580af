"""Several processes of one training, one for each GPU, as accelerate starts them."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .channel import Channel
from .orphans import end_with_worker

_MAIN = Path(__file__).parents[1] / "__main__.py"


def become_launcher(channel: Channel, launcher_arguments: Sequence[str]) -> NoReturn:
    """Turns this process into accelerate's launcher, which starts this same command once for each GPU, with `--rank`.

    Where the drivers lie is known here and not to the plan, which may be carried out in a container. Signals go to the
    whole process group, so nobody has to stay and pass them on.
    """
    end_with_worker(channel)
    channel.give_back_stdio()
    port = ["--main_process_port", str(_free_port())]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", *port, *launcher_arguments]
    os.execv(sys.executable, [*launcher, str(_MAIN), *sys.argv[1:], "--rank"])


def _free_port() -> int:
    """Where the processes of a job meet. By itself accelerate takes the same for each, and fails where it is taken; not
    every version looks for a free one when told 0 (accelerate 1.6: utils/launch.py)."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
