"""Import captions that JSON files hold, with their photos beside: image folders, ShareGPT conversations, COCO."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import InputError, PhotoError
from core.training.image_root import ImageRoot
from core.training.imported import Item
from core.training.json_stream import iter_json
from core.training.problems import Problem

__all__ = ["CAPTION_KEYS", "caption_key_of", "coco_items", "folder_items", "sharegpt_items"]

CAPTION_KEYS = ("caption", "text", "captions", "sentence", "description", "additional_feature", "prompt")
"""Where a caption is looked for when its key is not named, in this order."""
_MODEL = {"gpt", "assistant", "model", "chatgpt", "bing", "bard"}


def folder_items(folder: Path, *, caption_key: str | None = None, split: str | None = None) -> Iterator[Item | Problem]:
    """Hugging Face's image folder: `metadata.jsonl` with `file_name` and a caption, there or in its parts' folders.

    The key of the captions is that of the first row that has a usual one; rows before it are bad.

    Raises:
        InputError: there is no metadata, or no row has a key that is usual for captions.
    """
    listed = sorted(folder.rglob("metadata.jsonl"))
    tables = [path for path in listed if split is None or _part(path, folder) == split]
    if not tables:
        asked = (
            f" for the part {split!r}; parts: {', '.join(sorted({_part(p, folder) for p in listed}))}" if listed else ""
        )
        raise InputError(f"{folder} holds no metadata.jsonl{asked}")
    for table in tables:
        root, key = ImageRoot(table.parent), caption_key
        unknown: InputError | None = None
        for number, row in iter_json(table):
            if not isinstance(row, dict):
                yield _bad(table, number, None, "not_json", f"expected a JSON object, got {str(row)[:80]!r}")
                continue
            try:
                key = key or caption_key_of(row, table)
            except InputError as error:
                unknown = unknown or error
                message = f"expected a caption in one of {', '.join(CAPTION_KEYS)}; got {', '.join(map(str, row))}"
                yield _bad(table, number, "caption", "missing", message)
                continue
            name = row.get("file_name") or row.get("image") or row.get("file")
            if not isinstance(name, str):
                yield _bad(table, number, "file_name", "missing", f"expected the photo's path, got {name!r}")
                continue
            yield _item(table, number, name, root, _texts(row.get(key)), row, split=_part(table, folder))
        if key is None and unknown is not None:
            raise unknown


def sharegpt_items(path: Path, image_root: Path | None = None) -> Iterator[Item | Problem]:
    """Conversations about one photo each; the first answer is the caption.

    Both `conversations` with from/value and `messages` with role/content are read, as a JSON list or JSON lines.
    """
    root = ImageRoot(image_root or path.parent)
    for number, entry in iter_json(path):
        if not isinstance(entry, dict):
            yield _bad(path, number, None, "not_json", f"expected a JSON object, got {str(entry)[:80]!r}")
            continue
        images = entry.get("images", entry.get("image", entry.get("image_path")))
        images = images if isinstance(images, list) else [images]
        if len(images) != 1 or not isinstance(images[0], str):
            message = f"expected the path of one photo, got {str(images)[:80]}; a caption speaks of one photo"
            yield _bad(path, number, "image", "wrong_type", message)
            continue
        answers = list(_answers(entry.get("conversations", entry.get("messages"))))
        if not answers:
            yield _bad(path, number, "conversations", "missing", "expected an answer (from gpt or assistant), got none")
            continue
        if len(answers) > 1:
            message = f"has {len(answers)} answers; the first is taken for the caption"
            yield _bad(path, number, "conversations", "more_answers", message, warning=True)
        yield _item(path, number, images[0], root, answers[:1], entry)


def coco_items(path: Path, image_root: Path | None = None) -> Iterator[Item | Problem]:
    """COCO's captions JSON: `images` and `annotations`; the first caption of a photo, the others as references.

    Raises:
        InputError: it is no such file, or its photos' folder cannot be told.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
        images = {image["id"]: image["file_name"] for image in data["images"]}
        annotations = list(data["annotations"])
        if not images:
            raise ValueError("it names no image")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f'{path} is no COCO captions file ({type(error).__name__}: {error}); expected {{"images": [{{"id", '
            '"file_name"}], "annotations": [{"image_id", "caption"}]}'
        ) from None
    captions: dict[Any, list[object]] = {}
    for number, annotation in enumerate(annotations, start=1):
        where = annotation.get("image_id") if isinstance(annotation, dict) else None
        if not isinstance(where, str | int) or where not in images:
            message = f"is of image {where!r}, which is not among the file's images"
            yield _bad(path, number, "annotations", "missing", message)
        else:
            captions.setdefault(where, []).append(_stripped(annotation.get("caption")))
    root = ImageRoot(image_root or _coco_folder(path, [str(name) for name in images.values()]))
    for number, (identity, name) in enumerate(images.items(), start=1):
        if identity not in captions:
            yield _bad(path, number, "annotations", "missing", f"image {name!r} has no caption")
        else:
            yield _item(path, number, str(name), root, captions[identity], {})


def caption_key_of(row: Mapping[str, Any], path: Path) -> str:
    """The key of a row that holds its caption.

    Raises:
        InputError: none of the usual ones is there.
    """
    for key in CAPTION_KEYS:
        if key in row:
            return key
    raise InputError(
        f"{path}: which key holds the caption? None of {', '.join(CAPTION_KEYS)} is among {', '.join(map(str, row))}; "
        "name it with --caption-key"
    )


def _item(
    source: Path,
    number: int,
    name: str,
    root: ImageRoot,
    captions: list[object],
    row: Mapping[str, Any],
    *,
    split: str = "",
) -> Item:
    def read() -> bytes:
        try:
            return root.find(name)[1].read_bytes()
        except OSError as error:
            raise PhotoError("unreadable", f"cannot be opened: {error.strerror or error}") from None

    return Item(
        source=str(source),
        number=number,
        name=name,
        read=read,
        captions=tuple(captions),
        event=row.get("event") or "",
        labels=row.get("labels") or (),
        split=split,
    )


def _part(table: Path, folder: Path) -> str:
    return table.parent.relative_to(folder).as_posix().removeprefix(".")


def _texts(value: object) -> list[object]:
    return [_stripped(text) for text in value] if isinstance(value, list) else [_stripped(value)]


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _answers(turns: object) -> Iterator[object]:
    for turn in turns if isinstance(turns, list) else []:
        if isinstance(turn, dict) and str(turn.get("from", turn.get("role"))).lower() in _MODEL:
            said = turn.get("value", turn.get("content"))
            if isinstance(said, list):  # content in parts, as [{"type": "text", "text": …}]
                said = " ".join(str(part.get("text", "")) for part in said if isinstance(part, dict))
            yield _stripped(said.replace("<image>", "") if isinstance(said, str) else said)


def _coco_folder(path: Path, names: list[str]) -> Path:
    """Where the photos are: beside the file, or in a folder as COCO itself names it."""
    part = path.stem.removeprefix("captions_")
    for above in (path.parent, path.parent.parent):
        for folder in (above / "images", above / part, above / "images" / part, above):
            if names and (folder / names[0]).is_file():
                return folder
    raise InputError(
        f"where are the photos of {path}? {names[0] if names else 'Nothing'!r} is not beside it; name --images"
    )


def _bad(path: Path, number: int, field: str | None, reason: str, message: str, *, warning: bool = False) -> Problem:
    return Problem(
        file=str(path),
        line=number,
        field=field,
        reason=reason,
        message=message,
        severity="warning" if warning else "error",
    )
