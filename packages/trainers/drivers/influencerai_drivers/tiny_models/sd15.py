"""A diffusers folder with the shape of Stable Diffusion 1.5 and a few million random weights, a tokenizer cache and
pictures of noise: enough for real trainers to run for real on a CPU, and good for nothing else.

    python -m influencerai_drivers.tiny_models.sd15 FOLDER

makes `FOLDER/model`, `FOLDER/tokenizers` and `FOLDER/images`. The recipe: kohya's U-Net has constant widths, which
our driver sets to those of the model (`kohya_widths.py`).
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

WIDTHS = (32, 32, 64, 64)
TEXT_WIDTH = 32
TOKENIZER_ID = "openai/clip-vit-large-patch14"
CAPTION_WORDS = ("smiling", "waving", "asleep", "outdoors", "in a red coat", "side view")


def build_all(folder: Path, *, images: int = 8, size: int = 96, seed: int = 7) -> None:
    """Makes the model, the tokenizer cache and the pictures below a folder."""
    build_model(folder / "model", seed=seed)
    build_tokenizer_cache(folder / "tokenizers")
    build_images(folder / "images", count=images, sizes=[(size, size)], seed=seed)


def build_model(folder: Path, *, seed: int = 7) -> None:
    """The pipeline as `StableDiffusionPipeline.save_pretrained` writes it, in float32."""
    import torch
    from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(seed)
    tokenizer_dir = folder / "tokenizer"
    vocabulary = _write_tokenizer(tokenizer_dir)
    text_config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=vocabulary["<|startoftext|>"],
        eos_token_id=vocabulary["<|endoftext|>"],
        pad_token_id=vocabulary["<|endoftext|>"],
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        layers_per_block=2,
        block_out_channels=WIDTHS,
        attention_head_dim=8,
        cross_attention_dim=TEXT_WIDTH,
    )
    # Four blocks halve three times: the factor of 8 between pixels and latents that trainers take for granted.
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(32,) * 4,
        layers_per_block=1,
        latent_channels=4,
        sample_size=64,
    )
    scheduler = DDPMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        steps_offset=1,
    )
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text_config),
        tokenizer=CLIPTokenizer.from_pretrained(str(tokenizer_dir)),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(str(folder), safe_serialization=True)


def build_tokenizer_cache(folder: Path) -> None:
    """Value for kohya's `tokenizer_cache_dir`: a folder named by the hub id with `/` written `_`."""
    _write_tokenizer(folder / TOKENIZER_ID.replace("/", "_"))


def build_images(
    folder: Path, *, count: int = 8, sizes: list[tuple[int, int]] | None = None, seed: int = 7, captions: bool = True
) -> None:
    """Pictures of random noise with captions beside them; sizes are taken in turn."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(seed)
    for index in range(count):
        width, height = (sizes or [(96, 96)])[index % len(sizes or [(96, 96)])]
        picture = Image.frombytes("RGB", (width, height), source.randbytes(3 * width * height))
        picture.save(folder / f"{index:04d}.png")
        if captions:
            words = CAPTION_WORDS[index % len(CAPTION_WORDS)]
            (folder / f"{index:04d}.txt").write_text(f"ohwx person, {words}\n", encoding="utf-8")


def _write_tokenizer(folder: Path) -> dict[str, int]:
    """A CLIP tokenizer that knows single bytes only."""
    folder.mkdir(parents=True, exist_ok=True)
    symbols = list(_byte_symbols())
    words = [*symbols, *(f"{symbol}</w>" for symbol in symbols), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: index for index, word in enumerate(words)}
    special = {
        "bos_token": "<|startoftext|>",
        **dict.fromkeys(("eos_token", "pad_token", "unk_token"), "<|endoftext|>"),
    }
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, **special}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "special_tokens_map.json").write_text(json.dumps(special), encoding="utf-8")
    return vocabulary


def _byte_symbols() -> list[str]:
    """The printable stand-ins for the 256 bytes, in the order of the byte-level BPE of GPT-2 and CLIP."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--images", type=int, default=8)
    arguments.add_argument("--size", type=int, default=96)
    options = arguments.parse_args()
    build_all(options.folder, images=options.images, size=options.size)
