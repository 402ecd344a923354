"""Read settings: the defaults, a club's YAML laid over them, and `key=value` overrides over both.

Knows where every value came from, so that an error names the file, the line, and the nearest valid key.
"""

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from core.errors import ConfigError
from core.settings import PipelineConfig

__all__ = ["LoadedConfig", "config_hash", "load_config", "nearest", "with_defaults"]

DEFAULTS_PATH = Path(__file__).with_name("defaults.yaml")
Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedConfig:
    """Settings, and which of them the user named."""

    settings: PipelineConfig
    """The checked settings."""
    named: frozenset[str]
    """Dotted keys that the user's file or overrides set, e.g. `embeddings.model`."""


def load_config(path: Path | None = None, *, overrides: Sequence[str] = ()) -> LoadedConfig:
    """Lay a YAML file and `key=value` overrides over the defaults, and check the result.

    Args:
        path: a club's YAML file; None takes the defaults.
        overrides: `dotted.key=value` strings, values in YAML, applied last and in order.

    Raises:
        ConfigError: an unknown key (with the nearest valid one), a value of the wrong kind, or unreadable YAML;
            with file and line where there is one.
    """
    given: dict[str, Any] = {}
    lines: dict[Key, str] = {}
    if path is not None:
        given, lines = read_yaml(path)
    for override in overrides:
        key, value = parse_override(override)
        assign(given, key, value)
        lines[key] = f"--set {override}"
    _move_selection_up(given, lines)
    refuse_unknown(given, PipelineConfig, (), lines)
    whole = merged(_defaults(), given)
    try:
        settings = PipelineConfig.model_validate(whole)
    except ValidationError as error:
        raise ConfigError(explain_refusal(error, lines)) from None
    return LoadedConfig(settings=settings, named=frozenset(".".join(key) for key in _leaves(given)))


def with_defaults(loaded: LoadedConfig, defaults: Mapping[str, Any], whence: str) -> LoadedConfig:
    """Settings in which other defaults stand for what the user did not name.

    Args:
        defaults: values by dotted key.
        whence: where they come from, for errors.

    Raises:
        ConfigError: an unknown key or a value of the wrong kind.
    """
    given: dict[str, Any] = {}
    for key, value in defaults.items():
        if key not in loaded.named:
            assign(given, tuple(key.split(".")), value)
    lines = {key[:i]: whence for key in _leaves(given) for i in range(1, len(key) + 1)}
    refuse_unknown(given, PipelineConfig, (), lines)
    try:
        settings = PipelineConfig.model_validate(merged(loaded.settings.model_dump(), given))
    except ValidationError as error:
        raise ConfigError(explain_refusal(error, lines)) from None
    return LoadedConfig(settings=settings, named=loaded.named)


def config_hash(settings: BaseModel) -> str:
    """Short checksum of settings, the same for equal settings: 12 hexadecimal digits."""
    text = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def nearest(word: str, choices: Sequence[str]) -> str:
    """A hint naming the choice closest to a misspelt word, or all choices when none is close."""
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"valid: {', '.join(sorted(choices))}"


