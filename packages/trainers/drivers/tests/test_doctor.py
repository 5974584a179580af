from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVERS = Path(__file__).parent.parent

#: In place of torch on a host with two GPUs, where `FAULT` is what the second answers.
TORCH = """
import os
from types import SimpleNamespace

__version__ = "2.9.1"
version = SimpleNamespace(cuda="12.8")
cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 2)

class Tensor:
    def __matmul__(self, other): return self
    def sum(self): return self
    def item(self): return 64.0 ** 3

def ones(*size, device):
    if device == "cuda:1" and os.environ.get("FAULT"):
        raise RuntimeError(os.environ["FAULT"])
    return Tensor()
"""

BITSANDBYTES = """
def dequantize_blockwise(quantized, state): return quantized
def quantize_blockwise(tensor): raise RuntimeError("Error named symbol not found at line 90 in file ops.cu")
"""


def write(folder: Path, module: str, text: str = "") -> None:
    *packages, name = module.split(".")
    for package in packages:
        folder = folder / package
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


def examine(folder: Path, **environment: str) -> dict[str, Any]:
    write(folder, "torch", TORCH)
    write(folder, "trl.scripts.sft")
    done = subprocess.run(
        [sys.executable, str(DRIVERS), "trl", "--doctor"],
        env={**os.environ, "PYTHONPATH": str(folder), "CUDA_VISIBLE_DEVICES": "2,5", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_should_find_nothing_wrong_with_gpus_that_compute(tmp_path: Path) -> None:
    found = examine(tmp_path)
    assert (found["canStart"], found["cuda"], found["gpus"], found["bitsandbytes"]) == (True, "12.8", 2, False)


def test_should_name_the_gpu_that_does_not_compute(tmp_path: Path) -> None:
    found = examine(tmp_path, FAULT="CUDA error: no kernel image is available for execution on the device")
    assert not found["canStart"]
    assert found["problem"] == (
        "GPU 5 does not compute: CUDA error: no kernel image is available for execution on the device"
    )


@pytest.mark.parametrize(
    "fault",
    [
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: CUDA-capable device(s) is/are busy or unavailable",
    ],
)
def test_should_find_nothing_wrong_with_a_gpu_that_jobs_have_taken(tmp_path: Path, fault: str) -> None:
    assert examine(tmp_path, FAULT=fault)["canStart"]


def test_should_find_out_where_eight_bits_do_not_work(tmp_path: Path) -> None:
    write(tmp_path, "bitsandbytes.functional", BITSANDBYTES)
    found = examine(tmp_path)
    assert found["problem"] == (
        "bitsandbytes does not work on GPU 2: Error named symbol not found at line 90 in file ops.cu"
    )
