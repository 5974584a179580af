"""Checks the planner's files against an installed kohya (kohya-ss/sd-scripts), with kohya's own parsers.

    <venv>/bin/python packages/trainers/scripts/kohya_check.py --home <checkout> options > src/kohya/options.generated.json
    <venv>/bin/python packages/trainers/scripts/kohya_check.py --home <checkout> golden packages/trainers/src/kohya/golden
    <venv>/bin/python packages/trainers/scripts/kohya_check.py --home <checkout> buckets packages/trainers/src/kohya/buckets.cases.json

`options` prints the names that each script's parser knows. `golden` reads every golden job file as the script would, and
its dataset file through the sanitizer that the script uses. `buckets` sorts pictures of the given sizes as kohya does and
compares the number of batches with the file's. Both print one JSON object a case, `{"case": …, "problems": […]}`, and exit
with 1 when there is a problem.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

SCRIPTS = (
    "train_network",
    "sdxl_train_network",
    "sd3_train_network",
    "flux_train_network",
    "lumina_train_network",
    "hunyuan_image_train_network",
    "anima_train_network",
    "train_db",
    "fine_tune",
    "sdxl_train",
)

#: Which kinds of subsets a script takes: DreamBooth, fine-tuning, ControlNet, caption dropout (its `train`).
SANITIZERS = {"train_db": (True, False, False, True), "fine_tune": (False, True, False, True)}
DEFAULT_SANITIZER = (True, True, False, True)


def parser_of(script: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = importlib.import_module(script).setup_parser()
    return parser


def known_options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    # argparse has no public list of what it knows.
    return {action.dest: action for action in parser._actions if action.dest != "help"}


def print_options() -> int:
    print(json.dumps({script: sorted(known_options(parser_of(script))) for script in SCRIPTS}, indent=1))
    return 0


def check_golden(folder: Path) -> int:
    faults = 0
    for case in sorted(path for path in folder.iterdir() if path.is_dir()):
        problems = [*check_job(case), *check_dataset(case)]
        faults += len(problems)
        print_case(case.name, problems)
    return 1 if faults else 0


def print_case(name: str, problems: list[str]) -> None:
    print(json.dumps({"case": name, "problems": problems}), flush=True)


def read_job(case: Path) -> tuple[str, argparse.Namespace, dict[str, Any]]:
    train_util = importlib.import_module("library.train_util")
    script = json.loads((case / "driver.json").read_text(encoding="utf-8"))["script"]
    parser = parser_of(script)
    sys.argv = [f"{script}.py", "--config_file", str(case / "job.toml")]
    arguments = train_util.read_config_from_file(parser.parse_args(), parser)
    toml = importlib.import_module("toml")
    return script, arguments, toml.loads((case / "job.toml").read_text(encoding="utf-8"))


def check_job(case: Path) -> list[str]:
    script, arguments, given = read_job(case)
    known = known_options(parser_of(script))
    problems = [f"{script} has no option {key}" for key in given if key not in known]
    problems += [f"{key} did not arrive" for key, value in given.items() if getattr(arguments, key, None) != value]
    for key, value in given.items():
        action = known.get(key)
        if action is not None:
            problems += type_problems(key, value, action)
    try:
        importlib.import_module("library.train_util").verify_training_args(arguments)
    except (ValueError, AssertionError) as error:
        problems.append(str(error))
    return problems


def type_problems(key: str, value: Any, action: argparse.Action) -> list[str]:
    """kohya takes over what the file says; it must be of the type that the command line would make of it."""
    if isinstance(action, (argparse._StoreTrueAction, argparse._StoreFalseAction)):
        return [] if isinstance(value, bool) else [f"{key} is no truth value"]
    if action.nargs in ("*", "+"):
        if not isinstance(value, list):
            return [f"{key} is no list"]
        return [problem for item in value for problem in item_problems(key, item, action)]
    return item_problems(key, value, action)


def item_problems(key: str, value: Any, action: argparse.Action) -> list[str]:
    kinds = {int: (int,), float: (int, float), str: (str,), None: (str,), Path: (str,)}
    # Functions such as `int_or_float` take several kinds.
    kind = kinds.get(action.type, (int, float, str))  # type: ignore[arg-type]
    if isinstance(value, bool) or not isinstance(value, kind):
        return [f"{key} is a {type(value).__name__}"]
    if action.choices is not None and value not in action.choices:
        return [f"{key} cannot be {value}"]
    return []


def check_dataset(case: Path) -> list[str]:
    config_util = importlib.import_module("library.config_util")
    script, arguments, _ = read_job(case)
    sanitizer = config_util.ConfigSanitizer(*SANITIZERS.get(script, DEFAULT_SANITIZER))
    config = json.loads((case / "dataset.json").read_text(encoding="utf-8"))
    try:
        blueprint = config_util.BlueprintGenerator(sanitizer).generate(config, arguments)
    except Exception as error:  # noqa: BLE001 - whatever kohya says against it is the finding
        return [f"{type(error).__name__}: {error}"]
    dataset = config["datasets"][0]
    params = blueprint.dataset_group.datasets[0].params
    arrived = {key: getattr(params, key) for key in dataset if key not in ("subsets", "resolution")}
    return [f"{key} became {value}" for key, value in arrived.items() if value != dataset[key]]


def check_buckets(file: Path) -> int:
    manager_class = importlib.import_module("library.train_util").BucketManager
    cases = json.loads(file.read_text(encoding="utf-8"))
    made = [kohya_batches(manager_class, case) for case in cases]
    problems = [
        f"kohya makes {batches} batches of {case}"
        for case, batches in zip(cases, made, strict=True)
        if batches != case["batches"]
    ]
    print_case(file.name, problems)
    return 1 if problems else 0


def kohya_batches(manager_class: Any, case: dict[str, Any]) -> int:
    """What `BaseDataset.make_buckets` does."""
    side, step = case["resolution"], case["step"]
    manager = manager_class(False, (side, side), case["min"], case["max"], step)
    manager.make_buckets()
    for width, height in case["sizes"]:
        reso, _, _ = manager.select_bucket(width, height)
        for _ in range(case["repeats"]):
            manager.add_image(reso, "x")
    return sum(-(-len(bucket) // case["batchSize"]) for bucket in manager.buckets)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("what", choices=["options", "golden", "buckets"])
    parser.add_argument("path", type=Path, nargs="?")
    options = parser.parse_args()
    sys.path.insert(0, str(options.home))
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    if options.what == "options":
        return print_options()
    if options.path is None:
        parser.error("A path is needed.")
    return check_golden(options.path.resolve()) if options.what == "golden" else check_buckets(options.path)


if __name__ == "__main__":
    sys.exit(main())
