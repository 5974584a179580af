"""Several processes of one training, one for each GPU, as accelerate starts them."""

from __future__ import annotations

import os
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
    launcher = [sys.executable, "-m", "accelerate.commands.launch", *launcher_arguments]
    os.execv(sys.executable, [*launcher, str(_MAIN), *sys.argv[1:], "--rank"])
