"""A Llama folder with some 40 thousand random weights and a tokenizer of its own: enough for the real TRL to run for
real on a CPU, and good for nothing else.

    python -m influencerai_drivers.tiny_models.text FOLDER

makes `FOLDER/model` and `FOLDER/data/train.jsonl`. Every call makes the same files.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

VOCABULARY = 400
SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
CHAT_TEMPLATE = "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}</s>{% endfor %}"
SUBJECTS = ("the harbour", "a red coat", "my sister", "the last train", "an old song", "the market", "her camera")
VERBS = ("waits for", "smiles at", "remembers", "paints", "leaves", "finds")


def build_all(folder: Path, *, rows: int = 64, seed: int = 7) -> None:
    """Makes the model and rows of text below a folder."""
    build_model(folder / "model", seed=seed)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"text": text}) for text in sentences(rows)]
    (folder / "data" / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def sentences(count: int) -> list[str]:
    """Plain sentences of words that come again."""
    pairs = [(subject, verb, other) for subject in SUBJECTS for verb in VERBS for other in SUBJECTS if other != subject]
    return [" ".join(pairs[index * 5 % len(pairs)]) + "." for index in range(count)]


def build_model(folder: Path, *, seed: int = 7) -> None:
    """The model and its tokenizer as `save_pretrained` writes them, in float32."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(SPECIAL.values()), initial_alphabet=sorted(alphabet)
    )
    tokenizer.train_from_iterator(sentences(200), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=256, **SPECIAL)
    fast.chat_template = CHAT_TEMPLATE
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        pad_token_id=fast.pad_token_id,
        bos_token_id=fast.bos_token_id,
        eos_token_id=fast.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    fast.save_pretrained(folder)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--rows", type=int, default=64)
    options = arguments.parse_args()
    build_all(options.folder, rows=options.rows)
