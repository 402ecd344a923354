"""Checkpoints of the published sizes with random weights: whole folders in the hub's layout, on machines without a hub.

Their tokenizers know a few words, so that a caption of N words is N tokens; vocabularies have the published size.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.training.published import FLORENCE_2_BASE, GIT_BASE
from core.vlm.loading import quiet
from core.vlm.prompts import CLUB_PROMPT

__all__ = ["EVENT", "LABELS", "caption", "smaller", "write_checkpoint", "write_clip"]

EVENT, LABELS = "Freshers Night", ("stage", "audience")
WORDS = (  # noqa: SIM905
    "a an the of on in at under with and stage singer band crowd red blue lights photo group people food night field "
    "speaker audience award portrait outdoors day big small happy green golden evening hall campus trees friends smile"
).split()
_LETTERS = [chr(code) for code in range(33, 127)]
_PROMPT_WORDS = sorted(set(re.findall(r"[A-Za-z]+", CLUB_PROMPT.fill(EVENT, LABELS))))
_SMALL: dict[str, dict[str, Any]] = {
    "git": {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4,
        "vision_config": {
            "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4,
            "image_size": 64,
        },
    },
    "florence2": {
        "text_config": {
            "d_model": 64, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4,
            "decoder_attention_heads": 4, "encoder_ffn_dim": 128, "decoder_ffn_dim": 128,
        },
        "vision_config": {
            "depths": [1, 1, 1, 1], "embed_dim": [16, 16, 32, 64], "num_groups": [2, 2, 4, 4],
            "num_heads": [2, 2, 4, 4], "projection_dim": 64,
        },
    },
    "blip2": {
        "text_config": {
            "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 1, "num_decoder_layers": 1, "num_heads": 4,
        },
        "vision_config": {
            "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4,
            "image_size": 56,
        },
        "qformer_config": {
            "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
            "encoder_hidden_size": 64,
        },
    },
}  # fmt: skip
_SIDE_PX = {"git": 224, "florence2": 768}
_SMALL_SIDE_PX = {"git": 64, "florence2": 96, "blip2": 56}


def caption(tokens: int, generator: np.random.Generator) -> str:
    """Words that both tokenizers turn into so many tokens, their end or begin and end not counted."""
    return " ".join(["a", *generator.choice(WORDS, tokens - 1)])  # RoBERTa spells a first word


def smaller(family: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """A published configuration with few and narrow layers, and the side of its photos in pixels."""
    small = {**config}
    for key, value in _SMALL[family].items():
        small[key] = {**small[key], **value} if isinstance(value, dict) else value
    return small, _SMALL_SIDE_PX[family]


def write_checkpoint(name: str, folder: Path, *, small: bool = False) -> Path:
    """A model and its processor with random weights.

    Args:
        name: `git` for GIT-base, `florence2` for Florence-2-base at 768 x 768.
        small: the same with few and narrow layers and small photos: whether code runs, not how fast.
    """
    import torch
    import transformers

    given, side_px = {**(GIT_BASE if name == "git" else FLORENCE_2_BASE)}, _SIDE_PX[name]
    if small:
        given, side_px = smaller(name, given)
    processor = _git_processor(side_px) if name == "git" else _florence2_processor(side_px, given["image_token_id"])
    model_type, model_class = given.pop("model_type"), given.pop("architectures")[0]
    config = transformers.AutoConfig.for_model(model_type, **given)
    torch.manual_seed(0)
    with quiet():
        getattr(transformers, model_class)(config).save_pretrained(folder)
        processor.save_pretrained(folder)
    return folder


def write_clip(folder: Path, *, small: bool = False) -> Path:
    """An OpenCLIP ViT-B-32 with random weights; `small` is one of the same make with a layer."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    config = open_clip.get_model_config("ViT-B-32")
    if small:
        config["vision_cfg"] |= {"layers": 1, "width": 64, "head_width": 16, "image_size": 64}
        config["text_cfg"] |= {"layers": 1, "width": 64, "heads": 2}
    torch.manual_seed(0)
    model = open_clip.model.CLIP(**config)
    folder.mkdir(parents=True)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    preprocess = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    return folder


def _git_processor(side_px: int) -> Any:
    import transformers

    names = ["[PAD]", *(f"[unused{i}]" for i in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]  # BERT's own places
    names += dict.fromkeys(text.lower() for text in (*_LETTERS, *(f"##{c}" for c in _LETTERS), *WORDS, *_PROMPT_WORDS))
    names += [f"[filler{i}]" for i in range(GIT_BASE["vocab_size"] - len(names))]
    tokenizer = transformers.BertTokenizer(vocab={name: i for i, name in enumerate(names)}, do_lower_case=True)
    image_processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": side_px}, crop_size={"height": side_px, "width": side_px}
    )
    return transformers.GitProcessor(image_processor, tokenizer)


def _florence2_processor(side_px: int, image_token_id: int) -> Any:
    import transformers

    names = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *_LETTERS, "Ġ"]
    merges: list[tuple[str, str]] = []
    for word in (*WORDS, *_PROMPT_WORDS):  # letter by letter from the space before it, so that no two words compete
        for i, letter in enumerate(word):
            merges.append(("Ġ" + word[:i], letter))
            names.append("Ġ" + word[: i + 1])
    names = list(dict.fromkeys(names))
    names += [f"<filler{i}>" for i in range(image_token_id - len(names))]
    tokenizer = transformers.RobertaTokenizer(
        vocab={name: i for i, name in enumerate(names)},
        merges=list(dict.fromkeys(merges)),
        extra_special_tokens={"image_token": "<image>"},
    )
    if tokenizer.image_token_id != image_token_id:
        raise ValueError(f"<image> is token {tokenizer.image_token_id}, not {image_token_id} as published")
    image_processor = transformers.CLIPImageProcessor(
        size={"height": side_px, "width": side_px}, do_center_crop=False, resample=3
    )
    image_processor.image_seq_length = (side_px // 32) ** 2 + 1
    return transformers.Florence2Processor(image_processor=image_processor, tokenizer=tokenizer)
