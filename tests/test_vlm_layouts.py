"""The file layouts of published repositories, also those of 2023, load and write the same captions."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import ModelError
from core.vlm.checkpoint import open_checkpoint
from core.vlm.loading import load_model
from core.vlm.model import Example, VisionLanguageModel
from tests.checkpoints import edit_json, shard
from tests.vlm_helpers import FAMILIES, captions, load_settings, open_model, photos

Folders = Callable[[str], Path]
BERT_NAMES = {"cls_token": "[CLS]", "mask_token": "[MASK]", "pad_token": "[PAD]", "sep_token": "[SEP]"}
OPT_TOKEN = {"__type": "AddedToken", "content": "</s>", "lstrip": False, "normalized": True, "single_word": False}
TOKENIZER_CONFIGS: dict[str, dict[str, Any]] = {
    "blip2-t5": {
        "eos_token": "</s>",
        "extra_ids": 0,
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "model_max_length": 512,
    },
    "blip2-opt": {"add_bos_token": True, "bos_token": OPT_TOKEN, "eos_token": OPT_TOKEN, "unk_token": OPT_TOKEN}
    | {"pad_token": {**OPT_TOKEN, "content": "<pad>"}},
    "git": {
        **BERT_NAMES,
        "unk_token": "[UNK]",
        "do_lower_case": True,
        "model_input_names": ["input_ids", "attention_mask"],
    },
    "blip": {
        **BERT_NAMES,
        "unk_token": "[UNK]",
        "do_lower_case": True,
        "model_input_names": ["input_ids", "attention_mask"],
    },
    "florence2": {"bos_token": "<s>", "eos_token": "</s>", "image_token": "<image>", "add_prefix_space": False},
}
TOKENIZER_CLASSES = {"blip2-t5": "T5Tokenizer", "blip2-opt": "GPT2Tokenizer", "florence2": "RobertaTokenizer"}
PROCESSORS = {"blip2-t5": "Blip2", "blip2-opt": "Blip2", "git": "Git", "blip": "Blip", "florence2": "Florence2"}
BUFFERS = {  # kept in checkpoints of 2023, made anew by the classes of today
    "git": ["git.embeddings.position_ids", "git.image_encoder.vision_model.embeddings.position_ids"],
    "blip": ["text_decoder.bert.embeddings.position_ids"],
}
FILES = {
    "blip2-t5": "config.json generation_config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors "
    "model.safetensors.index.json preprocessor_config.json pytorch_model-00001-of-00002.bin "
    "pytorch_model-00002-of-00002.bin pytorch_model.bin.index.json special_tokens_map.json tokenizer.json "
    "tokenizer_config.json",
    "blip2-opt": "config.json generation_config.json merges.txt model-00001-of-00002.safetensors "
    "model-00002-of-00002.safetensors model.safetensors.index.json preprocessor_config.json "
    "pytorch_model-00001-of-00002.bin pytorch_model-00002-of-00002.bin pytorch_model.bin.index.json "
    "special_tokens_map.json tokenizer.json tokenizer_config.json vocab.json",
    "git": "config.json generation_config.json model.safetensors preprocessor_config.json pytorch_model.bin "
    "special_tokens_map.json tokenizer.json tokenizer_config.json vocab.txt",
    "florence2": "added_tokens.json config.json generation_config.json merges.txt model.safetensors "
    "preprocessor_config.json processor_config.json special_tokens_map.json tokenizer.json tokenizer_config.json "
    "vocab.json",
}
FILES["blip"] = FILES["git"]


def older(name: str, source: Path, folder: Path) -> Path:
    """A checkpoint of today in the files and keys of the hub's repositories."""
    shutil.copytree(source, folder)
    sharded = name.startswith("blip2")
    weights = load_file(folder / "model.safetensors")
    for buffer in BUFFERS.get(name, []):
        weights[buffer] = torch.arange(10)[None]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    if sharded:
        shard(folder, 2)
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": {"a": "b"}}))
    if name != "florence2":
        for ending in ("-00001-of-00002.bin", "-00002-of-00002.bin") if sharded else (".bin",):
            (folder / f"pytorch_model{ending}").write_bytes(b"never to be read")
    edit_json(folder / "config.json", lambda config: _older_config(name, config))
    _older_processor(name, folder)
    _older_tokenizer(name, folder)
    return folder


