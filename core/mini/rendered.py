"""Training data that Montage renders itself: photos of events, and a club's captions of them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from core.mini.event import write_records, write_sample_event
from core.mini.scenes import TOPICS
from core.store import write_atomic
from core.training.settings import Recipe, RenderedSettings

__all__ = ["with_rendered_data"]

Progress = Callable[[str, int, int], None]
_APART = 1_000_003
"""Between the seeds of the two parts."""


def with_rendered_data(recipe: Recipe, folder: Path, *, progress: Progress = lambda what, done, total: None) -> Recipe:
    """The recipe with its data in a folder, rendered unless the same was before; unchanged where it names its own."""
    settings = recipe.train.rendered
    if settings is None or recipe.train.train_jsonl is not None:
        return recipe
    for part, photos, seed in (
        ("train", settings.train_photos, settings.seed),
        ("val", settings.val_photos, settings.seed + _APART),
    ):
        made_of = f"{photos} photos, seed {seed}, voice {settings.voice}\n"
        if not ((folder / f"{part}.jsonl").is_file() and _read(folder / f"{part}.txt") == made_of):
            _render(folder, part, photos, seed, settings, progress)
            write_atomic(folder / f"{part}.txt", made_of.encode())
    named = {name: str(folder / f"{part}.jsonl") for name, part in (("train_jsonl", "train"), ("val_jsonl", "val"))}
    train = recipe.train.model_copy(update={**named, "image_root": str(folder)})
    return recipe.model_copy(update={"train": train})


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _render(folder: Path, part: str, photos: int, seed: int, settings: RenderedSettings, progress: Progress) -> None:
    """Photos in a folder of their own, and then the records, which say that all photos are there."""
    (folder / f"{part}.jsonl").unlink(missing_ok=True)  # the last to be written, so the first to go
    shutil.rmtree(folder / part, ignore_errors=True)
    (folder / part).mkdir(parents=True)
    rows = write_sample_event(
        folder / part,
        photos=photos,
        seed=seed,
        topics=tuple(TOPICS),  # an event has a few of them, and validation must not ask for what was never shown
        voice=settings.voice,
        progress=lambda done, total: progress("rendering", done, total),
    )
    alone = folder / part / "records.jsonl"
    write_records(alone, rows, event=None)
    lines = []
    for line in alone.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        lines.append(json.dumps({**record, "image": f"{part}/{record['image']}"}, ensure_ascii=False) + "\n")
    write_atomic(folder / f"{part}.jsonl", "".join(lines).encode())
