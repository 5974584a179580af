"""Whether a trainer can start here: imports what its driver imports, and tells what the environment can do.

    python <drivers> <trainer> --home <checkout> --doctor

prints one JSON object.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

#: Modules whose import is most of a trainer's start, and where most broken environments fail.
MODULES = {
    "kohya": ("train_network", "sdxl_train_network", "flux_train_network"),
    "ai-toolkit": ("toolkit.job", "extensions_built_in.sd_trainer", "jobs"),
    "trl": ("trl.scripts.sft",),
}


def examine(trainer: str, home: Path | None) -> dict[str, Any]:
    """`canStart`, and `problem` where it cannot; `cuda` is what torch can use, not what the host has."""
    facts: dict[str, Any] = {"python": platform.python_version(), "canStart": False}
    try:
        if home and home.is_dir():
            os.chdir(home)
            sys.path.insert(0, str(home))
        torch = importlib.import_module("torch")
        facts["torch"] = torch.__version__
        facts["cuda"] = torch.version.cuda if torch.cuda.is_available() else None
        facts["gpus"] = torch.cuda.device_count()
        facts["bitsandbytes"] = importlib.util.find_spec("bitsandbytes") is not None
        for module in MODULES[trainer]:
            importlib.import_module(module)
        facts["canStart"] = True
    except BaseException as error:  # noqa: BLE001 (whatever keeps it from starting is the answer)
        facts["problem"] = f"{type(error).__name__}: {error}"[:500]
    return facts


def print_examination(trainer: str, home: Path | None) -> None:
    """Imports print warnings of their own; the answer has standard output to itself."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    json.dump(examine(trainer, home), answer)
    answer.write("\n")
    answer.flush()