def _older_config(name: str, config: dict[str, Any]) -> None:
    config |= {"torch_dtype": config.pop("dtype"), "transformers_version": "4.27.0.dev0"}
    config.pop("image_token_index", None)
    for part in ("text_config", "vision_config", "qformer_config"):
        config.get(part, {}).pop("dtype", None)
    if name == "blip2-t5":
        assert config["text_config"].pop("scale_decoder_outputs") is False
        config["text_config"]["tie_word_embeddings"] = False
    if name == "git":
        config["vision_config"] |= {"dropout": 0.0, "projection_dim": 512, "model_type": "git_vision_model"}


def _older_processor(name: str, folder: Path) -> None:
    data = json.loads((folder / "processor_config.json").read_text())
    kind = f"{PROCESSORS[name]}Processor"
    (folder / "preprocessor_config.json").write_text(
        json.dumps({**data.pop("image_processor"), "processor_class": kind})
    )
    if name == "florence2":
        (folder / "processor_config.json").write_text(json.dumps(data))
    else:
        (folder / "processor_config.json").unlink()


def _older_tokenizer(name: str, folder: Path) -> None:
    kind = TOKENIZER_CLASSES.get(name, "BertTokenizer")
    told = {**TOKENIZER_CONFIGS[name], "tokenizer_class": kind, "processor_class": f"{PROCESSORS[name]}Processor"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    special = {key: value for key, value in told.items() if key.endswith("_token") and isinstance(value, str)}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    data = json.loads((folder / "tokenizer.json").read_text())
    if name == "florence2":
        added = {token["content"]: token["id"] for token in data["added_tokens"] if token["content"] == "<image>"}
        (folder / "added_tokens.json").write_text(json.dumps(added))
    else:
        data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] != "<image>"]
    (folder / "tokenizer.json").write_text(json.dumps(data))
    vocabulary = data["model"]["vocab"]
    if kind == "BertTokenizer":
        (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)) + "\n")
    elif kind != "T5Tokenizer":
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "merges.txt").write_text("#version: 0.2\n")


@pytest.mark.parametrize("name", FAMILIES)
def test_older_layouts_write_the_same_captions(vlm_folder: Folders, vlm: Any, tmp_path: Path, name: str) -> None:
    folder = older(name, vlm_folder(name), tmp_path / "old")
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES[name].split())
    model = open_model(folder)
    assert model.checkpoint.key != vlm(name).checkpoint.key
    for prompt in ("", "a photo of the stage"):
        ids = model.family.prompt_ids(model.model, model.processor, prompt)
        assert ids == vlm(name).family.prompt_ids(vlm(name).model, vlm(name).processor, prompt)
        assert captions(model, prompt) == captions(vlm(name), prompt)


@pytest.mark.parametrize("name", ["blip2-opt", "git", "blip"])
def test_tokenizers_in_files_of_their_own(vlm_folder: Folders, vlm: Any, tmp_path: Path, name: str) -> None:
    folder = older(name, vlm_folder(name), tmp_path / "old")
    (folder / "tokenizer.json").unlink()
    assert captions(open_model(folder)) == captions(vlm(name))


def test_flan_t5_keeps_its_own_output_head(vlm_folder: Folders, tmp_path: Path) -> None:
    folder = older("blip2-t5", vlm_folder("blip2-t5"), tmp_path / "old")
    stored: dict[str, Any] = {}
    for path in folder.glob("*.safetensors"):
        stored |= load_file(path)
    language = open_model(folder).model.language_model
    for name, weights in (("lm_head", language.lm_head.weight), ("shared", language.shared.weight)):
        assert (weights == stored[f"language_model.{name}.weight"]).all()
    assert not language.config.scale_decoder_outputs


