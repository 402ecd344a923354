"""The adapter in use: chosen by a sweep or by hand, remembered in `best.json`, taken over by captioning and the page.

`best.json` in the results' folder holds an entry of the registry; where there is none, what is shipped is used.
"""

import json
from dataclasses import replace
from pathlib import Path

from core.config import LoadedConfig, with_defaults
from core.errors import ConfigError, InputError, ModelError
from core.registry import ENTRY, NO_ADAPTER, SHIPPED, Entry, adapter_folder, find_adapter, read_entry, write_entry
from core.store import write_atomic
from core.vlm.adapters import open_adapter
from core.vlm.checkpoint import find_checkpoint

__all__ = ["apply_best", "best_entry", "roll_back", "use_adapter"]

_BEST, _HISTORY = "best.json", "best-history.jsonl"


def best_entry(results: Path) -> Entry | None:
    """What is in use: by `best.json` in the results' folder, else by the one that is shipped; None where there is none.

    Raises:
        InputError: `best.json` is damaged, or names an adapter that has gone.
    """
    for path in (results / _BEST, SHIPPED / _BEST):
        if path.is_file():
            entry = read_entry(path, None)
            if entry.name == NO_ADAPTER:
                return entry
            folder = find_adapter(entry.name, results)
            if folder is None:
                raise InputError(
                    f"{path} names the adapter {entry.name!r}, which has gone; choose another with `montage adapters "
                    f"use NAME`, or `montage adapters use {NO_ADAPTER}`"
                )
            return replace(entry, folder=folder)
    return None


def use_adapter(name: str, results: Path) -> Entry:
    """Make an adapter, or `none`, the one that is used; what was used before is kept for `roll_back`.

    Raises:
        ConfigError: there is none of this name.
    """
    if name == NO_ADAPTER:
        entry = Entry(name=NO_ADAPTER, folder=None)
    else:
        folder = adapter_folder(name, results)
        if not (folder / ENTRY).is_file():
            raise ConfigError(
                f"{folder} is not in the registry: a sweep puts its best there, and `montage adapters add FOLDER` any"
            )
        open_adapter(folder)  # not a damaged one
        entry = read_entry(folder / ENTRY, folder)
    current = results / _BEST
    before = current.read_text(encoding="utf-8") if current.is_file() else "null"
    history = results / _HISTORY
    lines = history.read_text(encoding="utf-8") if history.is_file() else ""
    write_atomic(history, f"{lines}{json.dumps(json.loads(before), ensure_ascii=False)}\n".encode())
    write_entry(current, entry)
    return entry


def roll_back(results: Path) -> Entry | None:
    """Use what was used before; None where that is what is shipped with Montage.

    Raises:
        InputError: nothing was used before.
    """
    history = results / _HISTORY
    lines = history.read_text(encoding="utf-8").splitlines() if history.is_file() else []
    if not lines:
        raise InputError(f"there is nothing to roll back to: {history} holds no earlier choice")
    before = json.loads(lines[-1])
    if before is None:
        (results / _BEST).unlink(missing_ok=True)
    else:
        write_atomic(results / _BEST, (json.dumps(before, indent=2, ensure_ascii=False) + "\n").encode())
    write_atomic(history, "".join(f"{line}\n" for line in lines[:-1]).encode())
    return best_entry(results)


def apply_best(loaded: LoadedConfig, results: Path) -> tuple[LoadedConfig, str | None]:
    """Settings with the best adapter and what goes with it, where the user named nothing else.

    An adapter goes on the very model that it was trained on: for any other it is left alone, and a sentence says so.

    Returns:
        The settings, and a sentence for the user where something was, or could not be, taken over.

    Raises:
        InputError: as `best_entry`.
    """
    entry = best_entry(results)
    if entry is None:
        return loaded, None
    defaults = {f"cluster.{key}": value for key, value in entry.clustering.items()}
    notice = None
    if entry.folder is not None and "captioner.adapter_path" not in loaded.named:
        fits, notice = _fits(entry, loaded)
        if fits:
            defaults["captioner.adapter_path"] = entry.name
            defaults |= {f"captioner.decoding.{key}": value for key, value in entry.decoding.items()}
    elif entry.folder is None:
        defaults |= {f"captioner.decoding.{key}": value for key, value in entry.decoding.items()}
    return with_defaults(loaded, defaults, f"the entry of {entry.name!r} in the registry"), notice


def _fits(entry: Entry, loaded: LoadedConfig) -> tuple[bool, str | None]:
    """Whether the settings' modes have the model that an adapter goes on, and what to tell."""
    assert entry.folder is not None
    captioner, family = loaded.settings.captioner, open_adapter(entry.folder).family
    if "captioner" not in loaded.settings.pipeline or family is None or family not in captioner.families:
        return False, None
    try:
        checkpoint, _ = find_checkpoint(family, getattr(captioner.models, family))
    except (ModelError, ConfigError):
        return False, None  # told where the model is looked for
    if checkpoint.key != entry.base.get("checksum"):
        return False, (
            f"the adapter {entry.name} goes on {entry.base.get('name', 'another model')}, not on this "
            f"{checkpoint.name}, and is not used. `montage adapters list` shows others."
        )
    return True, (
        f"{checkpoint.name} writes with the adapter {entry.name}, the best at hand (`montage adapters show "
        f"{entry.name}`). For the model alone: --adapter {NO_ADAPTER}."
    )
