"""The files of a trained model as they are published: named, with the job in the header, without paths of the host."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

ADAPTER = "adapter_model.safetensors"
MODEL = "model.safetensors"
#: Pickles and model cards that TRL writes beside the weights. Nothing needs them to load the model.
_PRIVATE = frozenset({"training_args.bin", "README.md"})
#: What belongs to a resume and not to the model.
_STATE = frozenset({"optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "trainer_state.json", "state.json"})


def weights_of(folder: Path) -> list[Path]:
    """The weights in a folder that TRL saved: an adapter, a model, or a model in several files, the first one first."""
    for name in (ADAPTER, MODEL):
        if (folder / name).is_file():
            return [folder / name]
    return sorted(folder.glob("model-*-of-*.safetensors"))


def write_with_metadata(source: Path, target: Path, metadata: dict[str, str]) -> None:
    """Copies a `.safetensors` file with entries added to its header. The target appears whole.

    The format: 8 bytes that tell the header's length, the header in JSON, the numbers.
    """
    partial = target.with_name(f".{target.name}.partial")
    with source.open("rb") as old, partial.open("wb") as new:
        (length,) = struct.unpack("<Q", old.read(8))
        header = json.loads(old.read(length))
        header["__metadata__"] = {**header.get("__metadata__", {}), **metadata}
        encoded = json.dumps(header, ensure_ascii=False).encode("utf-8")
        encoded += b" " * (-len(encoded) % 8)
        new.write(struct.pack("<Q", len(encoded)) + encoded)
        shutil.copyfileobj(old, new, 1 << 20)
    partial.replace(target)


def write_adapter_config(source: Path, target: Path, base: str) -> None:
    """Copies `adapter_config.json` with the base under the name that the tenant knows it by."""
    config = json.loads((source / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base
    target.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def publish_final(run_dir: Path, final_dir: Path, *, base: str, metadata: dict[str, str]) -> tuple[Path, list[Path]]:
    """Makes the folder of the finished model, which PEFT, transformers and vLLM load as it is.

    Returns the weights and the files that belong to them. The folder appears whole.
    """
    partial = final_dir.with_name(f".{final_dir.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    weights = weights_of(run_dir)
    if not weights:
        raise FileNotFoundError(f"TRL left no weights in {run_dir}.")
    for file in sorted(run_dir.iterdir()):
        if not file.is_file() or file.name in _PRIVATE | _STATE:
            continue
        if file == weights[0]:
            write_with_metadata(file, partial / file.name, metadata)
        elif file.name == "adapter_config.json":
            write_adapter_config(run_dir, partial / file.name, base)
        else:
            shutil.move(file, partial / file.name)
    shutil.rmtree(final_dir, ignore_errors=True)
    partial.rename(final_dir)
    main = final_dir / weights[0].name
    return main, sorted(file for file in final_dir.iterdir() if file != main)
