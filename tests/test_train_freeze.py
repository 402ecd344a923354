"""What is trained, by the names of parameters and by their gradients."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from core.errors import ConfigError
from core.training.collate import Collator
from core.training.freeze import parts_to_train
from core.training.learner import LearningModel, learner
from core.training.settings import LoraSettings, Recipe
from core.vlm.checkpoint import open_checkpoint
from core.vlm.model import Example
from core.vlm.presets import FAMILIES as ALL
from core.vlm.prompts import CLUB_PROMPT
from tests.vlm_helpers import FAMILIES, load_settings, photos


def learning(folder: Path, **sections: Any) -> LearningModel:
    model = LearningModel(open_checkpoint(folder, name=folder.name), load_settings(), CLUB_PROMPT)
    model.prepare(Recipe.model_validate({"base_model": str(folder), **sections}))
    return model


def step(model: LearningModel) -> Any:
    """Loss and gradients of one batch in training mode."""
    examples = [
        Example(pixel_values=model.pixels(photo), prompt="a photo of", caption="red lights") for photo in photos(2)
    ]
    module = learner(model).train()
    module(**Collator(model)(examples))["loss"].backward()
    return module


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("freeze", "trained"),
    [
        ({}, {"vision", "bridge", "language"}),
        ({"freeze_vision": True}, {"bridge", "language"}),
        ({"freeze_language": True}, {"vision", "bridge"}),
        ({"freeze_vision": True, "freeze_other": True}, {"language"}),
    ],
    ids=["nothing", "vision", "language", "all but language"],
)
def test_frozen_parts_get_no_gradient_and_all_others_do(
    vlm_folder: Callable[[str], Path], family: str, freeze: dict[str, bool], trained: set[str]
) -> None:
    model = learning(vlm_folder(family), lora={"enabled": False}, freeze=freeze)
    step(model)
    parts = model.family.parts
    named = list(model.model.named_parameters(remove_duplicate=False))
    there = {parts.of(name) for name, _ in named}
    assert {parts.of(name) for name, p in named if p.requires_grad} == trained & there
    assert {parts.of(name) for name, p in named if p.grad is not None and p.grad.abs().sum() > 0} == trained & there


@pytest.mark.parametrize("family", FAMILIES)
def test_frozen_parts_stay_in_evaluation_mode_and_lora_leaves_the_rest_alone(
    vlm_folder: Callable[[str], Path], family: str
) -> None:
    model = learning(vlm_folder(family))
    module = step(model)
    parts = model.family.parts
    for name, child in module.model.named_modules():
        if name.removeprefix("base_model.model."):
            assert child.training == (parts.of(name) == "language"), name
    moved = {name for name, p in module.model.named_parameters() if p.grad is not None}
    assert moved
    assert all(".lora_" in name and parts.of(name) == "language" for name in moved)
    module.eval()
    assert not any(child.training for child in module.modules())


def lora_names(folder: Path, **lora: Any) -> set[str]:
    model = learning(folder, lora=lora)
    return {name.split(".lora_")[0].rsplit(".", 1)[-1] for name, p in model.model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("family", "targets", "layers"),
    [
        ("git", "attention+dense", {"query", "key", "value", "dense"}),
        ("git", "query,value", {"query", "value"}),
        ("blip2-t5", ["q", "k", "v", "o"], {"q", "k", "v", "o"}),
        ("blip2-t5", "qv", {"q", "v"}),
        ("florence2", ["q_proj", "v_proj"], {"q_proj", "v_proj"}),
        ("blip", ["query", "key"], {"query", "key"}),
    ],
)
def test_targets_are_presets_or_names(
    vlm_folder: Callable[[str], Path], family: str, targets: Any, layers: set[str]
) -> None:
    assert lora_names(vlm_folder(family), target_modules=targets) == layers


def test_names_that_both_sides_have_sit_on_the_language_side_unless_asked(vlm_folder: Callable[[str], Path]) -> None:
    folder = vlm_folder("blip2-opt")  # its Q-Former has `dense` layers, too, and its vision side fc1 and fc2
    for include, wanted in ((False, {"language"}), (True, {"language", "vision"})):
        model = learning(folder, lora={"target_modules": ["fc1", "fc2"], "include_vision": include})
        trained = {model.family.parts.of(n) for n, p in model.model.named_parameters() if p.requires_grad}
        assert trained == wanted
    with pytest.raises(ConfigError, match="layers of the vision side only"):
        learning(folder, lora={"target_modules": ["qkv"]})


def test_an_unknown_layer_is_told_with_the_nearest_one(vlm_folder: Callable[[str], Path]) -> None:
    with pytest.raises(ConfigError, match="Microsoft GIT has no layer 'querry'; did you mean 'query'"):
        learning(vlm_folder("git"), lora={"target_modules": ["querry"]})
    with pytest.raises(ValidationError, match="at least 1 item"):
        LoraSettings(target_modules=" ")
    with pytest.raises(ConfigError, match="qv is a preset and stands alone, got qv, dense"):
        learning(vlm_folder("git"), lora={"target_modules": "qv,dense"})


def test_rank_stabilised_and_decomposed_adapters_are_what_they_say(vlm_folder: Callable[[str], Path]) -> None:
    folder = vlm_folder("git")
    plain = learning(folder, lora={"r": 4, "alpha": 8}).model
    rs = learning(folder, lora={"r": 4, "alpha": 8, "rslora": True}).model
    dora = learning(folder, lora={"r": 4, "alpha": 8, "dora": True}).model
    scale = [next(m.scaling["default"] for m in model.modules() if hasattr(m, "scaling")) for model in (plain, rs)]
    assert scale == [2.0, 4.0]
    assert any("lora_magnitude_vector" in name for name, p in dora.named_parameters() if p.requires_grad)


def test_the_same_seed_gives_the_same_first_weights_whatever_was_drawn_before(
    vlm_folder: Callable[[str], Path],
) -> None:
    def first(seed: int) -> torch.Tensor:
        torch.rand(seed + 1)
        model = learning(vlm_folder("git"), train={"seed": seed}).model
        return next(p for name, p in model.named_parameters() if "lora_A" in name).detach().clone()

    assert torch.equal(first(3), first(3))
    assert not torch.equal(first(3), first(4))


def test_the_adapter_names_its_base_as_the_user_does(vlm_folder: Callable[[str], Path], tmp_path: Path) -> None:
    model = learning(vlm_folder("git"))
    assert model.model.peft_config["default"].base_model_name_or_path == "git"
    assert LoraSettings(target_modules="q,v").target_modules == ("q", "v")


@pytest.mark.parametrize(
    ("lora", "parts"),
    [
        ({"target_modules": "qv", "include_vision": True}, {"language"}),  # a preset names no layer of the vision side
        ({"target_modules": ["fc1"], "include_vision": True}, {"language", "vision", "bridge"}),
        ({"target_modules": ["fc1"]}, {"language"}),
    ],
)
def test_what_a_recipe_trains_is_told_before_the_model_is_there(lora: dict[str, Any], parts: set[str]) -> None:
    assert parts_to_train(Recipe.model_validate({"base_model": "x", "lora": lora}), ALL["blip2"]) == parts
