"""Checkpoints that are not what they should be, and the messages that say so."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigError, ModelError
from core.vlm.checkpoint import find_checkpoint, open_checkpoint
from core.vlm.presets import FAMILIES, LEGACY_FLORENCE, PRESETS
from core.vlm.prompts import CLUB_PROMPT, PromptTemplate, write_prompt
from tests.checkpoints import edit_json, shard
from tests.vlm_helpers import FAMILIES as NAMES

Folders = Callable[[str], Path]
BROKEN = "the download broke off: run it again"


def change(folder: Path, how: str) -> None:
    """One kind of damage; what begins with { is put into config.json."""
    weights, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if how.startswith("{"):
        edit_json(folder / "config.json", lambda config: config.update(json.loads(how)))
    elif how.startswith("no "):
        (folder / how.removeprefix("no ")).unlink()
    elif how == "spiece":
        (folder / "tokenizer.json").rename(folder / "spiece.model")
    elif how == "pickled":
        weights.rename(folder / "pytorch_model.bin")
    elif how == "cut":
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif how == "pointer":
        weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 990345061\n")
    elif how == "empty":
        weights.write_bytes(b"")
    elif how.startswith("shard"):
        shard(folder, 3)
        if how == "shard gone":
            (folder / "model-00002-of-00003.safetensors").unlink()
        elif how == "shard cut":
            (folder / "model-00003-of-00003.safetensors").write_bytes(b"1234567890")
        elif how == "shard elsewhere":
            edit_json(index, lambda data: data["weight_map"].update(a="../other/model.safetensors"))
        else:
            index.write_text("{}" if how == "shards of nothing" else '{"weight_map": ')
    elif how == "half config":
        (folder / "config.json").write_text('{"model_type": "git"')
    elif how == "listed config":
        (folder / "config.json").write_text('["git"]')
    elif how == "half processor":
        (folder / "processor_config.json").write_text('{"image_proc')
    elif how == "processor of text":
        (folder / "processor_config.json").write_text('{"processor_class": "GitProcessor"}')
    else:
        (folder / "montage.json").write_text(how)


WRONG = {
    "no config.json": "is not a model folder: config.json is missing",
    "half config": "config.json is damaged: Expecting",
    "listed config": "config.json is damaged: expected keys and values, got list",
    '{"model_type": "llava"}': r"holds a model of type 'llava'; expected one of blip-2 \(BLIP-2\), git",
    '{"model_type": null}': "holds a model of type None; expected one of",
    '{"architectures": ["GitModel"]}': "holds a GitModel; to write captions it must be GitForCausalLM",
    "no model.safetensors": "holds no model.safetensors$",
    "pickled": r"holds no model.safetensors \(pytorch_model.bin would run code when loaded; convert it to",
    "cut": "model.safetensors is cut short or no safetensors file .*; download it again, and after a git clone run",
    "pointer": "model.safetensors is cut short or no safetensors file .*git lfs pull",
    "empty": "model.safetensors is cut short",
    "shard gone": rf"1 of 3 weight files are missing \(model-00002-of-00003.safetensors\); {BROKEN}",
    "shard cut": "model-00003-of-00003.safetensors is cut short",
    "shard elsewhere": "index.json is damaged: expected weight_map",
    "shards of nothing": "index.json is damaged: expected weight_map",
    "shards of a half": "index.json is damaged: Expecting value",
    "no processor_config.json": "has no processor: preprocessor_config.json is missing. Copy it, and the tokenizer's",
    "half processor": "processor_config.json is damaged",
    "processor of text": "has no processor: preprocessor_config.json is missing",
    "no tokenizer.json": "has no tokenizer: expected one of tokenizer.json, vocab.txt, vocab.json$",
    "spiece": "has no tokenizer: expected one of .*; spiece.model alone is not read$",
    '["prompt"]': 'montage.json is damaged: .*expected {"prompt": {"text": "…"}}',
    " {": "montage.json is damaged: Expecting",
}


@pytest.mark.parametrize(("how", "words"), WRONG.items(), ids=WRONG)
def test_a_damaged_folder_says_what_is_wrong(vlm_folder: Folders, tmp_path: Path, how: str, words: str) -> None:
    folder = tmp_path / "git"
    shutil.copytree(vlm_folder("git"), folder)
    change(folder, how)
    with pytest.raises(ModelError, match=rf"^{re.escape(str(folder))}.*{words}"):
        find_checkpoint("git", str(folder))


def test_a_prompt_that_is_no_prompt(vlm_folder: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "git"
    shutil.copytree(vlm_folder("git"), folder)
    change(folder, '{"prompt": {"txt": "a"}}'.replace("{", " {", 1))
    with pytest.raises(ModelError, match=r"montage.json is damaged: text: Field required; txt: Extra inputs are not"):
        open_checkpoint(folder, name="git")


def test_a_folder_of_another_family(vlm_folder: Folders) -> None:
    with pytest.raises(ModelError, match=r"git holds a Microsoft GIT model \(git\), but blip2 was asked for"):
        find_checkpoint("blip2", str(vlm_folder("git")))
    assert open_checkpoint(vlm_folder("git"), name="x").family.name == "git"


@pytest.mark.parametrize(
    ("name", "kind"), [("blip2-t5", "Blip2ForImageTextRetrieval"), ("blip", "BlipForQuestionAnswering")]
)
def test_a_model_for_another_task(vlm_folder: Folders, tmp_path: Path, name: str, kind: str) -> None:
    folder = tmp_path / "x"
    shutil.copytree(vlm_folder(name), folder)
    edit_json(folder / "config.json", lambda config: config.update(architectures=[kind]))
    with pytest.raises(ModelError, match=f"holds a {kind}; to write captions it must be .*ForConditionalGeneration"):
        open_checkpoint(folder, name="x")


NAMED = {
    "blip2-flan-t5-xxl": r"captioner.models.git: no model or folder 'blip2-flan-t5-xxl'",
    "git-bsae": r"captioner.models.git: no model or folder 'git-bsae'; .*git-base",
    "./nowhere/here": "captioner.models.git: no model or folder './nowhere/here'",
    "/nowhere": "captioner.models.git: no model or folder '/nowhere'",
    "~/model": "captioner.models.git: no model or folder '~/model'",
    "blip-base": "captioner.models.git: blip-base is a blip model",
}


@pytest.mark.parametrize(("name", "words"), NAMED.items())
def test_names_that_mean_nothing(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        find_checkpoint("git", name)


@pytest.mark.parametrize("name", LEGACY_FLORENCE)
def test_legacy_florence_by_its_hub_id(name: str) -> None:
    native = name.replace("microsoft/", "florence-community/")
    with pytest.raises(
        ModelError, match=f"{name} is the older layout .* native repository with the same weights: {native}$"
    ):
        find_checkpoint("florence2", name)


@pytest.mark.parametrize("family", ["florence2", "blip"])
def test_families_without_a_mini(family: Any) -> None:
    with pytest.raises(ConfigError, match=f"there is no mini of {family}; minis: blip2, git"):
        find_checkpoint(family, "mini")


@pytest.mark.parametrize("name", NAMES)
def test_the_key_follows_every_file_that_matters(vlm_folder: Folders, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "elsewhere"
    shutil.copytree(vlm_folder(name), folder)
    before = open_checkpoint(vlm_folder(name), name="a").key
    assert open_checkpoint(folder, name="b").key == before, "the same model elsewhere is the same model"
    (folder / "README.md").write_text("words")
    (folder / "pytorch_model.bin").write_bytes(b"never read")
    assert open_checkpoint(folder, name="b").key == before
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-5] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    keys = {before, open_checkpoint(folder, name="b").key}
    edit_json(folder / "processor_config.json", lambda data: data["image_processor"].update(resample=2))
    keys.add(open_checkpoint(folder, name="b").key)
    edit_json(folder / "generation_config.json", lambda data: data.update(eos_token_id=5))
    keys.add(open_checkpoint(folder, name="b").key)
    assert len(keys) == 4


def test_a_checkpoint_brings_its_prompt(vlm_folder: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(vlm_folder("blip2-t5"), folder)
    assert open_checkpoint(folder, name="x").prompt == PromptTemplate(text="a photo of")
    write_prompt(folder, CLUB_PROMPT)
    assert open_checkpoint(folder, name="x").prompt == CLUB_PROMPT
    (folder / "montage.json").write_text('{"trained_on": "scenes"}')
    assert open_checkpoint(folder, name="x").prompt == PromptTemplate(text="a photo of"), "other things may stand there"


def test_prompts_are_filled_in_one_pass() -> None:
    prompt = PromptTemplate(text="{event}: {labels}", without_event="{labels} only")
    assert prompt.fill("Night {labels}", ["stage", "band"]) == "Night {labels}: stage, band"
    assert prompt.fill(None, []) == "event moments only"
    assert CLUB_PROMPT.fill("Orientation", ["stage"]) == (
        "Write a short Instagram caption for a photography club post about 'Orientation'. Focus on: stage. "
        "Keep it natural and clean."
    )


def test_presets_are_of_their_family() -> None:
    assert {preset.family for preset in PRESETS.values()} == set(FAMILIES)
    assert not set(LEGACY_FLORENCE) & {preset.repository for preset in PRESETS.values()}
    assert all(preset.repository.count("/") == 1 and preset.size_gb > 0.3 for preset in PRESETS.values())
