"""Imports of other people's captioned photos: image folders, bad items named, nothing half done."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import ConfigError, InputError, OutputError
from core.training.imported import Item, write_import
from tests.conftest import shared_data
from tests.import_helpers import INGEST, PHOTOS, imported, jsonl, run, write_source


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "source")


def test_an_image_folder(source: Path, tmp_path: Path) -> None:
    jsonl(
        source / "metadata.jsonl",
        {"file_name": "images/Photo 0.jpg", "text": " A red door. ", "event": "Open Day"},
        {"file_name": "images/Photo 1.jpg", "text": ""},
        "oops",
        {"file_name": "../secret.jpg", "text": "no"},
        {"file_name": "images/none.jpg", "text": "no"},
        {"text": "no photo"},
        {"file_name": "images/Photo 2.jpg", "text": "A tree."},
    )
    done = run(source, tmp_path / "out", event="Fallback")
    assert imported(tmp_path / "out") == [("A red door.", (), "Open Day"), ("A tree.", (), "Fallback")]
    assert [(p.line, p.field, p.reason) for p in done.problems] == [
        (2, "caption", "empty"),
        (3, None, "not_json"),
        (4, "image", "outside_root"),
        (5, "image", "missing"),
        (6, "file_name", "missing"),
    ]
    assert (done.records, done.items, done.copied) == (2, 7, 2)
    told = [json.loads(line) for line in (tmp_path / "out" / "problems.jsonl").read_text().splitlines()]
    assert [problem["line"] for problem in told] == [2, 3, 4, 5, 6]
    names = sorted(path.name for path in (tmp_path / "out" / "images").iterdir())
    assert [name.rpartition("-")[0] for name in names] == ["Photo-0", "Photo-2"]


def test_rows_before_the_first_caption_are_bad_and_the_others_go_on(source: Path, tmp_path: Path) -> None:
    photo = {"file_name": "images/Photo 0.jpg"}
    absolute = {"file_name": str(source / "images" / "Photo 1.jpg"), "text": "A tree."}
    jsonl(source / "metadata.jsonl", photo, {**photo, "licence": 3}, absolute, photo)
    done = run(source, tmp_path / "out")
    assert imported(tmp_path / "out") == [("A tree.", (), "")]
    assert [(p.line, p.field, p.reason) for p in done.problems] == [(n, "caption", "missing") for n in (1, 2, 4)]
    assert "expected a caption in one of caption, text, " in done.problems[1].message
    assert done.problems[1].message.endswith("; got file_name, licence")
    jsonl(source / "metadata.jsonl", {**photo, "says": "A red door."}, {**photo, "says": "A door."})
    with pytest.raises(InputError, match=r"which key holds the caption\? .* among file_name, says; name it with --cap"):
        run(source, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert run(source, tmp_path / "named", caption_key="says").records == 1


def test_an_image_folder_in_parts(tmp_path: Path) -> None:
    for part, data in (("train", PHOTOS[0]), ("test", PHOTOS[1])):
        (tmp_path / "set" / part).mkdir(parents=True)
        (tmp_path / "set" / part / "a.jpg").write_bytes(data)
        jsonl(tmp_path / "set" / part / "metadata.jsonl", {"file_name": "a.jpg", "additional_feature": part})
    assert run(tmp_path / "set", tmp_path / "all").records == 2
    assert run(tmp_path / "set", tmp_path / "one", split="train").records == 1
    assert imported(tmp_path / "one") == [("train", (), "")]
    assert list((tmp_path / "one" / "images" / "train").iterdir())
    with pytest.raises(InputError, match=r"holds no metadata.jsonl for the part 'dev'; parts: test, train"):
        run(tmp_path / "set", tmp_path / "none", split="dev")


def test_rows_of_one_photo_become_one_record_with_references(source: Path, tmp_path: Path) -> None:
    (source / "images" / "copy.jpg").write_bytes(PHOTOS[0])
    names = ("Photo 0", "Photo 1", "Photo 0", "Photo 0")
    rows = [{"file_name": f"images/{name}.jpg", "text": f"caption {n % 3}"} for n, name in enumerate(names)]
    jsonl(source / "metadata.jsonl", *rows)
    done = run(source, tmp_path / "out")
    assert imported(tmp_path / "out") == [("caption 0", ("caption 2",), ""), ("caption 1", (), "")]
    assert (done.records, done.merged, done.copied) == (2, 2, 2)


@pytest.mark.parametrize("option", ["split", "caption_key", "image_key"])
def test_an_option_that_means_nothing_for_a_format_is_refused(tmp_path: Path, option: str) -> None:
    path = tmp_path / "captions.json"
    path.write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(ConfigError, match=r"--[a-z-]+ means nothing for the format coco \(COCO's captions JSON\)"):
        run(path, tmp_path / "out", **{option: "x"})


def test_an_interrupted_import_goes_on_and_shows_no_records_before_it_is_done(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def items(stop_at: int) -> Any:
        for number, data in enumerate(PHOTOS):
            if number == stop_at:
                raise KeyboardInterrupt
            yield Item(source="s", number=number, name=f"{number}.jpg", read=lambda d=data: d, captions=(f"c{number}",))

    with pytest.raises(KeyboardInterrupt):
        write_import(items(2), out, ingest_settings=INGEST, signature="a")
    assert not (out / "records.jsonl").exists()
    with pytest.raises(OutputError, match=r"holds the beginning of another import"):
        write_import(items(9), out, ingest_settings=INGEST, signature="b")
    done = write_import(items(9), out, ingest_settings=INGEST, signature="a")
    assert (done.records, done.copied) == (4, 2)
    with pytest.raises(OutputError, match=r"holds a finished import; name another folder, or --overwrite"):
        write_import(items(9), out, ingest_settings=INGEST, signature="a")
    assert write_import(items(9), out, ingest_settings=INGEST, signature="a", overwrite=True).copied == 0


def test_names_of_photos_lead_nowhere(tmp_path: Path) -> None:
    names = ("../../up.jpg", "/abs/olute.jpg", "c:\\win\\dows.jpg", "नमस्ते.jpg")
    items = [
        Item(source="s", number=n, name=name, read=lambda d=PHOTOS[n]: d, captions=("x",), split="../part")
        for n, name in enumerate(names)
    ]
    write_import(items, tmp_path / "out", ingest_settings=INGEST)
    found = sorted(path.name.rpartition("-")[0] for path in (tmp_path / "out" / "images" / "part").iterdir())
    assert found == ["dows", "olute", "photo", "up"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_what_cannot_be_imported(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere does not exist"):
        run(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(InputError, match=r"holds nothing that can be imported; folder: a folder of photos with"):
        run(source, tmp_path / "out")
    records = jsonl(source / "records.jsonl", {"image": "images/Photo 0.jpg", "caption": "x"})
    with pytest.raises(InputError, match=r"is a file of records already; see `montage data check`"):
        run(records, tmp_path / "out")
    jsonl(source / "metadata.jsonl", {"file_name": "none.jpg", "text": "x"})
    with pytest.raises(InputError, match=r"nothing was imported; the first of 1 problems: .*metadata.jsonl:1: image"):
        run(source, tmp_path / "out")
    with pytest.raises(InputError, match=r"--out .* lies in .*, which is imported"):
        run(source, source / "out")
    with pytest.raises(OutputError, match=r"is not an empty folder"):
        run(source, source.parent)


def test_real_photos_as_coco_and_as_parquet_become_the_same_records(tmp_path: Path) -> None:
    folder = shared_data("coco_captions_dev")
    rows = [json.loads(line) for line in (folder / "captions.jsonl").read_text().splitlines()[:12]]
    coco = {
        "images": [{"id": n, "file_name": row["image"]} for n, row in enumerate(rows)],
        "annotations": [{"image_id": n, "caption": c} for n, row in enumerate(rows) for c in row["references"]],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    table = [{"image": {"bytes": (folder / r["image"]).read_bytes()}, "captions": r["references"]} for r in rows]
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "t.parquet")
    run(tmp_path / "coco.json", tmp_path / "a", images=folder)
    run(tmp_path / "t.parquet", tmp_path / "b")
    assert imported(tmp_path / "a") == imported(tmp_path / "b")
    assert len(imported(tmp_path / "a")) == 12