@cache
def _defaults() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(DEFAULTS_PATH.read_text(encoding="utf-8"))
    return loaded


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Key, str]]:
    """A YAML file's mapping, and the file and line of each key; a ConfigError names the place that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the config {path}: {error}") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    if data is None or node is None:
        return {}, {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected keys and values, got {type(data).__name__}")
    lines = {key: f"{path}:{line}" for key, line in _node_lines(node, (), path)}
    return data, lines


def _node_lines(node: yaml.Node, above: Key, path: Path) -> Iterator[tuple[Key, int]]:
    if not isinstance(node, yaml.MappingNode) or len(above) > 4:  # deeper than any setting; an alias may go round
        return
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in seen:
            raise ConfigError(f"{path}:{line}: {key!r} is given twice (first on line {seen[key]})")
        seen[key] = line
        yield (*above, key), line
        yield from _node_lines(value_node, (*above, key), path)


def parse_override(override: str) -> tuple[Key, Any]:
    """Key and value of `--set key=value`, the value read as YAML."""
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set expects key=value, for example cluster.k=4, got {override!r}")
    try:
        return tuple(key.strip().split(".")), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not valid YAML: {error}") from None


def assign(target: dict[str, Any], key: Key, value: Any) -> None:
    """Sets a key within nested mappings, made where they are missing."""
    for i, part in enumerate(key[:-1]):
        below = target.setdefault(part, {})
        if not isinstance(below, dict):
            raise ConfigError(f"--set {'.'.join(key)}: {'.'.join(key[: i + 1])} holds a value, not further keys")
        target = below
    target[key[-1]] = value


def _move_selection_up(given: dict[str, Any], lines: dict[Key, str]) -> None:
    """Older files keep `selection` under `cluster`."""
    cluster = given.get("cluster")
    if not isinstance(cluster, dict) or "selection" not in cluster:
        return
    where = lines.get(("cluster", "selection"), "config")
    inner = cluster["selection"]
    if "selection" in given and given["selection"] != inner:
        raise ConfigError(f"{where}: selection is given twice, at the top and under cluster, with different values")
    given["cluster"] = {key: value for key, value in cluster.items() if key != "selection"}
    given["selection"] = inner
    for key in [key for key in lines if key[:2] == ("cluster", "selection")]:
        lines.setdefault(key[1:], lines[key])


def refuse_unknown(given: Mapping[str, Any], model: type[BaseModel], above: Key, lines: dict[Key, str]) -> None:
    """Raises a ConfigError for a key that the settings do not have, with its line and the nearest valid name."""
    for name, value in given.items():
        key = (*above, str(name))
        where = lines.get(key, "config")
        field = model.model_fields.get(str(name))
        if field is None:
            hint = nearest(str(name), list(model.model_fields))
            raise ConfigError(f"{where}: unknown key {'.'.join(key)!r}; {hint}")
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            if not isinstance(value, Mapping):
                got = "nothing" if value is None else repr(value)
                keys = ", ".join(section.model_fields)
                raise ConfigError(f"{where}: {'.'.join(key)} expects keys ({keys}), got {got}")
            refuse_unknown(value, section, key, lines)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Sections are merged key by key; lists and `label_hashtags` are replaced whole."""
    both = dict(base)
    for key, value in over.items():
        is_section = isinstance(value, Mapping) and isinstance(base.get(key), Mapping) and key != "label_hashtags"
        both[key] = merged(base[key], value) if is_section else value
    return both


def _leaves(given: Mapping[str, Any], above: Key = ()) -> Iterator[Key]:
    for key, value in given.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, str(key)))
        else:
            yield (*above, str(key))


def explain_refusal(error: ValidationError, lines: dict[Key, str]) -> str:
    """What pydantic refused, in plain words, each value with the line that it came from."""
    messages = []
    for problem in error.errors():
        path = tuple(part for part in map(str, problem["loc"]) if part.replace("_", "").isalnum())
        where = next((lines[path[:i]] for i in range(len(path), 0, -1) if path[:i] in lines), "config")
        text = problem["msg"].removeprefix("Value error, ")
        got = problem.get("input")
        if path == ("cluster", "k"):
            text = f"expected auto or a whole number of at least 1, got {got!r}"
        elif problem["type"] == "literal_error":
            choices = [word.strip(" '") for word in str(problem["ctx"]["expected"]).replace(" or ", ", ").split(",")]
            text = f"expected {problem['ctx']['expected']}, got {got!r}"
            if isinstance(got, str):
                text += f"; {nearest(got, choices)}"
        elif not isinstance(got, Mapping):
            text = f"{text}, got {got!r}" if "got" not in text else text
        messages.append(f"{where}: {'.'.join(path)}: {text}" if path else f"{where}: {text}")
    return "\n".join(dict.fromkeys(messages))
