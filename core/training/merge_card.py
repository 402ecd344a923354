"""The model card of a merged checkpoint: what was merged into what, and what the adapter's own card says."""

import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import OutputError
from core.store import write_atomic
from core.training.bases import published_name
from core.training.page import render
from core.vlm.adapters import Adapter
from core.vlm.checkpoint import Checkpoint

if TYPE_CHECKING:
    from core.training.merge import Merged

__all__ = ["write_merge_card"]

_PHOTOS = "card"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_FORM = "[More Information Needed]"
"""PEFT writes a card that nobody has filled in."""
_FRONT_MATTER = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
_FENCED = re.compile(r"(^```.*?^```|\Z)", re.DOTALL | re.MULTILINE)


def write_merge_card(merged: "Merged", base: Checkpoint, adapter: Adapter, saved: Checkpoint) -> Path:
    """Write `README.md` into a merged checkpoint's folder, with the pictures of the adapter's card.

    Args:
        base: what was merged into.
        saved: the merged checkpoint, as it was read again.

    Raises:
        OutputError: it cannot be written.
    """
    name, path = published_name(base.name), merged.folder / "README.md"
    text = render(
        "merged_card.md",
        name=merged.folder.resolve().name,
        base=name,
        base_checksum=base.key,
        family=base.family.name,
        adapter=_adapter_name(adapter.folder),
        adapter_checksum=adapter.key,
        adapter_card=_card_of(adapter.folder),
        merged=merged,
        merged_checksum=saved.key,
        prompt=saved.prompt.text,
        versions={package: version(package) for package in ("torch", "transformers", "peft")},
    )
    try:
        if (adapter.folder / _PHOTOS).is_dir():
            shutil.copytree(adapter.folder / _PHOTOS, merged.folder / _PHOTOS, dirs_exist_ok=True)
        write_atomic(path, (_front_matter(name, merged) + text).encode())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def _front_matter(base: str, merged: "Merged") -> str:
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        base_model=base if _HUB_ID.fullmatch(base) else None,
        library_name="transformers",
        pipeline_tag="image-to-text",
        tags=["image-captioning", "montage", "merged-lora"],
        model_name=merged.folder.resolve().name,
    )
    return f"---\n{str(data.to_yaml()).rstrip()}\n---\n\n"


def _adapter_name(folder: Path) -> str:
    """A folder's name; of a run's `best` or `last` with the run's."""
    real = folder.resolve()
    return f"{real.parent.name}/{real.name}" if real.name in ("best", "last") else real.name


def _card_of(folder: Path) -> str:
    """The text of a folder's card, with headings two steps lower; empty where it has none to speak of."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    if _FORM in text:
        return ""
    parts = _FENCED.split(_FRONT_MATTER.sub("", text).strip())
    lowered = [part if part.startswith("```") else re.sub(r"(?m)^(#{1,4}) ", r"##\1 ", part) for part in parts]
    return "".join(lowered).strip()
