"""U-Nets of other widths than Stable Diffusion 1.5's.

kohya builds the U-Net of a diffusers folder from constants (kohya sd-scripts: library/original_unet.py) and never reads
the folder's own widths, so such a model cannot be loaded unless the constants are those of the model.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

USUAL = (320, 640, 1280, 1280)

_MODEL = re.compile(r'^pretrained_model_name_or_path = (".*")$', re.MULTILINE)


def narrow_widths(job_file: Path) -> tuple[int, ...] | None:
    """Widths of the base model's U-Net, if it is a diffusers folder and they are not the usual ones."""
    found = _MODEL.search(job_file.read_text(encoding="utf-8"))
    if not found:
        return None
    config_file = Path(json.loads(found.group(1))) / "unet" / "config.json"
    if not config_file.is_file():
        return None
    widths = tuple(json.loads(config_file.read_text(encoding="utf-8")).get("block_out_channels", ()))
    # Three widths are SDXL's, which has a module of its own.
    return widths if len(widths) == len(USUAL) and widths != USUAL else None
