"""The adapters at hand: those that are shipped, and those that runs have made.

An adapter's folder holds what PEFT wrote, its card, and `registry.json`: its base with checksum, and the decoding and
clustering settings it was found best with. Which one is used is `core.best`'s.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.config import nearest
from core.errors import ConfigError, InputError, ModelError
from core.store import write_atomic
from core.vlm.adapters import open_adapter

__all__ = [
    "ENTRY",
    "NO_ADAPTER",
    "SHIPPED",
    "Entry",
    "adapter_folder",
    "default_results_root",
    "find_adapter",
    "list_adapters",
    "read_entry",
    "register_adapter",
    "write_entry",
]

SHIPPED = Path(__file__).parents[1] / "adapters"
NO_ADAPTER = "none"
"""Named instead of an adapter: the model alone."""
ENTRY = "registry.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """An adapter that is at hand, or none, with the settings that go with it."""

    name: str
    folder: Path | None
    """None where no adapter is to be used."""
    base: Mapping[str, str] = field(default_factory=dict)
    """`name` and `checksum` of the model it goes on."""
    decoding: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `captioner.decoding`."""
    clustering: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `cluster`."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    """The run, sweep and command that it came from."""

    def as_json(self) -> dict[str, Any]:
        """What `registry.json` and `best.json` hold: no path, so that the folder can be moved."""
        told = {name: getattr(self, name) for name in ("base", "decoding", "clustering", "metrics", "source")}
        return {"adapter": None if self.name == NO_ADAPTER else self.name, **{k: dict(v) for k, v in told.items() if v}}


def default_results_root() -> Path:
    """Where results lie unless told otherwise: $MONTAGE_RESULTS where that is a folder, else `results` here."""
    named = os.environ.get("MONTAGE_RESULTS", "")
    return Path(named) if named and "://" not in named else Path("results")


def list_adapters(results: Path) -> list[Entry]:
    """All adapters, those that runs have made first; one that is damaged is left out.

    Args:
        results: the results' folder, whose `adapters/` holds what runs have made.
    """
    found: dict[str, Entry] = {}
    for root in (results / "adapters", SHIPPED):
        for path in sorted(root.glob(f"*/{ENTRY}")):
            with contextlib.suppress(InputError):
                found.setdefault(path.parent.name, read_entry(path, path.parent))
    return list(found.values())


def adapter_folder(name: str, results: Path) -> Path:
    """The folder of an adapter, by its path or by its name in the registry.

    Raises:
        ConfigError: there is none of this name.
    """
    folder = find_adapter(name, results)
    if folder is None and ("/" in name or os.sep in name or Path(name).exists()):
        return Path(name)
    if folder is None:
        names = [entry.name for entry in list_adapters(results)]
        hint = nearest(name, names) if names else "there are none yet"
        raise ConfigError(f"no adapter or folder {name!r}; {hint} (`montage adapters list` shows all)")
    return folder


def register_adapter(
    folder: Path,
    *,
    results: Path,
    name: str,
    base: Mapping[str, str],
    decoding: Mapping[str, Any] | None = None,
    clustering: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    replace: bool = False,
) -> Path:
    """Copy an adapter into the registry; the same one under the same name is taken in once.

    Args:
        folder: of the adapter, such as a run's `best/`.
        name: letters, digits, `.`, `_`, `-`; where another adapter has it, six digits of the checksum are added.
        base: `name` and `checksum` of the model it was trained on.
        replace: put it in the place of another adapter of this name.

    Returns:
        Its folder in the registry.

    Raises:
        ConfigError: the name cannot be one.
        ModelError: the folder holds no adapter.
    """
    if not _NAME.fullmatch(name) or name == NO_ADAPTER:
        raise ConfigError(f"an adapter's name is letters, digits, '.', '_' and '-', and not 'none'; got {name!r}")
    adapter, root = open_adapter(folder), results / "adapters"
    taken = None if replace else find_adapter(name, results)
    if taken is not None and _key(taken) != adapter.key:
        name = f"{name}-{adapter.key[:6]}"
    target = root / name
    entry = Entry(
        name=name,
        folder=target,
        base=base,
        decoding=decoding or {},
        clustering=clustering or {},
        metrics=metrics or {},
        source=source or {},
    )
    root.mkdir(parents=True, exist_ok=True)
    if replace or not target.is_dir() or _key(target) != adapter.key:
        with tempfile.TemporaryDirectory(dir=root, prefix=f".{name}.") as beside:
            copied = shutil.copytree(folder, Path(beside) / name)
            write_entry(copied / ENTRY, entry)
            if target.exists():  # another, to be replaced, or a damaged one
                shutil.rmtree(target)
            os.replace(copied, target)
    write_entry(target / ENTRY, entry)
    return target


def find_adapter(name: str, results: Path) -> Path | None:
    """The folder of an adapter of the registry, by its name; None where there is none."""
    roots = (results / "adapters", SHIPPED) if _NAME.fullmatch(name) else ()
    return next((root / name for root in roots if (root / name / ENTRY).is_file()), None)


def _key(folder: Path) -> str | None:
    try:
        return open_adapter(folder).key
    except ModelError:
        return None


def read_entry(path: Path, folder: Path | None) -> Entry:
    """What `registry.json`, or `best.json`, says of the adapter in a folder.

    Raises:
        InputError: it is damaged.
    """
    told = _read(path)
    parts = {name: told.get(name) or {} for name in ("base", "decoding", "clustering", "metrics", "source")}
    if not all(isinstance(value, dict) for value in parts.values()):
        raise InputError(f"{path} is damaged: expected keys and values under {', '.join(parts)}")
    name = folder.name if folder is not None else str(told.get("adapter") or NO_ADAPTER)
    return Entry(name=name, folder=folder, **parts)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged: {error}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path} is damaged: expected keys and values, got {type(data).__name__}")
    return data


def write_entry(path: Path, entry: Entry) -> None:
    """Writes what `read_entry` reads."""
    write_atomic(path, (json.dumps(entry.as_json(), indent=2, ensure_ascii=False) + "\n").encode())
