"""Recipes: settings of a training run by name or from a file, with `--set key=value` and the recipe's smoke variant.

Knows where every value came from, so that an error names the file, the line, and the nearest valid key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from core.config import assign, explain_refusal, merged, nearest, parse_override, read_yaml, refuse_unknown
from core.errors import ConfigError, OutputError
from core.store import write_atomic
from core.training.settings import Recipe

__all__ = ["RECIPES", "LoadedRecipe", "load_recipe", "recipe_names", "write_recipe"]

RECIPES = Path(__file__).with_name("recipes")
"""Folder of the shipped recipes."""
_SMOKE = "smoke"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedRecipe:
    """A recipe's settings and where they came from."""

    name: str
    """The file's name without its ending; `-smoke` behind it where that variant was asked for."""
    path: Path
    recipe: Recipe


def recipe_names() -> list[str]:
    """The shipped recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def load_recipe(name: str, *, overrides: Sequence[str] = (), smoke: bool = False) -> LoadedRecipe:
    """Read and check a recipe.

    Args:
        name: one of `recipe_names`, or a path of a YAML file.
        overrides: `dotted.key=value` strings, values in YAML, applied last and in order.
        smoke: lay the file's `smoke:` section over it, which shrinks everything to a trial of the whole path.

    Raises:
        ConfigError: no such recipe, an unknown key (with the nearest valid one), or a value of the wrong kind.
    """
    path = _find(name)
    given, lines = read_yaml(path)
    shrunk = given.pop(_SMOKE, None)
    shrunk_lines = {key[1:]: lines.pop(key) for key in list(lines) if key[0] == _SMOKE and len(key) > 1}
    if smoke:
        if not isinstance(shrunk, Mapping):
            raise ConfigError(f"{path} has no smoke: section; add one with what a trial run is to change")
        refuse_unknown(shrunk, Recipe, (), shrunk_lines)
        given, lines = merged(given, shrunk), lines | shrunk_lines
    for override in overrides:
        key, value = parse_override(override)
        assign(given, key, value)
        lines[key] = f"--set {override}"
    refuse_unknown(given, Recipe, (), lines)
    try:
        recipe = Recipe.model_validate(given)
    except ValidationError as error:
        raise ConfigError(explain_refusal(error, lines)) from None
    return LoadedRecipe(name=path.stem + ("-smoke" if smoke else ""), path=path, recipe=recipe)


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write the settings in full, as a file that `load_recipe` reads.

    Raises:
        OutputError: the file cannot be written.
    """
    data: dict[str, Any] = recipe.model_dump(mode="json")
    try:
        write_atomic(path, yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=100).encode())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def _find(name: str) -> Path:
    shipped = RECIPES / f"{name}.yaml"
    if name in recipe_names():
        return shipped
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        if not path.is_file():
            raise ConfigError(f"--recipe: there is no file {path}; shipped recipes: {', '.join(recipe_names())}")
        return path
    raise ConfigError(f"--recipe: no recipe {name!r}; {nearest(name, recipe_names())}")
