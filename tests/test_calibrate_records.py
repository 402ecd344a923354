"""What calibration reads: records, ratings and references, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.judgements import by_ratings, by_references, read_records
from tests.calibrate_helpers import caption, events, post, record, written


def test_records_are_read_from_files_and_folders(tmp_path: Path) -> None:
    one, two = written(tmp_path, record("A"), record("B"))
    assert list(read_records([one, two / "posts.json"], "blip2")) == ["A", "B"]


NO_COSINE = {"blip2": caption("a"), "template": caption("b")}


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (
            [record(posts=[post(1, {"blip2": caption("a", 0.2)})])],
            r"out0/posts.json: post 1 has no caption of template",
        ),
        ([record(posts=[post(7, {"template": caption("a")})])], r"post 7 has no caption of blip2, only of template"),
        ([record(posts=[post(1, {})])], r"no caption of template, only of nobody; .* --mode blip2,template"),
        ([record(posts=[post(1, NO_COSINE)])], r"caption of blip2 of post 1 has no clip_cosine; set .*calc_clipscore"),
        ([record("A"), record("A")], r"out1/posts.json and .*out0/posts.json are both of the event 'A'"),
        ([record("A"), record("B", model={**record()["model"], "key": "x"})], "different embedding models"),
        (
            [{"posts": 3}],
            r"out0/posts.json is not a record written by `montage caption`: montage_version: Field required",
        ),
    ],
)
def test_records_that_cannot_be_used_are_named(tmp_path: Path, records: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_records(written(tmp_path, *records), "blip2")


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*nowhere"):
        read_records([tmp_path / "nowhere"], "blip2")


def test_ratings_are_averaged_and_halves_left_out(tmp_path: Path) -> None:
    table = tmp_path / "ratings.csv"
    table.write_text(
        "post,captioner,rating,rater\n1,template,2,x\n1,template,3,y\n1, blip2 ,4.5,x\n2,blip2,5,x\n",
        encoding="utf-8-sig",
    )
    judged = by_ratings(table, events(record()), "blip2")
    assert judged.quality == {("Open Mic", 1): (2.5, 4.5)}
    assert judged.notes == ["Left out, since not both of their captions were rated: 1."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("event,post,captioner,rating\nA,1,template,4\nC,1,blip2,4\n", r"ratings.csv:3: no record is of the event 'C'"),
        ("event,post,captioner,rating\n,1,template,4\n", r":2: which of the 2 events\? expected its name in 'event'"),
        ("event,post,captioner,rating\nA,3,blip2,4\n", r":2: 'A' has no post 3, it has 2 posts"),
        ("event,post,captioner,rating\nA,x,blip2,4\n", r":2: post must be a number, got 'x'"),
        ("event,post,captioner,rating\nA,1,blip,4\n", r":2: post 1 has no caption of 'blip'; did you mean 'blip2'"),
        ("event,post,captioner,rating\nA,1,blip2,good\n", r":2: rating must be a number, got 'good'"),
        ("event,post,captioner,rating\nA,1,blip2,nan\n", r":2: rating must be a number, got 'nan'"),
        ("event,post,captioner,rating\nA,1,blip2\n", r":2: rating must be a number, got None"),
        ("event;post\n", r"expected a CSV with columns .*; post, captioner, rating missing from \['event;post'\]"),
        ("", "missing from an empty file"),
    ],
)
def test_bad_ratings_are_refused_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "ratings.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        by_ratings(table, events(record("A"), record("B")), "blip2")


def test_references_are_compared_by_rouge_l(tmp_path: Path) -> None:
    lines = tmp_path / "references.jsonl"
    lines.write_text('{"post": 2, "references": ["A dog runs!", "moments"]}\n\n', encoding="utf-8")
    assert by_references(lines, events(record()), "blip2").quality == {("Open Mic", 2): (1.0, 1.0)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"references.jsonl:1: .*JSON"),
        ('{"post": 1}', r":1: references: Field required"),
        ('{"post": 1, "references": []}', r":1: references: List should have at least 1 item"),
        ('{"post": 1, "references": ["!"]}', r":1: ROUGE-L needs a reference that holds a word"),
        ('{"post": 9, "references": ["a"]}', r":1: 'Open Mic' has no post 9"),
        ('{"post": 1, "references": ["a"]}\n' * 2, r":2: post 1 of 'Open Mic' is listed twice"),
    ],
)
def test_bad_references_are_refused_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    lines = tmp_path / "references.jsonl"
    lines.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        by_references(lines, events(record()), "blip2")
