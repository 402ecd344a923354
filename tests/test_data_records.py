"""Training records: what is read, and what is refused and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.training.problems import bad_lines, line_ranges
from core.training.record import Record, RecordLimits
from core.training.records import read_records, write_records
from tests.conftest import shared_data
from tests.records_helpers import GOOD, lines_file, write_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_root(tmp_path / "photos")


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
        ({**GOOD, "image": "none/c.jpg"}, "image", "missing", r"no folder 'none', is this the right image root \(--im"),
        ({**GOOD, "image": "IMG_0012.jpg"}, "image", "missing", r"did you mean 'eventX/IMG_0012.jpg'\?"),
        ({**GOOD, "image": "photos/a.jpg"}, "image", "missing", r"it is there if the image root is /.*[^s]$"),
        (
            {**GOOD, "image": "eventX"},
            "image",
            "missing",
            r"'eventX' is a folder in .*photos, expected a photo, such as 'eventX/IMG_0012.jpg'$",
        ),
        ({**GOOD, "image": "../outside.jpg"}, "image", "outside_root", r"leads out by '\.\.'"),
        ({**GOOD, "image": "..\\outside.jpg"}, "image", "outside_root", r"leads out by '\.\.'"),
        ({**GOOD, "image": "/etc/passwd"}, "image", "outside_root", r"is an absolute path, and not within .*photos"),
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


def test_an_absolute_path_within_the_root_is_relative_to_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root.parent / "link").symlink_to(root)
    (root.parent / "photos-2").mkdir()
    (root.parent / "photos-2" / "a.jpg").write_bytes(b"")
    monkeypatch.chdir(root.parent)
    paths = [root / "a.jpg", f"{root}//eventX/./IMG_0012.jpg", root.parent / "link" / "b.jpg"]
    paths += [f"{root}/../outside.jpg", root / "way-out.jpg", root.parent / "photos-2" / "a.jpg", root]
    path = lines_file(root, *({**GOOD, "image": str(name)} for name in paths))
    for given, found in ((root, [1, 2]), (Path("photos"), [1, 2]), (Path("link"), [1, 2, 3])):
        read = read_records(path, given)
        assert [record.line for record in read.records] == found
        images = ["a.jpg", "eventX/IMG_0012.jpg", "b.jpg"]
        assert [record.image for record in read.records] == images[: len(found)]
        assert {problem.reason for problem in read.problems} == {"outside_root"}
    written = root.parent / "again.jsonl"
    write_records(written, read.records)
    assert str(root) not in written.read_text()


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


@pytest.mark.parametrize(("lines", "text"), [([], ""), ([3], "3"), ([1, 2, 3, 7, 9, 10, 2], "1-3, 7, 9-10")])
def test_line_numbers_are_written_short(lines: list[int], text: str) -> None:
    assert line_ranges(lines) == text


def test_real_captions_are_all_usable() -> None:
    folder = shared_data("coco_captions_dev")
    read = read_records(folder / "captions.jsonl", folder)
    assert len(read.records) == 260
    assert [p.reason for p in read.problems] == ["unknown_key"]
    assert all(len(record.captions) >= 4 for record in read.records)
