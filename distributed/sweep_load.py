"""Read a sweep's YAML, and refuse before anything runs whatever could not be run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from core.config import (
    assign,
    explain_refusal,
    load_config,
    merged,
    nearest,
    parse_override,
    read_yaml,
    refuse_unknown,
)
from core.errors import ConfigError
from core.settings import ClusterSettings, DecodingSettings
from core.training.recipe import LoadedRecipe, load_recipe, recipe_names
from core.training.settings import Recipe
from distributed.places import absolute
from distributed.sweep_settings import SweepSettings
from distributed.sweep_space import Values

__all__ = ["LoadedSweep", "defaults_of", "load_sweep", "searchable_keys", "with_values"]

_SMOKE = "smoke"
_KINDS = ("choices", "uniform", "loguniform", "int", "logint")
_OTHER_NAMES = {
    "epochs": "train.num_train_epochs", "rank": "lora.r", "targets": "lora.target_modules", "learning_rate": "train.lr",
}  # fmt: skip
_NOT_SEARCHED = (
    "base_model", "quantization", "features.", "clipscore.", "cleaning.", "eval.normalize", "train.rendered",
    "train.train_jsonl", "train.val_jsonl", "train.image_root", "train.output_dir", "train.eval_split_ratio",
    "train.split_by", "train.clean_captions", "train.trackers",
)  # fmt: skip
"""What decides data, features or figures: the same for all trials, or they could not be compared."""
_ONCE = ("eval.baseline=false", "eval.samples=0", "clipscore.enabled=false", "train.trackers=[]")
"""What each trial would do again to no use: judge the untrained model, and score what the sweep scores itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedSweep:
    """A sweep's settings, the recipe that it begins with, and where they came from."""

    name: str
    """The file's name without its ending; `-smoke` behind it where that variant was asked for."""
    path: Path
    settings: SweepSettings
    """The spaces of training under whole keys, as `lora.r`."""
    recipe: LoadedRecipe


def load_sweep(path: Path, *, overrides: Sequence[str] = (), smoke: bool = False) -> LoadedSweep:
    """Read and check a sweep.

    Args:
        overrides: `dotted.key=value` strings, values in YAML, applied last and in order.
        smoke: lay the file's `smoke:` section over it, which shrinks everything to a trial of the whole path.

    Raises:
        ConfigError: an unknown key (with the nearest valid one) or a value that no trial could have.
    """
    if not path.is_file():
        raise ConfigError(f"there is no sweep {path}; shipped ones lie in tune_configs/")
    given, lines = read_yaml(path)
    shrunk = given.pop(_SMOKE, None)
    shrunk_lines = {key[1:]: lines.pop(key) for key in list(lines) if key[0] == _SMOKE and len(key) > 1}
    if smoke:
        if not isinstance(shrunk, Mapping):
            raise ConfigError(f"{path} has no smoke: section; add one with what a trial run is to change")
        given, lines = merged(given, shrunk), lines | shrunk_lines
    for override in overrides:
        key, value = parse_override(override)
        assign(given, key, value)
        lines[key] = f"--set {override}"
    settings = _checked(given, lines)
    recipe = _recipe(settings, path)
    settings = _whole_keys(settings, recipe.recipe, lines, path)
    _check_values(settings, recipe.recipe, path)
    return LoadedSweep(name=path.stem + ("-smoke" if smoke else ""), path=path, settings=settings, recipe=recipe)


def with_values(recipe: Recipe, values: Values) -> Recipe:
    """The recipe with values at dotted keys.

    Raises:
        ValidationError: they do not fit each other.
    """
    data = recipe.model_dump(mode="json")
    for name, value in values.items():
        assign(data, tuple(name.split(".")), list(value) if isinstance(value, tuple) else value)
    return Recipe.model_validate(data)


def searchable_keys() -> list[str]:
    """The dotted keys of a recipe that a sweep may search."""
    return [key for key in _leaves(Recipe) if not key.startswith(_NOT_SEARCHED)]


def defaults_of(part: str) -> DecodingSettings | ClusterSettings:
    """What captioning does unless told otherwise, of `decoding` or `clustering`."""
    settings = load_config().settings
    return settings.captioner.decoding if part == "decoding" else settings.cluster


def _checked(given: dict[str, Any], lines: dict[tuple[str, ...], str]) -> SweepSettings:
    if isinstance(given.get("set"), Mapping):
        given["set"] = _flat(given["set"])
    spaces = given.get("param_space")
    if isinstance(spaces, dict) and isinstance(spaces.get("training"), Mapping):
        spaces["training"] = _flat(spaces["training"])
    aliased = {("set_" if name == "set" else name): value for name, value in given.items()}
    refuse_unknown(aliased, SweepSettings, (), lines)
    for part, found in (spaces or {}).items():
        for name, space in found.items() if isinstance(found, Mapping) else ():
            for kind in space if isinstance(space, Mapping) else ():
                if kind not in _KINDS:
                    where = lines.get(("param_space", str(part), str(name)), "config")
                    raise ConfigError(f"{where}: param_space.{part}.{name}: {kind!r}; {nearest(str(kind), _KINDS)}")
    try:
        return SweepSettings.model_validate(given)
    except ValidationError as error:
        raise ConfigError(explain_refusal(error, lines)) from None


