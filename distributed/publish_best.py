"""Put a sweep's winner into the registry with the settings that it won with, and make it the adapter in use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.best import use_adapter
from core.registry import register_adapter

__all__ = ["publish_best"]


def publish_best(
    chosen: Path,
    *,
    results: Path,
    name: str,
    base: Mapping[str, str],
    decoding: Mapping[str, Any],
    clustering: Mapping[str, Any],
    metrics: Mapping[str, Any],
    source: Mapping[str, Any],
) -> Path:
    """Copy the adapter into the registry and name it in `best.json`; `montage adapters rollback` undoes the latter.

    Args:
        chosen: the trained adapter's folder.
        results: the results' folder, whose `adapters/` is the registry.
        base: `name` and `checksum` of the model it goes on.
        metrics: on records that no trial saw.
        source: the sweep, its run and its command.

    Returns:
        Its folder in the registry.

    Raises:
        ModelError: the folder holds no adapter.
    """
    folder = register_adapter(
        chosen,
        results=results,
        name=name,
        base=base,
        decoding=decoding,
        clustering=clustering,
        metrics=metrics,
        source=source,
    )
    use_adapter(folder.name, results)
    return folder
