"""LoRA adapters: on, off, in place of each other, and refused where they do not belong."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch

from core.errors import ModelError
from core.vlm.adapters import detach, open_adapter
from core.vlm.loading import quiet
from core.vlm.model import VisionLanguageModel
from core.vlm.prompts import CLUB_PROMPT, write_prompt
from tests.checkpoints import build
from tests.vlm_helpers import FAMILIES, captions, lora_config, open_model, photos, save_adapter

Models = Callable[[str], VisionLanguageModel]
Folders = Callable[[str], Path]
COUNTS = {  # modules of a tiny model's language side: two layers, or two in the encoder and two in the decoder
    "blip2-t5": {"qv": 12, "attention": 24, "attention+dense": 36, "all-linear": 36},
    "blip2-opt": {"qv": 4, "attention": 8, "attention+dense": 12, "all-linear": 12},
    "git": {"qv": 4, "attention": 8, "attention+dense": 12, "all-linear": 12},
    "florence2": {"qv": 12, "attention": 24, "attention+dense": 32, "all-linear": 32},
    "blip": {"qv": 8, "attention": 16, "attention+dense": 20, "all-linear": 20},
}


@pytest.mark.parametrize("name", FAMILIES)
def test_presets_name_the_language_side_only(vlm_folder: Folders, name: str) -> None:
    model = open_model(vlm_folder(name))
    linear = {n for n, m in model.model.named_modules() if isinstance(m, torch.nn.Linear)}
    for preset, count in COUNTS[name].items():
        with quiet():
            adapted = peft.get_peft_model(model.model, lora_config(model, preset))
        chosen = set(adapted.targeted_module_names)
        assert detach(adapted) is model.model
        assert len(chosen) == count
        assert chosen <= linear
        assert {model.family.parts.of(module) for module in chosen} == {"language"}
        if preset == "all-linear":
            heads = {n for n in linear - chosen if model.family.parts.of(n) == "language"}
            assert all(re.search("lm_head|output$|predictions", n) for n in heads), "all but the output head"


@pytest.mark.parametrize("name", FAMILIES)
def test_adapters_go_on_and_off_without_a_trace(vlm_folder: Folders, adapter_folder: Any, name: str) -> None:
    model = open_model(vlm_folder(name))
    plain, base, keys = captions(model), model.model, [model.key]
    before = {n: (p.data_ptr(), p.clone()) for n, p in base.named_parameters()}
    written = []
    for seed in (1, 2, 1):
        model.use_adapter(open_adapter(adapter_folder(name, seed)))
        written.append(captions(model))
        keys.append(model.key)
        assert model.model.get_base_model() is base
        assert not any(module.training for module in model.model.modules())
    assert written[0] == written[2]
    assert plain != written[0] != written[1] != plain
    assert keys[1] == keys[3]
    assert len(set(keys)) == 3
    assert model.name == f"{vlm_folder(name).name} + {name}-1"
    fresh = open_model(vlm_folder(name), adapter=open_adapter(adapter_folder(name, 1)))
    assert captions(fresh) == written[0], "loaded with it is as put on later"
    model.use_adapter(None)
    assert model.model is base
    assert model.key == keys[0]
    assert captions(model) == plain
    after = dict(base.named_parameters())
    assert after.keys() == before.keys()
    assert all(p.data_ptr() == before[n][0] and (p == before[n][1]).all() for n, p in after.items())


@pytest.mark.parametrize("name", FAMILIES)
def test_an_adapter_writes_what_peft_makes_of_it(vlm_folder: Folders, adapter_folder: Any, name: str) -> None:
    by_hand = open_model(vlm_folder(name))
    with quiet():
        by_hand._model = peft.PeftModel.from_pretrained(by_hand.model, adapter_folder(name, 1)).merge_and_unload()
    assert captions(open_model(vlm_folder(name), adapter=open_adapter(adapter_folder(name, 1)))) == captions(by_hand)


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "DoRA": ("git", {"use_dora": True}),
    "rsLoRA": ("git", {"use_rslora": True}),
    "output head too": ("git", {"modules_to_save": ["output"]}),
    "tied head too": ("blip2-opt", {"modules_to_save": ["lm_head"]}),
    "own head too": ("blip2-t5", {"modules_to_save": ["lm_head"]}),
    "ranks by pattern": ("florence2", {"rank_pattern": {"q_proj": 2}}),
    "task named": ("blip2-t5", {"task_type": "SEQ_2_SEQ_LM"}),
    "other task named": ("git", {"task_type": "CAUSAL_LM"}),
}


@pytest.mark.parametrize(("name", "more"), KINDS.values(), ids=KINDS)
def test_other_kinds_of_lora_load_and_leave(vlm_folder: Folders, tmp_path: Path, name: str, more: Any) -> None:
    model = open_model(vlm_folder(name))
    plain = captions(model)
    base_only = model.features_key
    adapter = open_adapter(save_adapter(tmp_path / "a", vlm_folder(name), lora_config(model, **more)))
    assert not adapter.changes_features
    model.use_adapter(adapter)
    assert model.features_key == base_only
    written = captions(model)
    assert written != plain
    by_hand = open_model(vlm_folder(name))
    with quiet():
        by_hand._model = peft.PeftModel.from_pretrained(by_hand.model, tmp_path / "a").eval()
    assert captions(by_hand) == written
    model.use_adapter(adapter)
    assert captions(model) == written, "it takes its own place"
    model.use_adapter(None)
    assert captions(model) == plain, "nothing of it stays behind"


SIDES: list[tuple[str, str, str | None]] = [
    ("blip2-t5", r"vision_model\..*\.qkv", None),
    ("blip2-t5", r"qformer\..*\.query", None),
    ("blip2-opt", r"language_projection", "CAUSAL_LM"),
    ("git", r"git\.image_encoder\..*\.q_proj", "CAUSAL_LM"),
    ("florence2", r"model\.vision_tower\..*\.qkv", None),
    ("blip", r"vision_model\..*\.qkv", None),
]


@pytest.mark.parametrize(("name", "modules", "task"), SIDES)
def test_adapters_of_the_vision_side_change_features(
    vlm_folder: Folders, tmp_path: Path, name: str, modules: str, task: str | None
) -> None:
    model = open_model(vlm_folder(name))
    pixels = [model.pixels(photos(1)[0])]
    key, features = model.features_key, model.features(pixels)
    config = peft.LoraConfig(r=4, target_modules=modules, task_type=task)
    adapter = open_adapter(save_adapter(tmp_path / "a", vlm_folder(name), config))
    assert adapter.changes_features
    assert adapter.family == (model.family.name if task is None else None)
    model.use_adapter(adapter)
    assert model.features_key != key
    assert (model.features(pixels) - features).abs().max() > 1e-3


def test_the_adapters_prompt_wins(vlm_folder: Folders, adapter_folder: Any, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    shutil.copytree(adapter_folder("git", 1), folder)
    model = open_model(vlm_folder("git"), adapter=open_adapter(folder))
    assert model.prompt == model.checkpoint.prompt
    assert model.prompt.text == ""
    key = open_adapter(folder).key
    write_prompt(folder, CLUB_PROMPT)
    adapter = open_adapter(folder)
    assert adapter.prompt == CLUB_PROMPT
    assert adapter.key == key, "the prompt is part of what is asked, not of the weights"
    model.use_adapter(adapter)
    assert model.prompt == CLUB_PROMPT
    model.use_adapter(None)
    assert model.prompt.text == ""


OTHERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "family": ("blip", {}, r"it is a git adapter, and this is BLIP"),
    "wider": ("git", {"width": 64}, r"git\.encoder\.\S+ is 64 wide here and 32 in the adapter"),
    "deeper": ("git", {"layers": 3}, r"the layers of the two do not agree \(such as git\.encoder\.layer\.2\.\S+\)"),
    "shallower": ("git", {"layers": 1}, r"this model has no git\.encoder\.layer\.1\.\S+"),
}


@pytest.mark.parametrize(("family", "shape", "words"), OTHERS.values(), ids=OTHERS)
def test_an_adapter_for_another_base_is_refused(
    adapter_folder: Any, tmp_path: Path, family: str, shape: Any, words: str
) -> None:
    other = build(family, tmp_path / "other", **shape)
    adapter = open_adapter(adapter_folder("git", 1))
    with pytest.raises(ModelError, match=rf"git-1 was trained for .*git, not for other: {words}"):
        open_model(other, adapter=adapter).load()
    model = open_model(other)
    own = open_adapter(save_adapter(tmp_path / "own", other, lora_config(model)))
    model.use_adapter(own)
    written = captions(model)
    with pytest.raises(ModelError, match=words):
        model.use_adapter(adapter)
    assert model.name == "other + own"
    assert captions(model) == written, "the one that was on stays"
