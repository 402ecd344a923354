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
    settings = loaded.settings
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            print(f"\n# {' '.join((type(value).__doc__ or '').split())}\n{name}:")
            for inner, inner_field in type(value).model_fields.items():
                # A model that a file names is never replaced by `mini`, so one that nobody named is not named here.
                model = name == "embeddings" and inner in ("model", "pretrained")
                indent = "  # " if model and f"{name}.{inner}" not in loaded.named else "  "
                _print_setting(inner, getattr(value, inner), inner_field.description, indent=indent)
        else:
            _print_setting(name, value, field.description, indent="")


def _print_setting(name: str, value: Any, description: str | None, *, indent: str) -> None:
    plain = {k: list(v) for k, v in value.items()} if isinstance(value, dict) else value
    plain = list(plain) if isinstance(plain, tuple) else plain
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=100, sort_keys=False)
    lines = text.removesuffix("...\n").splitlines()
    print(f"{indent.removesuffix('# ')}# {' '.join((description or '').split())}")
    print(f"{indent}{name}: " + f"\n{indent}  ".join(lines))
