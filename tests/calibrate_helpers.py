"""What the tests of calibration share: records of events with captions, without photos."""

import json
from pathlib import Path
from typing import Any

from core.config import load_config
from core.record import EventRecord


def caption(text: str, cosine: float | None = None, **more: Any) -> dict[str, Any]:
    return {"text": text, "clip_cosine": cosine, "clipscore": None, **more}


def post(number: int, captions: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(("photos", "images", "labels", "hashtags", "alt_texts"), ())
    return {
        "post": number,
        "folder": f"post-{number:02d}",
        "cluster": 0,
        "captions": captions,
        "published": "blip2",
    } | empty


def record(
    name: str = "Open Mic",
    cosines: tuple[float | None, ...] = (0.1, 0.3),
    silhouette: float | None = 0.3,
    hybrid: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    config = load_config().settings.model_dump(mode="json")
    config["captioner"]["hybrid"] |= hybrid or {}
    numbered = enumerate(cosines, start=1)
    posts = [post(n, {"blip2": caption("a dog runs", c), "template": caption("Moments.", 0.2)}) for n, c in numbered]
    thresholds = {"clip_threshold": 0.8, "label_threshold": 0.4, "caption_threshold": 0.18}
    return {
        "montage_version": "0",
        "event": {"name": name, "date": None, "place": None},
        "model": {"name": "m", "key": "k", "calibrated": True, "notice": None, **thresholds},
        "config": config,
        "config_hash": "0",
        "stages": [{"stage": "cluster", "seconds": 0, "counts": {}, "measures": {"silhouette": silhouette}}],
        "files": [],
        "posts": posts,
    } | more


def written(folder: Path, *records: dict[str, Any]) -> list[Path]:
    """Result folders, each with its `posts.json`."""
    folders = [folder / f"out{n}" for n in range(len(records))]
    for out, content in zip(folders, records, strict=True):
        out.mkdir()
        (out / "posts.json").write_text(json.dumps(content), encoding="utf-8")
    return folders


def events(*records: dict[str, Any]) -> dict[str, EventRecord]:
    return {r["event"]["name"]: EventRecord.model_validate(r) for r in records}
