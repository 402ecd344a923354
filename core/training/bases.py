"""Fine-tuned models by their folders; the base that an adapter was trained on, and the name it is to be known by."""

import json
import re
from pathlib import Path

from core.errors import ConfigError, ModelError
from core.vlm.adapters import Adapter, open_adapter
from core.vlm.checkpoint import Checkpoint, open_checkpoint
from core.vlm.names import find_named
from core.vlm.presets import MINI, PRESETS

__all__ = ["find_base", "is_path", "open_tuned", "published_name"]

_CACHED = re.compile(r"models--([^/\\]+)--([^/\\]+)[/\\]snapshots[/\\]")


def published_name(name: str) -> str:
    """A base by a name that means the same on every machine: a hub id, a mini; else its folder's name alone.

    >>> published_name("git-base"), published_name("/home/me/models/our-git")
    ('microsoft/git-base', 'our-git')
    """
    if not is_path(name):
        return PRESETS[name].repository if name in PRESETS else name
    folder = Path(name).resolve() if Path(name).is_dir() else Path(name.replace("\\", "/"))
    cached = _CACHED.search(name)
    mini = next((f"mini-{family}" for family, path in MINI.items() if folder == path.resolve()), None)
    return mini or (f"{cached[1]}/{cached[2]}" if cached else folder.name)


def is_path(name: str) -> bool:
    """Whether a model's name is a folder's on some machine, and not a hub id, a preset or a mini."""
    return name.startswith(("/", ".", "~")) or "\\" in name or name.count("/") > 1 or Path(name).is_dir()


def find_base(adapter: Adapter, name: str | None = None) -> Checkpoint:
    """Find an adapter's base.

    Args:
        name: as `find_named` takes it; None takes the folder that the adapter's run was begun with, where it lies
            there unchanged, else what the adapter names.

    Raises:
        ConfigError, ModelError: as `find_named`; where the adapter names no model that is to be found, says so.
    """
    if name is not None:
        return find_named(name)[0]
    known = _base_of_run(adapter)
    if known is not None:
        return known
    try:
        return find_named(adapter.base)[0]
    except (ConfigError, ModelError) as error:
        told = f"{adapter.folder} was trained on {adapter.base!r}, which is not to be found; name it with --model"
        raise type(error)(f"{told} ({error})") from None


def open_tuned(folder: Path) -> Adapter | Checkpoint:
    """A fine-tuned model by its folder: an adapter, or a whole checkpoint.

    Raises:
        ModelError: it is neither, or damaged.
    """
    if (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file():
        return open_checkpoint(folder, name=str(folder))
    return open_adapter(folder)


def _base_of_run(adapter: Adapter) -> Checkpoint | None:
    """The base that the run's own record gives the path of; None where there is no such folder, or another model."""
    try:
        base = json.loads((adapter.folder.resolve().parent / "run.json").read_text(encoding="utf-8"))["base"]
        path, checksum = Path(base["name"]), base["checksum"]
        found = open_checkpoint(path, name=base["name"]) if path.is_dir() else None
    except (OSError, ValueError, KeyError, TypeError, ModelError):
        return None
    return found if found is not None and found.key == checksum else None
