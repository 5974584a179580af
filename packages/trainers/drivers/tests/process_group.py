"""Looks at the processes that a trainer started."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

_LIMIT_S = 5.0


def is_group_gone(group: int) -> bool:
    """Whether no process of the group runs, a moment after the last was killed.

    Zombies do not run; they stay where nobody reaps them.
    """
    end = time.monotonic() + _LIMIT_S
    while _has_live_member(group):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _has_live_member(group: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # The process may have ended meanwhile.
        with contextlib.suppress(OSError):
            state, _, its_group = stat.read_text().rsplit(")", 1)[1].split()[:3]
            if int(its_group) == group and state != "Z":
                return True
    return False
