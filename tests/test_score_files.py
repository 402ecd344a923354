"""Captions from files of every form, matched by photo."""

import json
from pathlib import Path

import pytest

from core.caption_files import matching_keys, read_captions
from core.errors import InputError

COCO = {
    "images": [{"id": 7, "file_name": "seven.jpg"}, {"id": 9, "file_name": "nine.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 7, "caption": "one"},
        {"id": 7, "image_id": 9, "caption": "two"},
        {"id": 9, "image_id": 7, "caption": "three"},
    ],
}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.jsonl", '{"image": "7", "references": ["one", "three"]}\n\n{"image": 9, "references": ["two"]}\n', None),
        ("a.jsonl", '{"id": 7, "caption": "one"}\n{"id": 7, "caption": "three"}\n{"id": 9, "caption": "two"}', None),
        ("a.csv", "\ufeffid,caption\n7,one\n9,two\n7,three\n", None),
        ("a.csv", 'photo,references\n7,"[""one"", ""three""]"\n9,two\n', None),
        ("a.json", json.dumps(COCO), None),
        ("a.json", '{"7": ["one", "three"], "9": "two"}', None),
        ("a.json", '{"7": [{"caption": "one"}, {"caption": "three"}], "9": [{"caption": "two"}]}', None),
        ("a.json", '[{"id": "7", "reference": ["one", "three"]}, {"id": "9", "reference": "two"}]', None),
        ("a.txt", "one\ntwo\n", {"1": ["one"], "2": ["two"]}),
    ],
)
def test_references(tmp_path: Path, name: str, text: str, expected: dict[str, list[str]] | None) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    file = read_captions(tmp_path / name, "references")
    assert file.texts(file.keys[0]) == (expected or {"7": ["one", "three"], "9": ["two"]})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", '[{"image_id": 7, "caption": "x"}]'),
        ("c.json", '{"7": "x"}'),
        ("c.json", '{"7": ["x"]}'),
        ("c.jsonl", '{"photo": "7", "reference": "no", "prediction": "x", "rougeL": 0.5}'),
        ("c.csv", "id,caption,model\n7,x,git\n"),
    ],
)
def test_candidates(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    file = read_captions(tmp_path / name, "candidates")
    assert file.texts(file.keys[0]) == {"7": ["x"]}


def test_an_empty_caption_is_a_caption(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text('id,caption\n7,\n9,"a, ""b"""\n')
    assert read_captions(tmp_path / "c.csv", "candidates").texts("id") == {"7": [""], "9": ['a, "b"']}


def test_a_line_separator_within_a_caption_ends_no_line(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,caption\n7,one\u2028two\n9,b\x85c\n", encoding="utf-8")
    (tmp_path / "c.txt").write_text("one\u2028two\n\nb\x0bc\n", encoding="utf-8")
    assert read_captions(tmp_path / "c.csv", "candidates").texts("id") == {"7": ["one\u2028two"], "9": ["b\x85c"]}
    found = read_captions(tmp_path / "c.txt", "candidates").texts("id")
    assert found == {"1": ["one\u2028two"], "2": [""], "3": ["b\x0bc"]}


@pytest.mark.parametrize("images", [None, 3, ["a", {"file_name": "b.jpg"}]])
def test_coco_annotations_need_no_usable_list_of_images(tmp_path: Path, images: object) -> None:
    content = {"images": images, "annotations": [{"image_id": 1, "caption": "x"}]}
    (tmp_path / "r.json").write_text(json.dumps(content))
    assert read_captions(tmp_path / "r.json", "references").texts("image_id") == {"1": ["x"]}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.jsonl", '{"id": 1, "caption": "a"}\n{"id": 2, "caption"', r"c\.jsonl:2: this is not JSON"),
        (
            "c.jsonl",
            '{"id": 1, "caption": "a"}\n{"caption": "b"}',
            r"c\.jsonl:2: expected the photo's name or id",
        ),
        (
            "c.jsonl",
            '{"id": 1, "words": "a"}',
            r"c\.jsonl:1: expected a text in one of prediction, .* got \['id'",
        ),
        ("c.jsonl", '{"id": 1, "caption": 5}', r"c\.jsonl:1, caption: expected a caption or a list of captions, got 5"),
        ("c.jsonl", "[1]", r"c\.jsonl:1: expected an object with a photo and a caption"),
        ("c.json", '{"1": [null]}', r"'1': expected a caption or a list of captions, got \[None\]"),
        ("c.json", "3", "expected a JSON list or object of captions, got int"),
        ("c.json", "[]", r"c\.json holds no caption"),
        ("c.json", r'{"1": "x \ud83d"}', r"c\.json, '1': holds half of a surrogate pair"),
        ("c.csv", 'id,caption\n1,"a', r"c\.csv:\d: unexpected end of data"),
        ("c.csv", "photo\n1\n", r"c\.csv:2: expected a text"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_captions(tmp_path / name, "candidates")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*no\.json"):
        read_captions(tmp_path / "no.json", "candidates")
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory; expected a file of captions"):
        read_captions(tmp_path, "candidates")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(InputError, match=r"photo\.jpg is no text in UTF-8 \(it holds the byte 0xff\)"):
        read_captions(tmp_path / "photo.jpg", "candidates")


@pytest.mark.parametrize("text", ['[{"id": 1, "caption": "a"}, {"id": 1, "caption": "b"}]', '{"1": ["a", "b"]}'])
def test_two_candidates_for_a_photo_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(InputError, match="'1' has several captions; expected one for each photo"):
        read_captions(tmp_path / "c.json", "candidates").texts("id")


def test_photos_are_matched_by_the_field_that_both_files_share(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"id": 1, "image": "a.jpg", "caption": "x"}')
    (tmp_path / "by_image.json").write_text('{"a.jpg": ["y"]}')
    (tmp_path / "by_id.csv").write_text("id,caption\n1,y\n")
    candidates = read_captions(tmp_path / "c.jsonl", "candidates")
    by_image, by_id = (read_captions(tmp_path / name, "references") for name in ("by_image.json", "by_id.csv"))
    assert matching_keys(candidates, [by_image]) == ["image", "id"]
    assert matching_keys(candidates, [by_id]) == ["id", "id"]
    with pytest.raises(InputError, match=r"no photo in common: the one begins with id '1', image 'a\.jpg', the other"):
        matching_keys(candidates, [by_image, by_id])
