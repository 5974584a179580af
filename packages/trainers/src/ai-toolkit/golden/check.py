"""Reads the golden files with the configuration classes of an installed ai-toolkit.

    python check.py CHECKOUT

Fails when a class refuses a section, or when a key of ours is not read: those are ignored silently otherwise. Prints one
JSON object a file, `{"case": …, "problems": […]}`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from extract_options import SECTIONS, extract


def problems(process: dict[str, Any], known: dict[str, list[str]], modules: Any) -> list[str]:
    """What the trainer would not read of one configuration."""
    found = [f"process.{key}" for key in process if key not in known["process"]]
    for name, class_name in SECTIONS.items():
        for section in sections_of(process, name):
            found += [f"{name}.{key}" for key in section if key not in known[name]]
            if name != "samples":
                getattr(modules, class_name)(**section)
    return found


def sections_of(process: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The sections of a name; a list of resolutions becomes a data set each, as the trainer does it."""
    if name == "samples":
        return list(process["sample"]["samples"])
    if name == "datasets":
        return [{**data, "resolution": side} for data in process["datasets"] for side in data["resolution"]]
    return [dict(process[name])]


def check(file: Path, known: dict[str, list[str]], modules: Any, get_config: Any) -> list[str]:
    """What the trainer has against one file, or would leave out of it."""
    try:
        process = get_config(json.loads(file.read_text(encoding="utf-8"))["job"])["config"]["process"][0]
        found = problems(process, known, modules)
        modules.validate_configs(
            modules.TrainConfig(**process["train"]),
            modules.ModelConfig(**process["model"]),
            modules.SaveConfig(**process["save"]),
            [modules.DatasetConfig(**section) for section in sections_of(process, "datasets")],
        )
    except Exception as error:  # noqa: BLE001 - whatever it says against the file is the finding
        return [f"{type(error).__name__}: {error}"]
    return found


def main(checkout: Path) -> int:
    sys.path.insert(0, str(checkout))
    from toolkit import config_modules
    from toolkit.config import get_config

    known = extract(checkout)
    failures = 0
    for file in sorted(Path(__file__).parent.glob("*.json")):
        found = check(file, known, config_modules, get_config)
        failures += len(found)
        print(json.dumps({"case": file.stem, "problems": found}), flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
