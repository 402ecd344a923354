"""LoRA adapters on top of a model (PEFT): read, checked against their base, put on, taken off."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from core.errors import ModelError
from core.settings import Family as FamilyName
from core.store import digest
from core.vlm.checkpoint import Checkpoint
from core.vlm.family import base
from core.vlm.presets import FAMILIES
from core.vlm.prompts import PromptTemplate, read_prompt
from core.weights import weights_checksum

__all__ = ["Adapter", "attach", "check_base", "detach", "open_adapter"]

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_ORIGINAL = re.compile(r"\.original_module(?=\.|$)")
_NAME_THE_BASE = "Name the right base with captioner.models"


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """An adapter's files."""

    name: str
    folder: Path
    key: str
    """Checksum that changes whenever the outputs may."""
    family: FamilyName | None
    """The family it was trained for, where its config says so."""
    base: str
    """What it was trained on, as its config says."""
    prompt: PromptTemplate | None
    """The template it was trained with; None where nobody saved it."""
    shapes: dict[str, tuple[int, ...]] = field(repr=False)
    """Shape of each of its weights, by name."""
    changes_features: bool
    """Whether it changes the vision side, so that stored features do not serve."""


def open_adapter(folder: Path) -> Adapter:
    """Read an adapter's folder, without loading it.

    Raises:
        ModelError: the folder is no adapter, is damaged, or holds pickled weights.
    """
    config_path, weights = folder / _CONFIG, folder / _WEIGHTS
    for path in (config_path, weights):
        if not path.is_file():
            pickled = " (adapter_model.bin would run code when loaded; convert it to safetensors)"
            hint = pickled if (folder / "adapter_model.bin").is_file() else ""
            raise ModelError(f"{folder} is not an adapter folder: {path.name} is missing{hint}")
    try:
        config = json.loads(config_path.read_text(encoding="utf-8"))
        shapes = _shapes(weights)
        inner = (config.get("auto_mapping") or {}).get("base_model_class")
        refused = _refused(config)
    except (OSError, ValueError, AttributeError, SafetensorError) as error:
        raise ModelError(f"{folder} is damaged: {error!r}") from None
    if refused:
        raise ModelError(f"{folder}: {refused}")
    family = next((f for f in FAMILIES.values() if f.model_class == inner), None)
    # Names of the vision sides differ between families, and no language side has one of them.
    asked = FAMILIES.values() if family is None else [family]
    touches = any(f.parts.of(_module(name)) in f.features_include for f in asked for name in shapes)
    return Adapter(
        name=folder.name,
        folder=folder,
        key=digest("adapter", config_path.read_bytes(), weights_checksum(weights)),
        family=None if family is None else family.name,
        base=str(config.get("base_model_name_or_path") or "?"),
        prompt=read_prompt(folder),
        shapes=shapes,
        changes_features=touches,
    )


def check_base(model: Any, adapter: Adapter, checkpoint: Checkpoint) -> None:
    """Hold an adapter's names and shapes against a loaded model: PEFT only warns of weights that find no place.

    Raises:
        ModelError: it was trained for another base.
    """
    told = _told(adapter, checkpoint)
    if adapter.family is not None and adapter.family != checkpoint.family.name:
        raise ModelError(f"{told}: it is a {adapter.family} adapter, and this is {checkpoint.family.title}")
    # What the adapter that is on now replaces whole lies one step deeper.
    modules = {_ORIGINAL.sub("", name): module for name, module in base(model).named_modules()}
    for name, shape in adapter.shapes.items():
        module = modules.get(_module(name))
        if module is None:
            raise ModelError(f"{told}: this model has no {_module(name)}. {_NAME_THE_BASE}")
        side, size = _side(module, name)
        if side is not None and size is not None and shape[side] != size:
            raise ModelError(
                f"{told}: {_module(name)} is {size} wide here and {shape[side]} in the adapter. {_NAME_THE_BASE}"
            )


def attach(model: Any, adapter: Adapter, checkpoint: Checkpoint) -> Any:
    """Put an adapter on a loaded model in place of any other.

    Raises:
        ModelError: it was trained for another base, or PEFT does not take it; the model may then be without any.
    """
    import torch
    from peft import PeftConfig, get_peft_model

    from core.vlm.loading import quiet

    check_base(model, adapter, checkpoint)
    with torch.inference_mode(False), quiet():
        try:
            config = PeftConfig.from_pretrained(adapter.folder)
            config.task_type = None  # the classes for tasks change nothing but the arguments they let through
            config.inference_mode = True
            adapted = get_peft_model(detach(model), config)
        except (TypeError, ValueError, KeyError) as error:
            raise ModelError(f"{adapter.folder}: PEFT does not take its {_CONFIG}: {error}") from error
        try:
            loaded = adapted.load_adapter(adapter.folder, "default", is_trainable=False)
        except RuntimeError as error:
            detach(adapted)
            told = " ".join(str(error).split())[:300]
            raise ModelError(f"{adapter.folder}: {_CONFIG} and {_WEIGHTS} do not belong together: {told}") from error
    lacking = [*loaded.missing_keys, *loaded.unexpected_keys]
    if lacking:
        detach(adapted)
        raise ModelError(
            f"{_told(adapter, checkpoint)}: the layers of the two do not agree (such as {_module(lacking[0])}). "
            f"{_NAME_THE_BASE}"
        )
    return adapted.eval()


def detach(model: Any) -> Any:
    """The base alone, as it was before an adapter was put on."""
    if not hasattr(model, "unload"):
        return model
    for name in list(model.peft_config):
        model.delete_adapter(name)  # else `unload` would leave the adapter's modules_to_save in the base
    return model.unload().eval()


def _refused(config: dict[str, Any]) -> str:
    """Why an adapter cannot be used here; empty where it can."""
    start = str(config.get("init_lora_weights", True)).lower()
    if config.get("peft_type") != "LORA":
        return f"expected a LoRA adapter, got peft_type {config.get('peft_type')!r}"
    if start.startswith(("pissa", "olora", "corda", "loftq", "lora_ga")):
        return (
            f"its weights go with a base changed by {start}; save it again with "
            "path_initial_model_for_weight_conversion (PEFT), which makes it an ordinary LoRA adapter"
        )
    if config.get("bias", "none") != "none" or config.get("layer_replication"):
        return "it changes the base itself (bias or layer_replication), which could not be undone; train it without"
    return ""


def _told(adapter: Adapter, checkpoint: Checkpoint) -> str:
    return f"{adapter.folder} was trained for {adapter.base}, not for {checkpoint.name}"


def _side(module: Any, name: str) -> tuple[int | None, int | None]:
    """Which side of a weight has to be as wide as the module, and how wide that is."""
    if ".lora_A." in name:
        return 1, getattr(module, "in_features", None)
    if ".lora_B." in name:
        return 0, getattr(module, "out_features", None)
    if ".lora_" not in name and name.endswith(".weight"):
        return 0, module.weight.shape[0] if hasattr(module, "weight") else None
    return None, None


def _module(name: str) -> str:
    """`base_model.model.a.b.lora_A.weight` → `a.b`."""
    path = re.split(r"\.(lora_|modules_to_save|base_layer|original_module)", name.removeprefix(_PREFIX))[0]
    return re.sub(r"\.(weight|bias)$", "", path)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight; nothing is loaded."""
    with safe_open(path, framework="np") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