@pytest.mark.parametrize("name", ["blip2-t5", "blip2-opt"])
@pytest.mark.parametrize("rows", [0, -1])
def test_blip2_finds_room_for_its_image_token(
    vlm_folder: Folders, vlm: Any, tmp_path: Path, name: str, rows: int
) -> None:
    """Published embeddings have rows to spare (32128 for 32101 tokens); without any, one is added."""
    folder = older(name, vlm_folder(name), tmp_path / "old")
    size = json.loads((folder / "config.json").read_text())["text_config"]["vocab_size"] + rows
    edit_json(folder / "config.json", lambda config: config["text_config"].update(vocab_size=size))
    for path in folder.glob("*.safetensors"):
        wide = ("shared.weight", "lm_head.weight", "decoder.embed_tokens.weight")
        weights = {key: w[:size].clone() if key.endswith(wide) else w for key, w in load_file(path).items()}
        save_file(weights, path, metadata={"format": "pt"})
    model = open_model(folder)
    said = captions(model)
    assert said == captions(open_model(folder)), "no random numbers are in it"
    if rows == 0:
        assert said == captions(vlm(name))
    head = model.model.get_output_embeddings().weight
    assert head.shape[0] == size, "the image token is never written"
    assert model.model.get_input_embeddings().weight.shape[0] == size - rows
    example = Example(pixel_values=model.pixels(photos(1)[0]), prompt="a photo of", caption="red stage")
    assert model.loss(model.collate([example])).isfinite()


def test_an_image_token_that_does_not_fit_is_refused(vlm_folder: Folders, tmp_path: Path) -> None:
    for name, key in (("blip2-t5", "image_token_index"), ("florence2", "image_token_id")):
        folder = tmp_path / name
        shutil.copytree(vlm_folder(name), folder)
        edit_json(folder / "config.json", lambda config, key=key: config.update({key: 7}))
        with pytest.raises(ModelError, match=rf"{name}: config.json says image token 7, but .* <image> is \d+"):
            open_model(folder).load()


def test_florence_with_a_wrong_image_length_is_refused(vlm_folder: Folders, tmp_path: Path) -> None:
    folder = older("florence2", vlm_folder("florence2"), tmp_path / "old")
    edit_json(folder / "preprocessor_config.json", lambda data: data.update(image_seq_length=9))
    model = open_model(folder)
    with pytest.raises(ModelError, match=r"makes 5 image tokens .* has room for .*9.*; put 5 as image_seq_length"):
        captions(model)


@pytest.mark.parametrize("mark", ["auto_map", "text_config", "both"])
@pytest.mark.parametrize("folder_name", ["Florence-2-large", "mine"])
def test_the_older_florence_is_refused_with_its_native_name(tmp_path: Path, mark: str, folder_name: str) -> None:
    code = {
        "AutoConfig": "configuration_florence2.Florence2Config",
        "AutoModelForCausalLM": "modeling_florence2.Florence2X",
    }
    config: dict[str, Any] = {"model_type": "florence2", "architectures": ["Florence2ForConditionalGeneration"]}
    if mark != "text_config":
        config["auto_map"] = code
    if mark != "auto_map":
        config["text_config"] = {"model_type": "florence2_language"}
    folder = tmp_path / folder_name
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    native = "florence-community/Florence-2-" + ("large" if folder_name != "mine" else "base-ft")
    with pytest.raises(ModelError, match=rf"{folder_name} is the older layout .* runs code .* {native}"):
        open_checkpoint(folder, name="x")


def test_a_single_file_is_taken_before_an_index(vlm_folder: Folders, tmp_path: Path) -> None:
    """As transformers does it: else the key would be of other files than the weights."""
    folder = tmp_path / "both"
    shutil.copytree(vlm_folder("git"), folder)
    shard(folder)
    shutil.copy(vlm_folder("git") / "model.safetensors", folder)
    checkpoint = open_checkpoint(folder, name="both")
    assert [path.name for path in checkpoint.weights] == ["model.safetensors"]
    assert load_model(checkpoint, load_settings()) is not None


def test_shards_load_as_one_file(vlm_folder: Folders, vlm: Any, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    shutil.copytree(vlm_folder("blip2-opt"), folder)
    shard(folder, 4)
    model: VisionLanguageModel = open_model(folder)
    assert len(model.checkpoint.weights) == 4
    assert captions(model) == captions(vlm("blip2-opt"))
