"""For several processes of kohya on a CPU, where this folder is on PYTHONPATH.

accelerate leaves frozen models alone on GPUs, and wraps them too on CPUs, which torch refuses (accelerate:
accelerator.py, `prepare_model`).
"""

from __future__ import annotations

import os
from typing import Any

if "RANK" in os.environ:
    from accelerate import Accelerator

    prepare_model = Accelerator.prepare_model

    def prepare_trained(self: Any, model: Any, *arguments: Any, **named: Any) -> Any:
        if not any(weight.requires_grad for weight in model.parameters()):
            named["evaluation_mode"] = True
        return prepare_model(self, model, *arguments, **named)

    Accelerator.prepare_model = prepare_trained
