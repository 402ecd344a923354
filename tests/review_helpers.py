"""What the tests of reviews share: a written event, an open desk with a clock of its own, and made-up votes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.reviews.desk import ReviewDesk, open_desk
from core.reviews.judgements import JudgedItem, JudgedReview, Judgement
from core.reviews.links import make_link
from core.reviews.reviews import make_review
from tests.calibrate_helpers import caption, record
from tests.fakes import encoded, picture

PAIR = ("blip2", "template")
NOON_S = 1_790_000_000.0


@dataclass
class Clock:
    """Stands still until it is moved."""

    now_s: float = NOON_S

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Table:
    """A review with its link, as the tests need them."""

    desk: ReviewDesk
    clock: Clock
    review: str
    token: str
    folder: Path = field(repr=False, default=Path())


def event_folder(folder: Path, posts: int = 4, photos: int = 1, **more: Any) -> Path:
    """What `montage caption` writes, as far as reviews read it."""
    content = record("Open Mic", cosines=(0.2,) * posts, **more)
    for post in content["posts"]:
        n = post["post"]
        post["images"] = [f"{i:02d}.jpg" for i in range(1, photos + 1)]
        post["alt_texts"] = [f"Photo {i}" for i in range(1, photos + 1)]
        post["labels"] = ["stage"]
        post["captions"] = {
            "blip2": caption(f"a singer with hat number {n}", 0.2),
            "template": caption(f"Highlights from Open Mic — stage {n}.", 0.2),
        }
        place = folder / post["folder"]
        place.mkdir(parents=True)
        for i, name in enumerate(post["images"]):
            (place / name).write_bytes(encoded(picture(10 * n + i, size=(64, 48))))
    (folder / "posts.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def table(tmp_path: Path, *, posts: int = 4, photos: int = 1, url: str | None = None, **link: Any) -> Table:
    """A desk with one review of an event, and a link to it."""
    clock = Clock()
    opened = open_desk(tmp_path / "reviews", url=url)
    desk = ReviewDesk(database=opened.database, secret=opened.secret, clock=clock)
    folder = event_folder(tmp_path / "out", posts, photos)
    made = make_review(desk, folder, PAIR)
    token = make_link(desk, made.id, **link).token
    return Table(desk=desk, clock=clock, review=made.id, token=token, folder=folder)


def judged(
    rows: Sequence[tuple[int, str, str, str | None]],
    ratings: Mapping[tuple[int, str], Mapping[str, int]] | None = None,
    lengths: tuple[int, int] = (20, 20),
) -> JudgedReview:
    """Votes made up: (post, reviewer, captioner on the left, preferred); by post and reviewer, ratings by captioner."""
    numbers = sorted({post for post, *_ in rows})
    texts = dict(zip(("a", "b"), ("x" * lengths[0], "y" * lengths[1]), strict=True))
    items = {n: JudgedItem(id=n, post=n, prompt=f"Write {n}", written=texts, shown=texts) for n in numbers}
    given = ratings or {}
    return JudgedReview(
        id="r",
        title="t",
        event="Open Mic",
        captioners=("a", "b"),
        seed=0,
        items=tuple(items.values()),
        judgements=tuple(
            Judgement(
                item=items[post],
                reviewer=reviewer,
                left=left,
                preferred=preferred,
                skip=None if preferred else "skipped",
                ratings={(name, "mood"): value for name, value in given.get((post, reviewer), {}).items()},
                at_s=NOON_S,
                changes=0,
            )
            for post, reviewer, left, preferred in rows
        ),
    )
