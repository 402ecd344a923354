"""What this machine can do (`montage doctor`)."""

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import psutil

from core.store import Store
from core.vlm.loading import choose_dtype
from core.vlm.presets import MINI, PRESETS
from core.weights import MINI_CLIP, hub_is_offline, hub_is_reachable

__all__ = ["Finding", "examine_machine", "readable_size"]

Status = Literal["ok", "note", "failed"]
_GB = 1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    status: Status
    detail: str
    seconds: float | None = None
    facts: dict[str, Any] | None = None
    """The same for a program."""


def examine_machine(store: Store) -> Iterator[Finding]:
    """Look at processors, memory, libraries, GPU, hub and stores; loads no model."""
    memory = psutil.virtual_memory()
    detail = f"{os.cpu_count()} processors, {memory.total / _GB:.0f} GB memory ({memory.available / _GB:.0f} GB free)"
    yield Finding(
        subject="machine", status="ok", detail=f"{platform.system()} {platform.machine()}, {detail}",
        facts={"processors": os.cpu_count(), "memory_bytes": memory.total, "free_bytes": memory.available},
    )  # fmt: skip
    yield Finding(subject="python", status="ok", detail=platform.python_version())
    yield from _libraries()
    yield _gpu()
    yield _hub()
    yield from _stores(store)
    yield from _models()


def _libraries() -> Iterator[Finding]:
    wanted = ("torch", "transformers", "peft", "accelerate", "open_clip_torch", "gradio")
    found = {name: _version(name) for name in wanted}
    missing = [name for name, number in found.items() if number is None]
    detail = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    yield Finding(subject="libraries", status="failed" if missing else "ok", detail=detail, facts=found)
    for name, purpose in (("bitsandbytes", "8-bit and 4-bit models"), ("ray", "training on many machines, and sweeps")):
        number = _version(name)
        detail = f"{number}: {purpose}" if number else f"not installed; needed for {purpose}"
        yield Finding(subject=name, status="ok" if number else "note", detail=detail, facts={"version": number})


def _gpu() -> Finding:
    import torch

    if not torch.cuda.is_available():
        settings = _any_device()
        detail = f"none; models run on the processor in {choose_dtype(settings)}, {torch.get_num_threads()} threads"
        return Finding(subject="gpu", status="note", detail=detail, facts={"count": 0})
    cards = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        cards.append(f"{torch.cuda.get_device_name(index)}, {total / _GB:.0f} GB ({free / _GB:.0f} GB free)")
    bf16 = "computes in bfloat16" if torch.cuda.is_bf16_supported() else "does not compute in bfloat16"
    return Finding(subject="gpu", status="ok", detail=f"{'; '.join(cards)}; {bf16}", facts={"count": len(cards)})


def _hub() -> Finding:
    if hub_is_offline():
        return Finding(subject="model hub", status="note", detail="not asked: HF_HUB_OFFLINE is set")
    reachable = hub_is_reachable()
    detail = "can be reached" if reachable else "cannot be reached; models that are on this machine work all the same"
    return Finding(subject="model hub", status="ok" if reachable else "note", detail=detail)


def _stores(store: Store) -> Iterator[Finding]:
    from huggingface_hub import constants

    sizes = list(store.sizes())
    total = sum(size for _, _, size in sizes)
    kinds = ", ".join(f"{count} {kind}" for kind, count, _ in sizes) or "empty"
    yield Finding(
        subject="store", status="ok", detail=f"{store.root}: {readable_size(total)} ({kinds}){_free(store.root)}",
        facts={"bytes": total},
    )  # fmt: skip
    cache = Path(constants.HF_HUB_CACHE)
    models = sorted(path.name.removeprefix("models--").replace("--", "/") for path in cache.glob("models--*"))
    size = readable_size(sum(path.stat().st_size for path in cache.glob("models--*/blobs/*")))
    detail = f"{cache}: {size} ({', '.join(models) or 'no models'}){_free(cache)}"
    yield Finding(subject="hub's cache", status="ok", detail=detail)


def _models() -> Iterator[Finding]:
    minis = ["mini (CLIP)"] if MINI_CLIP.is_dir() else []
    minis += [f"mini-{family}" for family, folder in MINI.items() if (folder / "config.json").is_file()]
    presets = ", ".join(f"{name} ({preset.size_gb:g} GB)" for name, preset in PRESETS.items())
    yield Finding(subject="built-in models", status="ok", detail=", ".join(minis))
    yield Finding(subject="models by name", status="ok", detail=presets)


def _any_device() -> Any:
    from core.settings import LoadSettings

    return LoadSettings(device="auto", dtype="auto", quantization="none", batch_size=1)


def _free(path: Path | None) -> str:
    existing = next((p for p in (path, *path.parents) if p.exists()), None) if path else None
    return f", {shutil.disk_usage(existing).free / _GB:.0f} GB free" if existing else ""


def readable_size(count: float) -> str:
    """Bytes in the unit that a person would use."""
    return f"{count / _GB:.1f} GB" if count >= 0.95 * _GB else f"{count / 1e6:.1f} MB"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
