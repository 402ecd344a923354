"""The published models at full size, on the meta device: exact counts of what is there and of what LoRA trains."""

from typing import Any

import peft
import pytest
import torch

from core.training.base_model import Shape, empty_model
from core.training.published import BLIP2, BLIP_BASE, FLAN_T5_XL, FLORENCE_2_BASE, GIT_BASE, OPT_2_7B
from core.vlm.loading import quiet
from core.vlm.presets import FAMILIES


def count(model: Any, *, trainable: bool = False) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


ROWS = [  # config, preset, rank, total, modules, trainable
    ({**BLIP2, "text_config": FLAN_T5_XL}, "attention", 16, 3_942_446_592, 288, 18_874_368),
    ({**BLIP2, "text_config": OPT_2_7B}, "qv", 16, 3_744_679_936, 64, 5_242_880),
    ({**BLIP2, "text_config": {**OPT_2_7B, "vocab_size": 50304}}, "qv", 16, 3_744_761_856, 64, 5_242_880),
    (GIT_BASE, "attention+dense", 16, 176_619_066, 36, 1_327_104),
    (FLORENCE_2_BASE, "qv", 8, 231_443_968, 36, 442_368),
    (BLIP_BASE, "qv", 8, None, 48, 589_824),
]
NAMES = ["flan-t5-xl", "opt-2.7b", "opt-2.7b since 2024", "git-base", "florence-2-base", "blip-base"]


@pytest.mark.parametrize(("config", "preset", "rank", "total", "modules", "trainable"), ROWS, ids=NAMES)
def test_published_models_have_their_exact_counts(
    config: dict[str, Any], preset: str, rank: int, total: int | None, modules: int, trainable: int
) -> None:
    family = next(f for f in FAMILIES.values() if f.model_type == config["model_type"])
    model = empty_model(Shape(name="published", family=family, config=config, checkpoint=None))
    assert type(model).__name__ == family.model_class
    total = total or count(model)  # where nothing published says it exactly
    assert count(model) == total
    with quiet(), torch.device("meta"):
        adapted = peft.get_peft_model(model, peft.LoraConfig(r=rank, target_modules=family.lora_presets[preset]))
    assert len(adapted.targeted_module_names) == modules
    assert count(adapted, trainable=True) == trainable
    assert count(adapted) == total + trainable
    sides = {family.parts.of(name) for name, p in adapted.named_parameters() if p.requires_grad}
    assert sides == {"language"}


def test_totals_with_lora_are_those_of_the_notes() -> None:
    totals = {name: (total or 0) + trainable for name, (_, _, _, total, _, trainable) in zip(NAMES, ROWS, strict=True)}
    assert totals["flan-t5-xl"] == 3_961_320_960
    assert totals["opt-2.7b"] == 3_749_922_816
    assert totals["florence-2-base"] == 231_886_336
