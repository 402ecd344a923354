"""An event of nine photos in three colours and a copy of one, to be edited."""

from pathlib import Path
from typing import Any

from core.captioners.models import Captioners
from core.config import load_config
from core.drafts.saved import open_draft
from core.drafts.state import Draft, DraftPost
from core.pipeline import run_pipeline
from core.posts import EventDetails
from core.result import EventResult
from core.store import Store
from tests.fakes import ColourEmbedder, ColourWriter, encoded, picture

TINTS = {"red": (180, 60, 60), "green": (60, 170, 70), "blue": (60, 70, 180)}
EVENT = EventDetails(name="Holi", date="4 March 2026", place="Lawn")


def make_photos(folder: Path) -> Path:
    """Three different photos of each colour, and a copy of the first."""
    folder.mkdir()
    for number, tint in enumerate(tint for tint in TINTS.values() for _ in range(3)):
        (folder / f"IMG_{number:03d}.jpg").write_bytes(encoded(picture(number, tint=tint), quality=92))
    (folder / "copy.jpg").write_bytes((folder / "IMG_000.jpg").read_bytes())
    return folder


def make_result(photos: Path, store: Store, *overrides: str, writer: Any = None, embedder: Any = None) -> EventResult:
    """A post for each colour, captioned as the settings say (blip2 and template unless told otherwise)."""
    plain = ["categorize.labels=[red, green, blue]", "categorize.topk=1", "captioner.mode=blip2,template"]
    config = load_config(overrides=[*plain, *overrides]).settings
    writer, families = writer or ColourWriter(), config.captioner.families
    captioners = Captioners(models=dict.fromkeys(families, writer), prompts=dict.fromkeys(families, writer.prompt))
    return run_pipeline(
        [photos], EVENT, config, store=store, embedder=embedder or ColourEmbedder(), captioners=captioners
    )


def make_draft(tmp_path: Path, store: Store, *overrides: str, writer: Any = None, embedder: Any = None) -> Draft:
    """A draft that nobody has edited, of photos in `tmp_path/photos`."""
    photos = tmp_path / "photos"
    if not photos.exists():
        make_photos(photos)
    result = make_result(photos, store, *overrides, writer=writer, embedder=embedder)
    return open_draft(tmp_path / "event", result, store)


def named(draft: Draft, name: str) -> int:
    """Index of a photo by its file's name."""
    return next(i for i, photo in enumerate(draft.basis.result.photos) if photo.name == name)


def duplicate(draft: Draft) -> int:
    """The photo that was set aside as a duplicate."""
    return draft.basis.result.selection.reasons.index("duplicate")


def of_colour(draft: Draft, colour: str) -> DraftPost:
    """The post with this label."""
    return next(post for post in draft.state.posts if post.labels == (colour,))
