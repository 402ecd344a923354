"""Imports from JSON: ShareGPT conversations and COCO captions."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.training.imports import tell_format
from core.training.json_stream import iter_json
from tests.import_helpers import imported, jsonl, run, write_source

CONVERSATIONS = [
    {
        "image": "images/Photo 0.jpg",
        "conversations": [{"from": "human", "value": "<image>\nDescribe."}, {"from": "gpt", "value": " A red door. "}],
    },
    {
        "images": ["images/Photo 1.jpg"],
        "messages": [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "A tree."}]},
            {"role": "user", "content": "And?"},
            {"role": "assistant", "content": "Nothing else."},
        ],
    },
    {"images": ["a.jpg", "b.jpg"], "conversations": [{"from": "gpt", "value": "two"}]},
    {"image": "images/Photo 2.jpg", "conversations": [{"from": "human", "value": "no answer"}]},
    {"conversations": [{"from": "gpt", "value": "no image"}]},
    {"image": "/etc/hostname", "conversations": [{"from": "gpt", "value": "out"}]},
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "source")


@pytest.mark.parametrize("as_lines", [False, True])
def test_sharegpt_conversations(source: Path, tmp_path: Path, as_lines: bool) -> None:
    entries: list[Any] = [*CONVERSATIONS]
    entries[0] = {**entries[0], "image": str(source / "images" / "Photo 0.jpg")}  # absolute, but within
    path = source / "chat.json"
    if as_lines:
        jsonl(path, *entries)
    else:
        path.write_text(json.dumps(entries, indent=1))
    assert tell_format(path) == "sharegpt"
    done = run(path, tmp_path / "out")
    assert imported(tmp_path / "out") == [("A red door.", (), ""), ("A tree.", (), "")]
    assert [(p.line, p.reason, p.severity) for p in done.problems] == [
        (2, "more_answers", "warning"),
        (3, "wrong_type", "error"),
        (4, "missing", "error"),
        (5, "wrong_type", "error"),
        (6, "outside_root", "error"),
    ]


def test_coco_captions(source: Path, tmp_path: Path) -> None:
    data = {
        "info": {},
        "images": [{"id": n, "file_name": f"Photo {n}.jpg"} for n in range(3)] + [{"id": 9, "file_name": "no.jpg"}],
        "annotations": [
            {"image_id": 0, "id": 1, "caption": "A door.\n"},
            {"image_id": 1, "id": 2, "caption": "A tree."},
            {"image_id": 0, "id": 3, "caption": "A red door."},
            {"image_id": 7, "id": 4, "caption": "Whose?"},
            {"image_id": 9, "id": 5, "caption": "Not there."},
        ],
    }
    (source / "annotations").mkdir()
    path = source / "annotations" / "captions_val2017.json"
    path.write_text(json.dumps(data))
    done = run(path, tmp_path / "out")
    assert imported(tmp_path / "out") == [("A door.", ("A red door.",), ""), ("A tree.", (), "")]
    assert sorted((p.line, p.field, p.reason) for p in done.problems) == [
        (3, "annotations", "missing"),
        (4, "annotations", "missing"),
        (4, "image", "missing"),
    ]
    with pytest.raises(InputError, match=r"image root .*nowhere does not exist"):
        run(path, tmp_path / "out2", images=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        (None, r"is no COCO captions file \(TypeError"),
        ("no images", r"is no COCO captions file \(ValueError: it names no image\)"),
        ([{"image_id": [1], "caption": "x"}], r"nothing was imported; .*is of image \[1\], which is not among"),
    ],
)
def test_damaged_coco_annotations_are_named(source: Path, tmp_path: Path, annotations: Any, message: str) -> None:
    images = [] if annotations == "no images" else [{"id": 1, "file_name": "Photo 0.jpg"}]
    path = source / "c.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    with pytest.raises(InputError, match=message):
        run(path, tmp_path / "out", format="coco", images=source)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_json_lists_are_read_entry_by_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    entries = [{"a": "x]}{,[", "b": [1, 2, {"c": "é"}]}, 12345, "text", None, [], {"n": -1.5e3}]
    monkeypatch.setattr("core.training.json_stream._CHUNK", chunk)
    for indent in (None, 2):
        (tmp_path / "l.json").write_text(json.dumps(entries, indent=indent))
        assert list(iter_json(tmp_path / "l.json")) == list(enumerate(entries, start=1))


def test_a_json_list_that_breaks_off_is_named(tmp_path: Path) -> None:
    (tmp_path / "l.json").write_text('[{"a": 1}, {"a": ')
    with pytest.raises(InputError, match=r"l.json is damaged: it ends before its list does, after 1 entries"):
        list(iter_json(tmp_path / "l.json"))
