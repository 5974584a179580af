"""Reads the golden files with the configuration classes of an installed ai-toolkit.

    python check.py CHECKOUT

Fails when a class refuses a section, or when a key of ours is not read: those are ignored silently otherwise.
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


def main(checkout: Path) -> int:
    """Prints what is wrong, one line each."""
    sys.path.insert(0, str(checkout))
    from toolkit import config_modules
    from toolkit.config import get_config

    known = extract(checkout)
    failures = 0
    for file in sorted(Path(__file__).parent.glob("*.json")):
        config = get_config(json.loads(file.read_text(encoding="utf-8"))["job"])
        process = config["config"]["process"][0]
        found = problems(process, known, config_modules)
        config_modules.validate_configs(
            config_modules.TrainConfig(**process["train"]),
            config_modules.ModelConfig(**process["model"]),
            config_modules.SaveConfig(**process["save"]),
            [config_modules.DatasetConfig(**section) for section in sections_of(process, "datasets")],
        )
        failures += len(found)
        print(f"{file.name}: {', '.join(found) or 'ok'}")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
