"""Import other people's captioned photos: tell the format, and turn it into records with their photos beside them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from core.errors import ConfigError, InputError
from core.settings import IngestSettings
from core.store import digest
from core.training.import_json import coco_items, folder_items, sharegpt_items
from core.training.import_tables import find_tables, table_items
from core.training.imported import Imported, Item, write_import
from core.training.json_stream import iter_json
from core.training.problems import Problem
from core.training.record import RecordLimits
from core.training.records import DEFAULT_LIMITS

__all__ = ["FORMATS", "Format", "import_data", "tell_format"]

Format = Literal["folder", "table", "sharegpt", "coco"]
FORMATS: dict[Format, str] = {
    "folder": "a folder of photos with metadata.jsonl (Hugging Face's image folder)",
    "table": "parquet or Arrow files, or a folder of them (a Hugging Face data set on disk)",
    "sharegpt": "a JSON list, or JSON lines, of conversations with image paths",
    "coco": "COCO's captions JSON",
}
_USED: dict[Format, set[str]] = {
    "folder": {"--caption-key", "--part"},
    "table": {"--caption-key", "--image-key", "--part"},
    "sharegpt": {"--images"},
    "coco": {"--images"},
}
_COCO = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"(?:info|images|annotations|licenses|type)"\s*:')


def import_data(
    source: Path,
    out: Path,
    *,
    ingest_settings: IngestSettings,
    format: Format | None = None,
    images: Path | None = None,
    caption_key: str | None = None,
    image_key: str | None = None,
    split: str | None = None,
    event: str = "",
    limits: RecordLimits = DEFAULT_LIMITS,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """Import captioned photos into a folder of `records.jsonl` and `images/`.

    Args:
        format: what the source is; None looks.
        images: folder of the photos, for `sharegpt` and `coco`; None looks beside the file.
        caption_key: key or column of the caption; None takes the first usual one.
        image_key: column of the photo, for `table`.
        split: only this part of the data set, for `folder` and `table`.
        event: name of the event for photos that have none.

    Raises:
        ConfigError: an option means nothing for the format.
        InputError: the source is not what it should be, or nothing in it is usable.
        OutputError: the folder cannot be written, or holds something else.
    """
    kind = format or tell_format(source)
    given = {"--images": images, "--caption-key": caption_key, "--image-key": image_key, "--part": split}
    for option, value in given.items():
        if value is not None and option not in _USED[kind]:
            raise ConfigError(f"{option} means nothing for the format {kind} ({FORMATS[kind]}); leave it out")
    if kind in ("folder", "table") and source.resolve() in (out.resolve(), *out.resolve().parents):
        raise InputError(f"--out {out} lies in {source}, which is imported; name a folder elsewhere")
    items = _items(source, kind, images, caption_key, image_key, split)
    options: list[Any] = [str(source.resolve()), kind, caption_key, image_key, split, event]
    return write_import(
        items,
        out,
        ingest_settings=ingest_settings,
        limits=limits,
        event=event,
        signature=f"{source.name} ({kind}) {digest(*options)[:12]}",
        overwrite=overwrite,
        progress=progress,
    )


def tell_format(source: Path) -> Format:
    """What a source is, by what it holds.

    Raises:
        InputError: it is none of the formats.
    """
    if not source.exists():
        raise InputError(f"{source} does not exist")
    if source.is_dir() and any(source.rglob("metadata.jsonl")):
        return "folder"
    if find_tables(source):
        return "table"
    known = "; ".join(f"{name}: {what}" for name, what in FORMATS.items())
    if source.is_dir():
        named = sorted(path.name for path in source.glob("*.json*"))[:3]
        hint = f"; if one of {', '.join(named)} is meant, name the file itself" if named else ""
        raise InputError(f"{source} holds nothing that can be imported{hint}; {known}")
    if source.name == "metadata.jsonl":
        raise InputError(f"name the folder itself: {source.parent}")
    with source.open("rb") as file:
        if _COCO.match(file.read(256)):
            return "coco"
    entry = next((entry for _, entry in iter_json(source)), None)
    if isinstance(entry, dict) and {"conversations", "messages"} & entry.keys():
        return "sharegpt"
    if isinstance(entry, dict) and {"image", "caption"} <= entry.keys():
        raise InputError(f"{source} is a file of records already; see `montage data check`")
    raise InputError(f"cannot tell what {source} is; name its --format ({known})")


def _items(
    source: Path, kind: Format, images: Path | None, caption_key: str | None, image_key: str | None, split: str | None
) -> Iterator[Item | Problem]:
    if kind == "folder":
        return folder_items(source, caption_key=caption_key, split=split)
    if kind == "table":
        return table_items(source, caption_key=caption_key, image_key=image_key, split=split)
    return sharegpt_items(source, images) if kind == "sharegpt" else coco_items(source, images)
