"""What is trained and what stays as it is, by part of the model; frozen parts also stay in evaluation mode."""

from collections.abc import Sequence
from typing import Any

from core.errors import ConfigError
from core.training.settings import FreezeSettings, Recipe
from core.vlm.family import Family

__all__ = ["frozen_modules", "parts_to_train", "set_trainable", "trained_parts"]

_PARTS = frozenset(["vision", "bridge", "language"])


def set_trainable(model: Any, family: Family, settings: FreezeSettings) -> None:
    """Let a model's own weights be trained, but those of frozen parts.

    Weights that two parts share are frozen if either is.

    Raises:
        ConfigError: nothing is left.
    """
    frozen = _frozen(settings)
    model.requires_grad_(True)
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if family.parts.of(name) in frozen:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(f"{family.title} has no weights outside the frozen parts ({', '.join(sorted(frozen))})")


def parts_to_train(recipe: Recipe, family: Family) -> frozenset[str]:
    """Parts of the model that a recipe trains, as far as it can be told without the model."""
    if recipe.lora.enabled:
        names = recipe.lora.target_modules  # presets are of the language side only
        by_name = len(names) > 1 or names[0] not in family.lora_presets
        return _PARTS if recipe.lora.include_vision and by_name else frozenset(["language"])
    return _PARTS - _frozen(recipe.freeze)


def trained_parts(model: Any, family: Family) -> frozenset[str]:
    """Parts (`vision`, `bridge`, `language`) that hold weights to be trained."""
    return frozenset(family.parts.of(name) for name, p in model.named_parameters() if p.requires_grad)


def frozen_modules(model: Any, family: Family) -> Sequence[Any]:
    """Modules of parts without any weight to be trained: dropout and drop-path would run in them, too."""
    trained = trained_parts(model, family)
    return [module for name, module in model.named_modules() if family.parts.of(name) not in trained]


def _frozen(settings: FreezeSettings) -> frozenset[str]:
    flags = {
        "vision": settings.freeze_vision,
        "language": settings.freeze_language,
        "bridge": settings.freeze_other,
    }
    return frozenset(part for part, is_frozen in flags.items() if is_frozen)
