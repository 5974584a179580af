"""Command line of the drivers."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from .channel import Channel
from .doctor import print_examination
from .gate import Aborted

TRAINERS = {"kohya": "kohya", "ai-toolkit": "ai_toolkit", "trl": "trl"}


def main(arguments: list[str]) -> int:
    """Runs one training. The working directory is the job's workspace."""
    parser = argparse.ArgumentParser(prog="influencerai_drivers", description=__doc__)
    parser.add_argument("trainer", choices=sorted(TRAINERS))
    parser.add_argument("--home", type=Path, help="checkout of the trainer's source")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=Path, help="driver.json, as the plan wrote it")
    what.add_argument("--doctor", action="store_true", help="tell as JSON whether the trainer can start")
    parser.add_argument("--rank", action="store_true", help="one of several processes, as the driver starts them")
    options = parser.parse_args(arguments)
    if options.doctor:
        print_examination(options.trainer, options.home)
        return _leave(0)
    workspace = Path.cwd()
    config = json.loads((workspace / options.config).read_text(encoding="utf-8"))
    home = options.home.resolve() if options.home else None
    if options.rank:
        return _run_rank(TRAINERS[options.trainer], config=config, workspace=workspace, home=home)
    channel = Channel.take_over_stdio()
    driver = importlib.import_module(f".{TRAINERS[options.trainer]}", __package__)
    try:
        driver.run(config=config, workspace=workspace, home=home, channel=channel)
    except Aborted:
        # Stopped before anything was there to save; a driver that saved has said so itself.
        channel.emit("aborted", step=config.get("startStep", 0))
        return _leave(0)
    except SystemExit as error:
        return _leave(error.code if isinstance(error.code, int) else 1)
    except BaseException:  # noqa: BLE001 (whatever it is, it is printed, and the exit code says so)
        traceback.print_exc()
        return _leave(1)
    return _leave(0)


def _run_rank(trainer: str, **options: Any) -> int:
    """Trains as one of several processes, and leaves without a wait for the others, who may be gone."""
    try:
        importlib.import_module(f".{trainer}_ranks", __package__).run(**options)
    except Aborted:
        # The launcher tells of it once for all.
        return _leave(128 + signal.SIGTERM)
    except SystemExit as error:
        return _leave(error.code if isinstance(error.code, int) else 1)
    except BaseException:  # noqa: BLE001 (as below)
        traceback.print_exc()
        return _leave(1)
    return _leave(0)


def _leave(code: int) -> int:
    """Ends at once: non-daemon threads and loader workers of the trainers must not hold the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
