"""Loads finished weights with the libraries that trained them: `python load_weights.py <folder>`.

Prints {"errors": [...]}. Ends with 3, and the reason on standard error, where the libraries do not start.
"""

import json
import sys
from pathlib import Path

UNUSABLE = 3


def main(folder: Path) -> int:
    try:
        import torch
        from peft import PeftConfig
        from safetensors import safe_open
    except Exception as error:  # noqa: BLE001 (whatever keeps them from starting)
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return UNUSABLE

    errors = []
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(str(file), framework="pt") as weights:
                for name in weights.keys():  # noqa: SIM118 (it cannot be iterated itself)
                    tensor = weights.get_tensor(name)
                    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                        errors.append(f"{file.name}: {name} holds numbers that are not finite.")
        except Exception as error:  # noqa: BLE001 (whatever is wrong with the file is the answer)
            errors.append(f"{file.name}: {error}")
    if (folder / "adapter_config.json").exists():
        try:
            PeftConfig.from_pretrained(str(folder))
        except Exception as error:  # noqa: BLE001 (as above)
            errors.append(f"adapter_config.json: {error}")
    print(json.dumps({"errors": errors}))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
