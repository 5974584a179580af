"""Lists the keys that ai-toolkit's configuration classes read, from a checkout, since it ignores unknown ones silently.

    python extract_options.py CHECKOUT > ../options.generated.ts

Read by syntax tree from `kwargs.get('…')` in toolkit/config_modules.py and from `get_conf('…')` of the training process.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

SECTIONS = {
    "network": "NetworkConfig",
    "save": "SaveConfig",
    "datasets": "DatasetConfig",
    "train": "TrainConfig",
    "model": "ModelConfig",
    "logging": "LoggingConfig",
    "sample": "SampleConfig",
    "samples": "SampleItem",
}
PROCESS_FILES = (
    "jobs/process/BaseProcess.py",
    "jobs/process/BaseTrainProcess.py",
    "jobs/process/BaseSDTrainProcess.py",
)


def keys_of_calls(tree: ast.AST, receiver: str, method: str) -> set[str]:
    """First arguments of `receiver.method('…')`."""
    found = set()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method):
            continue
        owner, first = node.func.value, node.args[0] if node.args else None
        if isinstance(owner, ast.Name) and owner.id == receiver and isinstance(first, ast.Constant):
            found.add(str(first.value))
    return found


def extract(checkout: Path) -> dict[str, list[str]]:
    """Keys by section of the configuration."""
    classes = {
        node.name: node
        for node in ast.parse((checkout / "toolkit/config_modules.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    process: set[str] = {"type"}
    for file in PROCESS_FILES:
        process |= keys_of_calls(ast.parse((checkout / file).read_text(encoding="utf-8")), "self", "get_conf")
    sections = {name: keys_of_calls(classes[class_name], "kwargs", "get") for name, class_name in SECTIONS.items()}
    return {name: sorted(keys) for name, keys in {"process": process, **sections}.items()}


if __name__ == "__main__":
    print(f"export const options = {json.dumps(extract(Path(sys.argv[1])), indent=2)} as const;")
