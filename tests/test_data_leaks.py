"""What training and validation must not share."""

import json
from pathlib import Path

import pytest

from core.errors import InputError
from core.store import Store
from core.training.check import load_split
from core.training.leakage import find_leaks
from core.training.record import Record
from tests.conftest import shared_data
from tests.fakes import encoded, picture
from tests.records_helpers import GOOD, lines_file, write_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_root(tmp_path / "photos")


def test_leaks_from_training_into_validation(root: Path, store: Store) -> None:
    (root / "copy.jpg").write_bytes((root / "a.jpg").read_bytes())
    (root / "edit.jpg").write_bytes(encoded(picture(1).resize((200, 150)), quality=60))
    train = lines_file(
        root,
        {"image": "a.jpg", "caption": "One.", "event": "Freshers Night"},
        {"image": "b.jpg", "caption": "Happy Diwali!"},
        {"image": "eventX/IMG_0012.jpg", "caption": "Three."},
    )
    validation = lines_file(
        root,
        {"image": "copy.jpg", "caption": "Four.", "event": "freshers  night"},
        {"image": "edit.jpg", "caption": "happy diwali"},
        {"image": "eventX/IMG_0012.jpg", "caption": "Six."},
        name="val.jsonl",
    )
    data = load_split(train, validation, root, store=store)
    assert [(leak.kind, leak.train, leak.validation) for leak in data.leaks] == [
        ("same_file", (3,), (3,)),
        ("same_content", (1,), (1,)),
        ("near_duplicate", (2,), (2,)),
        ("same_caption", (2,), (2,)),
        ("same_event", (1,), (1,)),
    ]
    assert data.leaks[2].what == "b.jpg ~ edit.jpg"


def test_a_copy_does_not_hide_another_copy_or_an_edit(root: Path, store: Store) -> None:
    (root / "copy.jpg").write_bytes((root / "a.jpg").read_bytes())
    (root / "edit.jpg").write_bytes(encoded(picture(0).resize((200, 150)), quality=60))
    train = lines_file(root, {"image": "a.jpg", "caption": "One."})
    names = ("a.jpg", "copy.jpg", "edit.jpg", "b.jpg")
    validation = lines_file(root, *({"image": n, "caption": n} for n in names), name="val.jsonl")
    leaks = load_split(train, validation, root, store=store).leaks
    assert [(leak.kind, leak.what, leak.validation) for leak in leaks] == [
        ("same_file", "a.jpg", (1,)),
        ("same_content", "a.jpg = copy.jpg", (2,)),
        ("near_duplicate", "a.jpg ~ edit.jpg", (3,)),
    ]


def test_a_caption_that_is_a_reference_of_the_other_part_leaks() -> None:
    train = [Record(image="a.jpg", caption="x", references=("Lights on.", "y"), line=1)]
    validation = [Record(image="b.jpg", caption="z", references=("lights on!",), line=4)]
    (leak,) = find_leaks(train, validation, {}, max_distance=5)
    assert (leak.kind, leak.what, leak.train, leak.validation) == ("same_caption", "Lights on.", (1,), (4,))


def test_a_real_photo_and_its_edits_leak(tmp_path: Path, store: Store) -> None:
    folder = shared_data("neardup_bridge")
    edits = sorted(path.name for path in (folder / "bridge-mods").glob("*.jpg") if path.name != "aaa-orig.jpg")
    train, validation = tmp_path / "t.jsonl", tmp_path / "v.jsonl"
    train.write_text('{"image": "bridge-mods/aaa-orig.jpg", "caption": "A bridge."}\n')
    validation.write_text("".join(json.dumps({"image": f"bridge-mods/{n}", "caption": n}) + "\n" for n in edits))
    found = load_split(train, validation, folder, store=store).leaks
    lines = {line for leak in found for line in leak.validation}
    assert {leak.kind for leak in found} == {"near_duplicate"}
    assert len(lines) >= len(edits) - 2, "a perceptual hash may miss the strongest edits"


def test_clean_parts_have_no_leaks(root: Path, store: Store) -> None:
    train = lines_file(root, GOOD)
    validation = lines_file(root, {"image": "b.jpg", "caption": "Other.", "event": "Diwali"}, name="val.jsonl")
    data = load_split(train, validation, root, store=store)
    assert data.leaks == ()
    assert (data.train.records[0].image, data.validation.records[0].image) == ("a.jpg", "b.jpg")


def test_a_file_without_a_usable_record_is_refused(root: Path, store: Store) -> None:
    with pytest.raises(InputError, match=r"none of 1 lines is a usable record; the first: .*:1: .*not JSON"):
        load_split(lines_file(root, "oops"), lines_file(root, GOOD, name="v.jsonl"), root, store=store)
    with pytest.raises(InputError, match=r"holds no records"):
        load_split(lines_file(root), lines_file(root, GOOD, name="v.jsonl"), root, store=store)
