"""Adapters to be trained (PEFT): which layers they sit on, and that they sit on no others."""

import re
from collections.abc import Sequence
from typing import Any

from core.config import nearest
from core.errors import ConfigError
from core.training.bases import published_name
from core.training.settings import LoraSettings
from core.vlm.family import Family, base
from core.vlm.loading import quiet

__all__ = ["add_adapter", "lora_config"]


def lora_config(model: Any, family: Family, settings: LoraSettings) -> Any:
    """PEFT's settings for an adapter on a loaded model, or one on the meta device.

    Raises:
        ConfigError: no layer has such a name; says which layers there are.
    """
    from peft import LoraConfig

    targets, excluded = _targets(model, family, settings)
    return LoraConfig(
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets,
        exclude_modules=excluded,
        use_rslora=settings.rslora,
        use_dora=settings.dora,
        bias="none",
    )


def add_adapter(model: Any, family: Family, settings: LoraSettings, *, base_name: str, seed: int) -> Any:
    """Put a new adapter on a model; all else is frozen. The adapter's weights are float32.

    Args:
        base_name: what it is trained on; the saved adapter says so, without a path of this machine.
        seed: of the adapter's first weights.
    """
    import torch
    from peft import get_peft_model

    config = lora_config(model, family, settings)
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(seed)
        adapted = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = published_name(base_name)  # PEFT writes a path
    return adapted


def _targets(model: Any, family: Family, settings: LoraSettings) -> tuple[str | list[str], str | None]:
    """What PEFT calls `target_modules` and `exclude_modules`."""
    names = settings.target_modules
    if len(names) == 1 and names[0] in family.lora_presets:
        return family.lora_presets[names[0]], None
    layers = _layers(model)
    known = sorted({name.rsplit(".", 1)[-1] for name in layers})
    for name in names:
        if name in family.lora_presets:
            raise ConfigError(f"lora.target_modules: {name} is a preset and stands alone, got {', '.join(names)}")
        if not any(layer == name or layer.endswith(f".{name}") for layer in layers):
            raise ConfigError(
                f"lora.target_modules: {family.title} has no layer {name!r}; "
                f"{nearest(name, [*family.lora_presets, *known])}"
            )
    chosen = [layer for layer in layers if any(layer == name or layer.endswith(f".{name}") for name in names)]
    outside = [layer for layer in chosen if family.parts.of(layer) != "language"]
    if settings.include_vision or not outside:
        return list(names), None
    if len(outside) == len(chosen):
        raise ConfigError(
            f"lora.target_modules: {', '.join(names)} are layers of the vision side only (such as {outside[0]}); name "
            "layers of the language side, or set lora.include_vision=true"
        )
    return list(names), _beginning_with((*family.parts.vision, *family.parts.bridge))


def _layers(model: Any) -> list[str]:
    """Names of the layers an adapter can sit on."""
    import torch

    kinds = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Embedding)
    return [name for name, module in base(model).named_modules() if isinstance(module, kinds)]


def _beginning_with(prefixes: Sequence[str]) -> str:
    return rf"({'|'.join(re.escape(prefix) for prefix in prefixes)}).*"
