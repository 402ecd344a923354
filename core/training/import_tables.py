"""Import photos and captions from parquet and Arrow files: Hugging Face data sets, downloaded or saved to disk.

Batches are read one at a time; a photo is its bytes in the table, or a path beside it.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import InputError, PhotoError
from core.training.image_root import ImageRoot
from core.training.import_json import caption_key_of
from core.training.imported import Item
from core.training.problems import Problem

__all__ = ["find_tables", "table_items"]

_BATCH = 32  # rows with photos in them: 32 large ones are some 200 MB
_IMAGE_KEYS = ("image", "img", "photo", "picture", "jpg", "image_path", "file_name")


def find_tables(path: Path) -> list[Path]:
    """The parquet or Arrow files that a path names or holds, in order; caches of computed columns are left out."""
    if path.is_file():
        return [path] if path.suffix in (".parquet", ".arrow") else []
    tables = sorted(path.rglob("*.parquet")) or sorted(path.rglob("*.arrow"))
    return [table for table in tables if not table.name.startswith("cache-")]


def table_items(
    path: Path, *, caption_key: str | None = None, image_key: str | None = None, split: str | None = None
) -> Iterator[Item | Problem]:
    """Rows of a table, or of all tables in a folder.

    Args:
        path: a `.parquet` or `.arrow` file, or a folder that holds some (as the Hub keeps them, or as
            `Dataset.save_to_disk` writes them).
        split: only this part, as file names (`train-00000-of-00002.parquet`) or folders name it.

    Raises:
        InputError: no table, a damaged one, or columns that cannot be told.
    """
    tables = find_tables(path)
    parts = {table: _part(table, path) for table in tables}
    chosen = [table for table in tables if split is None or parts[table] == split]
    if not chosen:
        known = ", ".join(sorted(set(parts.values())))
        asked = f" of the part {split!r}; parts: {known}" if tables else ""
        raise InputError(f"{path} holds no .parquet or .arrow file{asked}")
    for table in chosen:
        root = ImageRoot(path if path.is_dir() else path.parent)
        keys: tuple[str, str] | None = None
        for number, row in enumerate(_rows(table), start=1):
            keys = keys or _keys(row, table, caption_key, image_key)
            yield _item(table, number, row, keys, root, parts[table])


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa  # type: ignore[import-untyped]  # only here: large, and few commands need it
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=_BATCH):
                    yield from batch.to_pylist()
            return
        with pa.memory_map(str(path)) as source:
            try:
                batches = pa.ipc.open_stream(source)
            except pa.ArrowInvalid:
                reader = pa.ipc.open_file(source)
                batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
            for batch in batches:
                for start in range(0, batch.num_rows, _BATCH):
                    yield from batch.slice(start, _BATCH).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as a table: {' '.join(str(error).split())[:200]}") from None


def _keys(row: Mapping[str, Any], path: Path, caption_key: str | None, image_key: str | None) -> tuple[str, str]:
    for key, option in ((caption_key, "--caption-key"), (image_key, "--image-key")):
        if key is not None and key not in row:
            raise InputError(f"{path} has no column {key!r} ({option}); its columns: {', '.join(row)}")
    image = image_key or next((key for key in _IMAGE_KEYS if key in row), None)
    if image is None:
        raise InputError(f"{path}: which column holds the photo? Columns: {', '.join(row)}; name it with --image-key")
    return image, caption_key or caption_key_of(row, path)


def _item(table: Path, number: int, row: Mapping[str, Any], keys: tuple[str, str], root: ImageRoot, part: str) -> Item:
    image, captions = row[keys[0]], row[keys[1]]
    held: Any = image.get("bytes") if isinstance(image, dict) else image
    path: Any = image.get("path") if isinstance(image, dict) else image

    def read() -> bytes:
        if isinstance(held, bytes):
            return held
        if not isinstance(path, str):
            raise PhotoError("missing", f"is neither bytes nor a path: {str(image)[:60]!r}")
        try:
            return root.find(path)[1].read_bytes()
        except OSError as error:
            raise PhotoError("unreadable", f"cannot be opened: {error.strerror or error}") from None

    listed = captions if isinstance(captions, list) else [captions]
    return Item(
        source=str(table),
        number=number,
        name=path if isinstance(path, str) and path else f"row-{number:06d}",
        read=read,
        captions=tuple(text.strip() if isinstance(text, str) else text for text in listed),
        event=row.get("event") or "",
        labels=row.get("labels") if isinstance(row.get("labels"), list) else (),
        split=part,
    )


def _part(table: Path, path: Path) -> str:
    """`train` for `data/train-00000-of-00002.parquet` and for `train/data-00000-of-00001.arrow`."""
    named = re.match(r"(.+?)-\d+-of-\d+", table.stem)
    if named and named[1] != "data":
        return named[1]
    within = table.relative_to(path).parent.name if path.is_dir() else ""
    return within if within not in ("", "data", "default") else ""
