"""Which weights training moved, and how far: the length of the change against the length of the weight."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.errors import ModelError
from core.vlm.family import Tensor, base
from core.vlm.model import VisionLanguageModel

__all__ = ["Moved", "by_layer", "moved_between", "moved_by_adapter"]

_NOT_MOVED = 1e-9
_ADAPTER = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A weight that is not what it was in the base."""

    name: str
    """As in the base model, e.g. `git.encoder.layer.3.attention.self.query.weight`."""
    part: str
    """vision, bridge or language."""
    parameters: int
    """Numbers in it."""
    trained: int
    """Numbers that were trained to change it: an adapter's two narrow matrices, or all."""
    change: float
    """Frobenius norm of the change by that of the base's weight: 0.01 is one per cent. By 1 where that weight is 0."""


def moved_by_adapter(model: VisionLanguageModel) -> list[Moved]:
    """What a model's adapter changes, the most moved first; the model is left as it was."""
    import torch

    found = []
    with torch.inference_mode(False), torch.no_grad():
        for name, module in base(model.model).named_modules():
            if hasattr(module, "merge") and hasattr(module, "get_base_layer") and _ADAPTER in module.active_adapters:
                found.append(_merged(model, name, module))
            elif hasattr(module, "original_module") and _ADAPTER in module.modules_to_save:
                found += _replaced(model, name, module)
    return _sorted(found)


def moved_between(one: VisionLanguageModel, other: VisionLanguageModel) -> list[Moved]:
    """What differs between two checkpoints of the same shape, the most moved first.

    Raises:
        ModelError: they are not of the same family and shape.
    """
    before, after = dict(base(one.model).named_parameters()), dict(base(other.model).named_parameters())
    if one.family.name != other.family.name or before.keys() != after.keys():
        raise ModelError(f"{other.name} is not a fine-tuned {one.name}: their layers differ; name the right base")
    found = []
    for name, weight in before.items():
        if weight.shape != after[name].shape:
            raise ModelError(f"{other.name} is not a fine-tuned {one.name}: {name} has another shape")
        found.append(_moved(one, name, weight, after[name], trained=weight.numel()))
    return _sorted(found)


def by_layer(moved: list[Moved] | tuple[Moved, ...]) -> dict[str, dict[int, float]]:
    """Changes by kind of weight and depth: `encoder.layer.*.attention.self.query` → {0: 0.01, 1: 0.02}."""
    table: dict[str, dict[int, float]] = {}
    for one in moved:
        match = re.match(r"(.*?\.)(\d+)(\..*)", one.name)
        kind, depth = (f"{match[1]}*{match[3]}", int(match[2])) if match else (one.name, 0)
        table.setdefault(kind.removesuffix(".weight"), {})[depth] = one.change
    return dict(sorted(table.items()))


def _merged(model: VisionLanguageModel, name: str, module: Any) -> Moved:
    """LoRA, rsLoRA and DoRA alike: the weight with the adapter laid in, against the one without."""
    weight = module.get_base_layer().weight
    before = weight.detach().clone()
    module.merge(adapter_names=[_ADAPTER])
    after = module.get_base_layer().weight.detach().clone()
    module.merged_adapters.clear()
    weight.data.copy_(before)  # `unmerge` would subtract, and leave rounding behind
    trained = sum(p.numel() for n, p in module.named_parameters() if f".{_ADAPTER}" in f".{n}")
    return _moved(model, f"{name}.weight", before, after, trained=trained)


def _replaced(model: VisionLanguageModel, name: str, module: Any) -> Iterator[Moved]:
    """Layers that were trained whole beside the adapter."""
    after = dict(module.modules_to_save[_ADAPTER].named_parameters())
    for own, weight in module.original_module.named_parameters():
        yield _moved(model, f"{name}.{own}", weight, after[own], trained=weight.numel())


def _moved(model: VisionLanguageModel, name: str, before: Tensor, after: Tensor, *, trained: int) -> Moved:
    before, after = before.detach().float(), after.detach().float()
    length = float(before.norm())
    change = float((after.to(before.device) - before).norm())
    return Moved(
        name=name,
        part=model.family.parts.of(name),
        parameters=before.numel(),
        trained=trained,
        change=change / length if length else change,
    )


def _sorted(moved: list[Moved]) -> list[Moved]:
    return sorted((one for one in moved if one.change > _NOT_MOVED), key=lambda one: (-one.change, one.name))
