"""Reviews made from a written event: what goes in, what is left out, what is refused."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.errors import InputError
from core.reviews.overview import list_reviews, review_overview
from core.reviews.reviewers import join
from core.reviews.reviews import make_review, read_texts
from core.reviews.schema import Item, Picture, Review
from core.reviews.voting import Said, next_item, picture, vote
from tests.calibrate_helpers import caption
from tests.fakes import encoded
from tests.fakes import picture as photo
from tests.review_helpers import PAIR, event_folder, table


def changed(folder: Path, number: int, captions: dict[str, Any], **event: Any) -> Path:
    path = folder / "posts.json"
    content = json.loads(path.read_text())
    content["posts"][number - 1]["captions"] = captions
    content["event"] |= event
    path.write_text(json.dumps(content))
    return folder


def test_the_editor_reads_what_reviewers_read(tmp_path: Path) -> None:
    t = table(tmp_path, posts=2)
    texts = read_texts(t.desk, t.review)
    assert [item.post for item in texts] == [1, 2]
    assert texts[0].written == {
        "blip2": "a singer with hat number 1",
        "template": "Highlights from Open Mic — stage 1.",
    }
    assert texts[0].shown == {"blip2": "A singer with hat number 1.", "template": "Stage 1."}


def test_a_review_needs_its_folder_no_more(tmp_path: Path) -> None:
    t = table(tmp_path, posts=1, photos=2)
    shutil.rmtree(t.folder)
    cookie = join(t.desk, t.token, "Ann")
    item = next_item(t.desk, t.token, cookie)
    assert item is not None
    assert [shown.alt_text for shown in item.pictures] == ["Photo 1", "Photo 2"]
    for shown in item.pictures:
        assert Image.open(io.BytesIO(picture(t.desk, t.token, cookie, shown.digest))).size == (64, 48)


def test_photos_are_small_upright_and_without_metadata(tmp_path: Path) -> None:
    folder = event_folder(tmp_path / "out", posts=1)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a private remark"  # turned by 90 degrees
    exif.get_ifd(0x8825)[1] = "N"
    data = encoded(photo(1, size=(2400, 1200)), exif=exif, comment=b"a private remark")
    (folder / "post-01" / "01.jpg").write_bytes(data)
    t = table(tmp_path / "other")
    made = make_review(t.desk, folder, PAIR)
    with t.desk.database.reading() as session:
        item = session.query(Item).filter(Item.review_id == made.id).one()
        jpeg = session.get_one(Picture, item.pictures[0].digest).jpeg
    shown = Image.open(io.BytesIO(jpeg))
    assert shown.size == (540, 1080)
    assert not shown.getexif()
    assert b"private" not in jpeg


def test_posts_that_cannot_be_compared_are_left_out_with_the_reason(tmp_path: Path) -> None:
    folder = event_folder(tmp_path / "out", posts=4)
    template = caption("Highlights from Open Mic — night.")
    changed(folder, 1, {"blip2": caption("Night"), "template": template})
    changed(folder, 2, {"template": template})
    changed(folder, 3, {"blip2": caption("Something.", source="template"), "template": template})
    t = table(tmp_path / "other")
    made = make_review(t.desk, folder, PAIR, title="Which one?")
    assert made.items == 1
    assert made.notes == (
        "Left out, post 1: both captions read the same to reviewers.",
        "Left out, post 2: no caption of blip2.",
        "Left out, post 3: blip2 wrote nothing, the template stands in its place.",
    )
    assert review_overview(t.desk, made.id).notes == made.notes


def test_a_review_of_nothing_is_refused_and_not_kept(tmp_path: Path) -> None:
    folder = event_folder(tmp_path / "out", posts=1)
    same = caption("Night")
    changed(folder, 1, {"blip2": same, "template": same})
    t = table(tmp_path / "other")
    with pytest.raises(InputError, match=r"no post of .Open Mic. can be compared\. Left out, post 1: both"):
        make_review(t.desk, folder, PAIR)
    assert [review.id for review in list_reviews(t.desk)] == [t.review]


@pytest.mark.parametrize(
    ("captioners", "message"),
    [
        (("blip2", "blip2"), "compares two captioners, got 'blip2' twice"),
        (("blip2", "templat"), "no captions of 'templat'; did you mean 'template'"),
        (("git", "template"), "--mode blip2,template"),
    ],
)
def test_captioners_must_be_two_of_the_events(tmp_path: Path, captioners: tuple[str, str], message: str) -> None:
    t = table(tmp_path)
    with pytest.raises(InputError, match=message):
        make_review(t.desk, t.folder, captioners)


def test_folders_that_are_no_result_are_named(tmp_path: Path) -> None:
    t = table(tmp_path)
    with pytest.raises(InputError, match=r"empty is no folder of `montage caption --out`: cannot read .*posts\.json"):
        make_review(t.desk, tmp_path / "empty", PAIR)
    (t.folder / "post-01" / "01.jpg").write_bytes(b"no photo")
    with pytest.raises(InputError, match=r"post-01.01\.jpg .*caption the event again"):
        make_review(t.desk, t.folder, PAIR)
    (t.folder / "post-01" / "01.jpg").unlink()
    with pytest.raises(InputError, match=r"cannot read .*post-01.01\.jpg"):
        make_review(t.desk, t.folder, PAIR)
    (t.folder / "posts.json").write_text("{}")
    with pytest.raises(InputError, match="is not a record written by `montage caption`: montage_version"):
        make_review(t.desk, t.folder, PAIR)


def test_a_record_cannot_name_photos_elsewhere(tmp_path: Path) -> None:
    folder = event_folder(tmp_path / "out", posts=1)
    path = folder / "posts.json"
    path.write_text(path.read_text().replace('"01.jpg"', '"../../private.jpg"'))
    (tmp_path / "private.jpg").write_bytes(encoded(photo(1)))
    with pytest.raises(InputError, match="lies outside of the folder"):
        make_review(table(tmp_path / "other").desk, folder, PAIR)


def test_the_prompt_is_what_the_model_was_asked(tmp_path: Path) -> None:
    asked = {"captioner": "blip2", "model": "m", "key": "k", "prompt": "Say {event}: {labels}"}
    folder = event_folder(tmp_path / "out", posts=1, captioners=[asked])
    t = table(tmp_path / "other", posts=1)
    ids = [make_review(t.desk, folder, PAIR).id, t.review]
    with t.desk.database.reading() as session:
        prompts = [session.get_one(Review, name).items[0].prompt for name in ids]
    assert prompts[0] == "Say Open Mic: stage"
    assert prompts[1].startswith(
        "Write a short Instagram caption for a photography club post about 'Open Mic'. Focus on:"
    )


def test_the_overview_tells_skips_from_what_would_not_load(tmp_path: Path) -> None:
    t = table(tmp_path, posts=4)
    cookie = join(t.desk, t.token, "Ann")
    join(t.desk, t.token, "Ben")
    for said in (Said(choice="tie"), Said(skip="skipped"), Said(skip="could_not_load")):
        item = next_item(t.desk, t.token, cookie)
        assert item is not None
        vote(t.desk, t.token, cookie, item.item, said)
    found = review_overview(t.desk, t.review)
    people = [(p.name, p.voted, p.skipped, p.could_not_load, p.open) for p in found.reviewers]
    assert people == [("Ann", 1, 1, 1, 1), ("Ben", 0, 0, 0, 4)]
    assert (found.votes, found.items, found.links[0].state) == (1, 4, "open")
    t.clock.now_s += 1e9
    assert review_overview(t.desk, t.review).links[0].state == "expired"
