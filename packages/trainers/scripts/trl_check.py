"""Checks the planner's files against an installed TRL, with the argument parser of its own script.

    <venv>/bin/python packages/trainers/scripts/trl_check.py packages/trainers/src/trl/golden

Prints one JSON object a file, `{"case": …, "problems": […]}`; exits with 1 when there is a problem.
"""

from __future__ import annotations

import argparse
import dataclasses
import enum
import json
import os
import sys
from pathlib import Path
from typing import Any

#: What TRL makes objects of; whether they are taken is seen by the parser.
MADE_OBJECTS = ("datasets", "report_to")
#: Types of options by the name of what reads them from a command line. Others take several.
KINDS: dict[str, tuple[type, ...]] = {"string_to_bool": (bool,), "int": (int,), "float": (int, float)}


def check(file: Path) -> list[str]:
    import torch
    from trl.scripts import sft

    given = json.loads(file.read_text(encoding="utf-8"))["sft"]
    # The parser looks for a GPU that can do what is asked for; a host without one checks the rest.
    given = {**given, "use_cpu": given["use_cpu"] or not torch.cuda.is_available()}
    parser = sft.make_parser()
    try:
        # As the driver calls it: unknown names are refused.
        parsed = parser.parse_dict(given)
    except Exception as error:  # noqa: BLE001 (whatever TRL says against it is the finding)
        return [f"{type(error).__name__}: {error}"]
    return [
        *(problem for key, value in given.items() for problem in option_problems(key, value, parser)),
        *(problem for key, value in given.items() for problem in arrival_problems(key, value, parsed)),
    ]


def option_problems(key: str, value: Any, parser: argparse.ArgumentParser) -> list[str]:
    """The command line would refuse these; a dictionary is taken as it is."""
    # argparse has no public list of what it knows.
    action = next((action for action in parser._actions if action.dest == key), None)
    if action is None:
        return []
    if action.choices is not None and value not in action.choices:
        return [f"{key} cannot be {value}"]
    kinds = KINDS.get(getattr(action.type, "__name__", ""), (object,))
    items = value if isinstance(value, list) else [value]
    return [f"{key} is a {type(item).__name__}" for item in items if not is_of(item, kinds)]


def is_of(value: Any, kinds: tuple[type, ...]) -> bool:
    # In Python True is an int.
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds or object in kinds)


def arrival_problems(key: str, value: Any, parsed: tuple[Any, ...]) -> list[str]:
    """TRL keeps what it is given as it is; a value of another type or meaning would show in the training only."""
    if key in MADE_OBJECTS:
        return []
    for arguments in parsed:
        if key in {field.name for field in dataclasses.fields(arguments)}:
            arrived = getattr(arguments, key)
            plain = arrived.value if isinstance(arrived, enum.Enum) else arrived
            # TRL makes a pattern of a list of one module, which `all-linear` is meant to be.
            same = [plain] == value or (plain == value and type(plain) in kinds_of(value))
            return [] if same else [f"{key} became {plain!r}"]
    return [f"TRL has no option {key}"]


def kinds_of(value: Any) -> tuple[type, ...]:
    """Types that stand for the same: JSON knows no difference between 1 and 1.0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return (type(value),)
    return (int, float)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golden", type=Path)
    golden = parser.parse_args().golden
    # Neither a model nor a GPU is needed to read arguments.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    faults = 0
    for file in sorted(golden.glob("*.json")):
        problems = check(file)
        faults += len(problems)
        print(json.dumps({"case": file.stem, "problems": problems}), flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
