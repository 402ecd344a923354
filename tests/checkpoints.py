"""Small checkpoints of the families' real classes, saved in the hub's folder layout, with random weights.

What they write is noise; that it is the same noise on every path is what the tests hold.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

WORDS = (  # noqa: SIM905
    "a an the of on in at under with and stage singer band crowd red blue lights photo group people food night field "
    "write short instagram caption for photography club post about college event focus moments keep it natural clean "
    "what does image describe speaker audience award portrait outdoors freshers campus day big small happy"
).split()
LETTERS = [chr(code) for code in range(33, 127)]
SIZE_PX = 32


def build(family: str, folder: Path, *, seed: int = 0, language: str = "t5", width: int = 32, layers: int = 2) -> Path:
    """Write a checkpoint; `width` and `layers` (of git) tell two bases of one family apart."""
    torch.manual_seed(seed)
    makers: dict[str, Callable[..., tuple[Any, Any]]] = {
        "blip2": lambda: _blip2(language, width),
        "git": lambda: _git(width, layers),
        "florence2": lambda: _florence2(folder, width),
        "blip": lambda: _blip(width),
    }
    model, processor = makers[family]()
    for parameter in model.parameters():  # the default 0.02 makes every caption the same
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def edit_json(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a JSON file in place."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def shard(folder: Path, pieces: int = 3) -> None:
    """Cut `model.safetensors` into numbered shards with an index, as large repositories are."""
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    names = sorted(state)
    weight_map: dict[str, str] = {}
    for i in range(pieces):
        name = f"model-{i + 1:05d}-of-{pieces:05d}.safetensors"
        part = {key: state[key].clone() for key in names[i::pieces]}
        save_file(part, folder / name, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, name)
    total = sum(value.numel() * value.element_size() for value in state.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").unlink()


def _image_processor(kind: str) -> Any:
    return getattr(transformers, kind)(size={"height": SIZE_PX, "width": SIZE_PX}, do_resize=True)


def _bert_tokenizer(*more: str) -> Any:
    pieces = [*WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *more, *dict.fromkeys(p.lower() for p in pieces)]
    special = {"bos_token": more[0]} if more else {}
    return transformers.BertTokenizer(vocab={name: i for i, name in enumerate(names)}, do_lower_case=True, **special)


def _git(width: int, layers: int) -> tuple[Any, Any]:
    tokenizer = _bert_tokenizer()
    vision = {"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.GitConfig(
        vision_config={**vision, "image_size": SIZE_PX, "patch_size": 16},
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=2 * width,
        max_position_embeddings=160,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    image_processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": SIZE_PX}, crop_size={"height": SIZE_PX, "width": SIZE_PX}
    )
    return transformers.GitForCausalLM(config), transformers.GitProcessor(image_processor, tokenizer)


def _blip(width: int) -> tuple[Any, Any]:
    tokenizer = _bert_tokenizer("[DEC]", "[ENC]")
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "encoder_hidden_size": width,
        "intermediate_size": 2 * width,
        "projection_dim": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 160,
        "bos_token_id": tokenizer.convert_tokens_to_ids("[DEC]"),
        "sep_token_id": tokenizer.sep_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "projection_dim": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": SIZE_PX,
        "patch_size": 16,
    }
    config = transformers.BlipConfig(text_config=text, vision_config=vision, projection_dim=16)
    processor = transformers.BlipProcessor(_image_processor("BlipImageProcessor"), tokenizer)
    return transformers.BlipForConditionalGeneration(config), processor


def _blip2(language: str, width: int) -> tuple[Any, Any]:
    tokenizer = _t5_tokenizer() if language == "t5" else _opt_tokenizer()
    processor = transformers.Blip2Processor(_image_processor("BlipImageProcessor"), tokenizer, num_query_tokens=4)
    image_token = tokenizer.convert_tokens_to_ids("<image>")
    size = len(tokenizer)
    if language == "t5":
        text = transformers.T5Config(
            vocab_size=size,
            d_model=width,
            d_kv=8,
            d_ff=2 * width,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,  # as flan-t5: means "do not scale", the head below is of its own
            decoder_start_token_id=tokenizer.pad_token_id,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    else:
        text = transformers.OPTConfig(
            vocab_size=size,
            hidden_size=width,
            word_embed_proj_dim=width,
            ffn_dim=2 * width,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=160,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.convert_tokens_to_ids("Ċ"),  # a line break, as the published ones have it
            pad_token_id=tokenizer.pad_token_id,
        )
    vision = transformers.Blip2VisionConfig(
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=SIZE_PX,
        patch_size=16,
        initializer_range=0.02,
    )
    qformer = transformers.Blip2QFormerConfig(
        vocab_size=100,
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * width,
        encoder_hidden_size=width,
        cross_attention_frequency=1,
    )
    config = transformers.Blip2Config(
        vision_config=vision.to_dict(),
        qformer_config=qformer.to_dict(),
        text_config=text.to_dict(),
        num_query_tokens=4,
        image_token_index=image_token,
    )
    model = transformers.Blip2ForConditionalGeneration(config)
    torch.nn.init.normal_(model.query_tokens, std=0.5)
    if language == "t5":
        head = model.language_model.lm_head
        head.weight = torch.nn.Parameter(torch.empty_like(head.weight))
    return model, processor


def _t5_tokenizer() -> Any:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -4.0)]
    pieces += [(f"▁{word}", -3.0) for word in WORDS] + [(letter, -6.0) for letter in LETTERS]
    return transformers.T5Tokenizer(vocab=pieces, extra_ids=0)


def _opt_tokenizer() -> Any:
    names = ["<s>", "<pad>", "</s>", "<unk>", *LETTERS, "Ġ", *(f"Ġ{letter}" for letter in LETTERS), "Ċ"]
    vocab = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return transformers.GPT2Tokenizer(
        vocab=vocab,
        merges=[],
        bos_token="</s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="</s>",
        add_bos_token=True,
    )


def _florence2(folder: Path, width: int) -> tuple[Any, Any]:
    names = ["<s>", "<pad>", "</s>", "<unk>", *LETTERS, "Ġ"]
    vocab = {name: i for i, name in enumerate(dict.fromkeys(names))}
    tokenizer = transformers.RobertaTokenizer(vocab=vocab, merges=[], extra_special_tokens={"image_token": "<image>"})
    image_processor = transformers.CLIPImageProcessor(
        size={"height": 64, "width": 64}, do_center_crop=False, resample=3
    )
    image_processor.image_seq_length = 5
    processor = transformers.Florence2Processor(image_processor=image_processor, tokenizer=tokenizer)
    config = transformers.Florence2Config(
        vision_config={
            "embed_dim": [8, 16, 16, width],
            "depths": [1, 1, 1, 1],
            "num_heads": [2, 2, 2, 4],
            "num_groups": [2, 2, 2, 4],
            "window_size": 2,
            "projection_dim": width,
        },
        text_config={
            "model_type": "bart",
            "vocab_size": len(tokenizer),
            "d_model": width,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 2 * width,
            "decoder_ffn_dim": 2 * width,
            "max_position_embeddings": 200,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "decoder_start_token_id": tokenizer.eos_token_id,
        },
        image_token_id=tokenizer.image_token_id,
    )
    return transformers.Florence2ForConditionalGeneration(config), processor