def _recipe(settings: SweepSettings, path: Path) -> LoadedRecipe:
    """The recipe after `set`, with the sweep's data in it and without what the sweep does itself."""
    name = settings.recipe
    if name not in recipe_names() and (path.parent / name).is_file():
        name = str(path.parent / name)
    own = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.set_.items()]
    data = settings.data
    paths = {"train_jsonl": data.train, "val_jsonl": data.val, "image_root": data.image_root}
    named = [f"train.{key}={absolute(value, f'data: {key}')}" for key, value in paths.items() if value is not None]
    loaded = load_recipe(name, overrides=[*_ONCE, *own, *named])
    rendered = loaded.recipe.train.rendered is not None and loaded.recipe.train.train_jsonl is None
    if data.test is None and not rendered:
        raise ConfigError(f"{path}: data.test is not set; name records that no trial sees, for the winner's own figure")
    if not loaded.recipe.eval.generate:
        raise ConfigError(f"{path}: a sweep compares captions; the recipe's eval.generate must be true")
    return loaded


def _whole_keys(
    settings: SweepSettings, recipe: Recipe, lines: Mapping[tuple[str, ...], str], path: Path
) -> SweepSettings:
    known = searchable_keys()
    spaces: dict[str, Any] = {}
    for name, space in settings.param_space.training.items():
        ends = [key for key in known if key == name or key.endswith(f".{name}")]
        key = _OTHER_NAMES.get(name, name) if len(ends) != 1 else ends[0]
        if key not in known:
            where = lines.get(("param_space", "training", name), str(path))
            if key.startswith(_NOT_SEARCHED):
                raise ConfigError(f"{where}: param_space.training.{name}: the same for all trials; change it with set:")
            hint = f"one of {', '.join(ends)}" if ends else nearest(name, [*known, *_OTHER_NAMES])
            raise ConfigError(f"{where}: param_space.training: unknown key {name!r}; {hint}")
        if key in spaces:
            raise ConfigError(f"{path}: param_space.training names {key} twice")
        spaces[key] = space
    if "train.num_train_epochs" in spaces and recipe.train.steps_limit > 0:
        raise ConfigError(
            f"{path}: epochs make no difference where train.max_steps is set; set it to null, or search it"
        )
    parts = settings.param_space.model_copy(update={"training": spaces})
    return settings.model_copy(update={"param_space": parts})


def _check_values(settings: SweepSettings, recipe: Recipe, path: Path) -> None:
    """Try each value by itself; that two do not go together is found out when they meet."""
    for part, spaces in settings.param_space:
        for name, space in spaces.items():
            where = f"{path}: param_space.{part}.{name}"
            if part != "training" and name not in type(defaults_of(part)).model_fields:
                known = list(type(defaults_of(part)).model_fields)
                raise ConfigError(f"{where}: unknown key; {nearest(name, known)}")
            for value in space.extremes:
                _try(where, name, value, recipe if part == "training" else defaults_of(part))


def _try(where: str, name: str, value: Any, base: BaseModel) -> None:
    try:
        if isinstance(base, Recipe):
            with_values(base, {name: value})
        else:
            type(base).model_validate(base.model_dump() | {name: value})
    except (ValidationError, ConfigError) as error:
        errors = error.errors() if isinstance(error, ValidationError) else []
        if errors and not any(name.endswith(".".join(map(str, one["loc"]))) and one["loc"] for one in errors):
            return  # a rule about several settings, which another value may satisfy
        told = "; ".join(one["msg"].removeprefix("Value error, ") for one in errors) or str(error)
        raise ConfigError(f"{where}: {value!r}: {told}") from None


def _leaves(model: type[BaseModel], above: str = "") -> list[str]:
    found: list[str] = []
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        found += _leaves(section, f"{above}{name}.") if section else [f"{above}{name}"]
    return found


def _section(annotation: Any) -> type[BaseModel] | None:
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _flat(given: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """A recipe's nested sections as dotted keys."""
    flat: dict[str, Any] = {}
    for name, value in given.items():
        key = f"{above}{name}"
        if isinstance(value, Mapping) and any(leaf.startswith(f"{key}.") for leaf in _leaves(Recipe)):
            flat |= _flat(value, f"{key}.")
        else:
            flat[key] = value
    return flat
