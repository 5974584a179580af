from __future__ import annotations

import itertools
import threading
from types import SimpleNamespace

import pytest

from influencerai_drivers.kohya_hashes import ModelHashes


def test_a_model_is_hashed_beside_the_training_and_its_hash_there_when_it_is_saved() -> None:
    may_end = threading.Event()

    def calculate(file: str) -> str:
        may_end.wait()
        return f"sha256({file})"

    train_util = SimpleNamespace(calculate_sha256=calculate)
    hashes = ModelHashes(train_util)
    # Would hang if it were computed here.
    metadata = {"ss_new_sd_model_hash": str(train_util.calculate_sha256("/models/a")), "ss_steps": "8"}
    may_end.set()
    assert hashes.settle(metadata) == {"ss_new_sd_model_hash": "sha256(/models/a)", "ss_steps": "8"}
    assert hashes.settle(metadata) == hashes.settle(metadata)


def test_a_file_that_cannot_be_read_is_not_passed_over() -> None:
    def calculate(_file: str) -> str:
        raise OSError("Input/output error")

    train_util = SimpleNamespace(calculate_sha256=calculate)
    hashes = ModelHashes(train_util)
    metadata = {"ss_new_vae_hash": train_util.calculate_sha256("/models/vae")}
    with pytest.raises(OSError, match="Input/output error"):
        hashes.settle(metadata)


def test_a_process_that_saves_nothing_reads_no_model() -> None:
    read: list[str] = []
    train_util = SimpleNamespace(calculate_sha256=read.append)
    ModelHashes(train_util, is_saving=False)
    assert train_util.calculate_sha256("/models/a") == "hash of /models/a"
    assert read == []


@pytest.mark.parametrize("looks", [1, 2])
def test_a_save_that_is_or_becomes_urgent_waits_for_no_hash(looks: int) -> None:
    may_end = threading.Event()
    hashed = threading.Event()

    def calculate(file: str) -> str:
        if file == "/models/large":
            may_end.wait()
        else:
            hashed.set()
        return f"sha256({file})"

    train_util = SimpleNamespace(calculate_sha256=calculate)
    hashes = ModelHashes(train_util)
    metadata = {
        "ss_new_vae_hash": str(train_util.calculate_sha256("/models/small")),
        "ss_new_sd_model_hash": str(train_util.calculate_sha256("/models/large")),
        "ss_steps": "8",
    }
    hashed.wait()
    before = itertools.count(1)
    try:
        known = hashes.settle(metadata, is_urgent=lambda: next(before) >= looks)
    finally:
        # Else the thread that hashes would outlive a test that fails.
        may_end.set()
    assert known == {"ss_new_vae_hash": "sha256(/models/small)", "ss_steps": "8"}
    assert hashes.settle(metadata)["ss_new_sd_model_hash"] == "sha256(/models/large)"
