"""The rows of `train.jsonl` as TRL gets them: strings stay strings.

The JSON reader of `datasets` guesses types, so that a column of dates would reach TRL as timestamps, without any text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_rows(file: str) -> Iterator[dict[str, Any]]:
    """The rows, one a line. Only `\\n` ends a line: text may hold other separators."""
    with Path(file).open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield json.loads(line)


def feature_names(row: dict[str, Any]) -> list[str]:
    """Columns of the kind of rows that this one is (trl: docs/source/dataset_formats.md)."""
    for names in (["messages"], ["prompt", "completion"], ["text"]):
        if all(name in row for name in names):
            return names
    raise ValueError("The rows have nothing that TRL learns from: no text, no prompt and completion, no messages.")


def load(mixture: Any) -> Any:
    """Stands in for TRL's `get_dataset`."""
    from datasets import Dataset, DatasetDict, Features, Value

    (source,) = mixture.datasets
    file = source.data_files
    types = {name: Value("string") for name in feature_names(next(read_rows(file)))}
    if "messages" in types:
        types = {"messages": [{"role": Value("string"), "content": Value("string")}]}
    rows = Dataset.from_generator(read_rows, features=Features(types), gen_kwargs={"file": file})
    return DatasetDict({source.split: rows})
