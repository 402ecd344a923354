"""Training records: what is read, what is refused and why, and what training and validation must not share."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.store import Store
from core.training.check import check_file, load_split
from core.training.leakage import find_leaks
from core.training.problems import bad_lines, line_ranges
from core.training.record import Record, RecordLimits
from core.training.records import read_records, write_records
from tests.conftest import shared_data
from tests.fakes import encoded, picture

GOOD = {"image": "a.jpg", "event": "Freshers", "labels": ["stage"], "caption": "A night to remember."}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "eventX").mkdir(parents=True)
    for seed, name in enumerate(("a.jpg", "b.jpg", "eventX/IMG_0012.jpg")):
        (folder / name).write_bytes(encoded(picture(seed)))
    (tmp_path / "outside.jpg").write_bytes(encoded(picture(9)))
    (folder / "way-out.jpg").symlink_to(tmp_path / "outside.jpg")
    (folder / "way-in.jpg").symlink_to(folder / "b.jpg")
    return folder


def lines_file(root: Path, *lines: Any, name: str = "records.jsonl") -> Path:
    path = root.parent / name
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines), encoding="utf-8")
    return path


def test_a_record_as_the_design_has_it(root: Path) -> None:
    line = {**GOOD, "references": ["What a night!"]}
    read = read_records(lines_file(root, line), root)
    assert read.records == (
        Record(
            image="a.jpg",
            event="Freshers",
            labels=("stage",),
            caption="A night to remember.",
            references=("What a night!",),
        ),
    )
    assert read.records[0].line == 1
    assert not read.problems


def test_mark_line_ends_blank_lines_and_missing_options_do_no_harm(root: Path) -> None:
    path = root.parent / "windows.jsonl"
    second = b'{"image": "eventX\\\\IMG_0012.jpg", "caption": "B", "event": null, "labels": null}'
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n\r\n  \r\n" + second)
    read = read_records(path, root)
    assert [(r.image, r.line) for r in read.records] == [("a.jpg", 1), ("eventX/IMG_0012.jpg", 4)]
    assert read.lines == 2
    assert not read.problems


@pytest.mark.parametrize(
    ("line", "field", "reason", "message"),
    [
        ("not json", None, "not_json", r"is not JSON: Expecting value at character 1"),
        ('{"image": "a.jpg", "caption": "half', None, "not_json", r"Unterminated string"),
        ("[1, 2]", None, "wrong_type", r"expected an object"),
        ("[" * 100_000, None, "not_json", r"not a usable JSON object"),
        ('{"image": "a.jpg", "caption": "x", "n": NaN}', None, "not_json", r"NaN is no JSON number"),
        ('{"image": "a.jpg", "caption": "x", "caption": "y"}', None, "not_json", r"key 'caption' is given twice"),
        ({"caption": "x"}, "image", "missing", r"expected the photo's path within the image root, got nothing"),
        ({"image": "a.jpg", "note": "x"}, "caption", "missing", r"got nothing; the line has 'note'"),
        ({"image": "a.jpg", "caption": "  "}, "caption", "empty", r"got an empty text"),
        ({"image": "a.jpg", "caption": 7}, "caption", "wrong_type", r"expected a text, got a number: 7"),
        ({"image": ["a.jpg"], "caption": "x"}, "image", "wrong_type", r"got a list"),
        (
            {**GOOD, "labels": "stage, red"},
            "labels",
            "wrong_type",
            r'expected a list of texts, .* got a text: "stage, red"',
        ),
        ({**GOOD, "labels": ["stage", 3]}, "labels", "wrong_type", r"expected a list of texts"),
        ({**GOOD, "event": 2025}, "event", "wrong_type", r"got a number: 2025"),
        ({**GOOD, "references": "one"}, "references", "wrong_type", r"expected a list of further captions"),
        ({**GOOD, "references": ["ok", ""]}, "references", "empty", r"got an empty text"),
        ({**GOOD, "caption": "x" * 2201}, "caption", "too_long", r"has 2201 characters, more than 2200"),
        (
            {"image": "a.jpg", "captoin": "x"},
            "caption",
            "unknown_key",
            r"unknown key 'captoin'; did you mean 'caption'",
        ),
        ({"image": "a.jpg", "caption": "x", "lables": []}, "labels", "unknown_key", r"'lables'; did you mean 'labels'"),
        ('{"image": "a.jpg", "caption": "\\ud83d"}', "caption", "not_text", r"half of a surrogate pair"),
        ({**GOOD, "image": "c.jpg"}, "image", "missing", r"'c.jpg' is not there in .*photos; did you mean '[ab].jpg'"),
        ({**GOOD, "image": "A.JPG"}, "image", "missing", r"did you mean 'a.jpg'"),
        ({**GOOD, "image": "none/c.jpg"}, "image", "missing", r"no folder 'none', is this the right image root"),
        ({**GOOD, "image": "eventX"}, "image", "missing", r"is a folder"),
        ({**GOOD, "image": "../outside.jpg"}, "image", "outside_root", r"leads out by '\.\.'"),
        ({**GOOD, "image": "..\\outside.jpg"}, "image", "outside_root", r"leads out by '\.\.'"),
        ({**GOOD, "image": "/etc/passwd"}, "image", "outside_root", r"is an absolute path"),
        ({**GOOD, "image": "C:\\photos\\a.jpg"}, "image", "outside_root", r"is an absolute path"),
        ({**GOOD, "image": "way-out.jpg"}, "image", "outside_root", r"is a link that leads out of"),
        ({**GOOD, "image": "https://example.org/a.jpg"}, "image", "not_a_path", r"is a link; download the photo"),
        ({**GOOD, "image": "a.jpg\x00.png"}, "image", "not_a_path", r"is not a path"),
    ],
)
def test_every_bad_line_is_named(root: Path, line: Any, field: str, reason: str, message: str) -> None:
    path = lines_file(root, {**GOOD, "image": "b.jpg"}, "", line, {**GOOD, "image": "eventX/IMG_0012.jpg"})
    read = read_records(path, root)
    assert [record.line for record in read.records] == [1, 4], "the good lines go on"
    assert read.bad_lines == [3]
    assert read.lines == 3
    problem = read.problems[0]
    assert (problem.field, problem.reason, problem.severity) == (field, reason, "error")
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(problem.message)
    assert str(problem).startswith(f"{path}:3: ")


def test_bytes_that_are_not_utf8_are_named(root: Path) -> None:
    path = root.parent / "latin.jsonl"
    path.write_bytes('{"image": "a.jpg", "caption": "café"}\n'.encode("latin-1") + json.dumps(GOOD).encode())
    read = read_records(path, root)
    assert [record.line for record in read.records] == [2]
    assert "byte 35 is not UTF-8" in str(read.problems[0])


def test_a_line_too_long_for_memory_is_passed_over(root: Path) -> None:
    path = lines_file(root, '{"image": "' + "x" * 5000 + '"}', GOOD)
    read = read_records(path, root, RecordLimits(max_line_bytes=1000))
    assert [record.line for record in read.records] == [2]
    assert read.problems[0].reason == "too_long"


def test_several_faults_of_one_line_are_all_named(root: Path) -> None:
    read = read_records(lines_file(root, {"image": 3, "caption": "", "labels": "x"}), root)
    assert [(p.field, p.reason) for p in read.problems] == [
        ("image", "wrong_type"),
        ("labels", "wrong_type"),
        ("caption", "empty"),
    ]
    assert bad_lines(read.problems) == [1]


def test_unknown_keys_are_kept_and_told_once(root: Path) -> None:
    read = read_records(lines_file(root, {**GOOD, "licence": 3}, {**GOOD, "image": "b.jpg", "licence": 4}), root)
    assert [(p.severity, p.reason, p.line) for p in read.problems] == [("warning", "unknown_key", 1)]
    assert "(lines: 2)" in read.problems[0].message
    written = root.parent / "again.jsonl"
    write_records(written, read.records)
    assert read_records(written, root).records == read.records
    assert json.loads(written.read_text().splitlines()[1])["licence"] == 4


def test_one_photo_twice(root: Path) -> None:
    other = {**GOOD, "caption": "Another one."}
    read = read_records(lines_file(root, GOOD, other, {**GOOD, "image": "./a.jpg"}), root)
    assert [r.caption for r in read.records] == ["A night to remember.", "Another one."]
    assert [(p.line, p.reason, p.severity) for p in read.problems] == [
        (2, "same_image", "warning"),
        (3, "duplicate", "error"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[\n{}]", r"is one JSON list, expected JSON lines"),
        ("{}".encode("utf-16"), r"is UTF-16 text; save it as UTF-8"),
        (b"PAR1....", r"is packed or a table"),
    ],
)
def test_what_is_no_records_file_gets_one_message(root: Path, content: bytes, message: str) -> None:
    path = root.parent / "other"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_records(path, root)


def test_files_that_are_not_there(root: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none\.jsonl: No such file"):
        read_records(root / "none.jsonl", root)
    with pytest.raises(InputError, match=r"image root .*nowhere does not exist"):
        read_records(lines_file(root, GOOD), root / "nowhere")


def test_photos_that_do_not_decode_are_bad_lines(root: Path, store: Store) -> None:
    (root / "cut.jpg").write_bytes((root / "a.jpg").read_bytes()[:900])
    (root / "text.jpg").write_text("hello")
    (root / "zero.jpg").write_bytes(b"")
    lines = [{**GOOD, "image": name} for name in ("cut.jpg", "a.jpg", "text.jpg", "zero.jpg", "way-in.jpg")]
    checked = check_file(lines_file(root, *lines), root, store=store)
    assert [record.image for record in checked.records] == ["a.jpg", "way-in.jpg"]
    assert [(p.line, p.field, p.reason) for p in checked.problems] == [
        (1, "image", "unreadable"),
        (3, "image", "unreadable"),
        (4, "image", "empty"),
    ]
    assert "'zero.jpg' is an empty file" in str(checked.problems[2])


def test_a_second_check_measures_nothing_again_and_the_checksum_follows_the_content(root: Path, store: Store) -> None:
    path = lines_file(root, GOOD)
    first = check_file(path, root, store=store)
    again = Store(store.root)
    assert check_file(path, root, store=again).checksum == first.checksum
    assert again.computed == {}
    (root / "a.jpg").write_bytes(encoded(picture(50)))
    assert check_file(path, root, store=store).checksum != first.checksum


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


@pytest.mark.parametrize(("lines", "text"), [([], ""), ([3], "3"), ([1, 2, 3, 7, 9, 10, 2], "1-3, 7, 9-10")])
def test_line_numbers_are_written_short(lines: list[int], text: str) -> None:
    assert line_ranges(lines) == text


def test_real_captions_are_all_usable() -> None:
    folder = shared_data("coco_captions_dev")
    read = read_records(folder / "captions.jsonl", folder)
    assert len(read.records) == 260
    assert [p.reason for p in read.problems] == ["unknown_key"]
    assert all(len(record.captions) >= 4 for record in read.records)
