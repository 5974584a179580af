"""States that a resume finds whole or not at all: `output/state/step-<true step>`, which appears by a rename."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

_STEP = re.compile(r"step-(\d+)")


class StateFolder:
    """The states of one run, named by true steps, the newest few kept."""

    def __init__(self, workspace: Path, *, keep: int = 2) -> None:
        self._workspace = workspace
        self._dir = workspace / "output" / "state"
        self._keep = keep

    def publish(self, source: Path, *, step: int, epoch: int, **facts: Any) -> str:
        """Turns a folder on the same disk into the state of a step, durable before it is visible.

        Returns its path relative to the workspace.
        """
        self._dir.mkdir(parents=True, exist_ok=True)
        target = self._dir / f"step-{step}"
        (source / "state.json").write_text(json.dumps({"step": step, "epoch": epoch, **facts}), encoding="utf-8")
        for file in source.rglob("*"):
            if file.is_file():
                _sync(file)
        # A state of the same step exists after a resume that saved at once; the new one is as good.
        shutil.rmtree(target, ignore_errors=True)
        source.rename(target)
        _sync(self._dir)
        self._prune()
        return target.relative_to(self._workspace).as_posix()

    def _prune(self) -> None:
        found = [entry for entry in self._dir.iterdir() if _STEP.fullmatch(entry.name)]
        found.sort(key=lambda entry: int(entry.name[len("step-") :]))
        for old in found[: -self._keep]:
            # Renamed first: a half-removed folder must not look like a state.
            doomed = old.with_name(f".{old.name}.removed")
            old.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)


def read_state(path: Path) -> dict[str, Any]:
    """`state.json` of a state: `step`, `epoch`, and what its driver added."""
    facts: dict[str, Any] = json.loads((path / "state.json").read_text(encoding="utf-8"))
    return facts


def link_or_copy(source: Path, target: Path) -> None:
    """The same content under another name, without the space where the disk allows it. Replaces the target whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    partial.replace(target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
