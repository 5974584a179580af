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
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

#: Modules whose import is most of a trainer's start, and where most broken environments fail.
MODULES = {
    "kohya": ("train_network", "sdxl_train_network", "flux_train_network"),
    "ai-toolkit": ("toolkit.job", "extensions_built_in.sd_trainer", "jobs"),
    "trl": ("trl.scripts.sft",),
}

#: What a GPU says that works and has nothing left: torch, cuBLAS, and one that is set to serve a single process.
_TAKEN = re.compile(r"out of memory|CUBLAS_STATUS_ALLOC_FAILED|busy or unavailable", re.IGNORECASE)


def examine(trainer: str, home: Path | None) -> dict[str, Any]:
    """`canStart`, and `problem` where it cannot; `cuda` and `gpus` are what torch can use, not what the host has."""
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
        if facts["cuda"]:
            compute(torch, has_bitsandbytes=facts["bitsandbytes"])
        facts["canStart"] = True
    except DoesNotCompute as error:
        facts["problem"] = str(error)
    except BaseException as error:  # noqa: BLE001 (whatever keeps it from starting is the answer)
        facts["problem"] = f"{type(error).__name__}: {error}"[:500]
    return facts


class DoesNotCompute(Exception):
    """The message names the GPU and what it said."""


def compute(torch: Any, *, has_bitsandbytes: bool) -> None:
    """Has each GPU multiply: one that is broken, or that torch has no code for, is listed all the same."""
    # What the host calls them; a container counts its own from 0.
    names = (os.environ.get("INFLUENCERAI_GPUS") or os.environ.get("CUDA_VISIBLE_DEVICES", "")).split(",")
    for index in range(torch.cuda.device_count()):
        name = names[index] if index < len(names) and names[index] else str(index)
        ones = _ask(f"GPU {name} does not compute", partial(_multiplied, torch, f"cuda:{index}"))
        if ones is not None and has_bitsandbytes:
            _ask(f"bitsandbytes does not work on GPU {name}", partial(_in_eight_bits, ones))


def _multiplied(torch: Any, device: str) -> Any:
    ones = torch.ones(64, 64, device=device)
    if (total := (ones @ ones).sum().item()) != 64**3:
        raise ArithmeticError(f"the sum of its products is {total}, not {64**3}")
    return ones


def _in_eight_bits(ones: Any) -> None:
    functional = importlib.import_module("bitsandbytes.functional")
    total = functional.dequantize_blockwise(*functional.quantize_blockwise(ones)).sum().item()
    if abs(total - 64**2) > 64:
        raise ArithmeticError(f"the sum of its numbers is {total}, not {64**2}")


def _ask(what: str, question: Callable[[], Any]) -> Any:
    """The answer, or None of a GPU that running jobs have filled, or have to themselves."""
    try:
        return question()
    except Exception as error:
        if _TAKEN.search(str(error)):
            return None
        raise DoesNotCompute(f"{what}: {(str(error).strip() or repr(error)).splitlines()[0]}"[:500]) from error


def print_examination(trainer: str, home: Path | None) -> None:
    """Imports print warnings of their own; the answer has standard output to itself."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    json.dump(examine(trainer, home), answer)
    answer.write("\n")
    answer.flush()
