"""`montage config`: the settings, their values and what they mean."""

from typing import Any

import yaml
from pydantic import BaseModel

from cli.options import ConfigOption, SetOption
from core.config import load_config

__all__ = ["show_config"]


def show_config(config: ConfigOption = None, set_: SetOption = None) -> None:
    """Print every setting with its value and meaning, as a YAML file to start from."""
    loaded = load_config(config, overrides=set_ or [])
    _print_section(loaded.settings, "", loaded.named)


def _print_section(section: BaseModel, above: str, named: frozenset[str]) -> None:
    indent = "  " * above.count(".")
    for name, field in type(section).model_fields.items():
        value, path = getattr(section, name), f"{above}{name}"
        if isinstance(value, BaseModel):
            print(f"{'' if above else chr(10)}{indent}# {' '.join((type(value).__doc__ or '').split())}")
            print(f"{indent}{name}:")
            _print_section(value, f"{path}.", named)
        else:
            # A model that a file names is never replaced by `mini`, so one that nobody named is not named here.
            model = path in ("embeddings.model", "embeddings.pretrained") and path not in named
            _print_setting(name, value, field.description, indent=f"{indent}# " if model else indent)


def _print_setting(name: str, value: Any, description: str | None, *, indent: str) -> None:
    plain = {k: list(v) for k, v in value.items()} if isinstance(value, dict) else value
    plain = list(plain) if isinstance(plain, tuple) else plain
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=100, sort_keys=False)
    lines = text.removesuffix("...\n").splitlines()
    print(f"{indent.removesuffix('# ')}# {' '.join((description or '').split())}")
    print(f"{indent}{name}: " + f"\n{indent}  ".join(lines))
