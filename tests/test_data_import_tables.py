"""Imports from parquet and Arrow files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputError
from core.training.records import read_records
from tests.import_helpers import PHOTOS, imported, run, write_source


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "source")


def rows_of_bytes() -> list[dict[str, Any]]:
    return [
        {"image": {"bytes": PHOTOS[0], "path": None}, "text": "a drawing of a green pokemon"},
        {"image": {"bytes": PHOTOS[1], "path": "1.png"}, "text": "a red one"},
        {"image": {"bytes": PHOTOS[2][:200], "path": "cut.jpg"}, "text": "cut short"},
        {"image": {"bytes": None, "path": None}, "text": "nothing"},
        {"image": {"bytes": PHOTOS[3], "path": None}, "text": None},
    ]


def write_parquet(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows_of_bytes()), folder / "data" / "train-00000-of-00001.parquet")
    return folder


def write_saved_to_disk(folder: Path) -> Path:
    """As `DatasetDict.save_to_disk` lays it out."""
    (folder / "train").mkdir(parents=True)
    table = pa.Table.from_pylist(rows_of_bytes())
    with (
        pa.OSFile(str(folder / "train" / "data-00000-of-00001.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema) as out,
    ):
        out.write_table(table)
    (folder / "dataset_dict.json").write_text('{"splits": ["train"]}')
    (folder / "train" / "cache-1.arrow").write_bytes(b"not looked at")
    return folder


@pytest.mark.parametrize("write", [write_parquet, write_saved_to_disk])
def test_tables_with_photos_in_them(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    folder = write(tmp_path / "set")
    done = run(folder, tmp_path / "out", split="train")
    assert imported(tmp_path / "out") == [("a drawing of a green pokemon", (), ""), ("a red one", (), "")]
    assert [(p.line, p.field, p.reason) for p in done.problems] == [
        (3, "image", "unreadable"),
        (4, "image", "missing"),
        (5, "caption", "missing"),
    ]
    assert sorted(p.suffix for p in (tmp_path / "out" / "images" / "train").iterdir()) == [".jpg", ".jpg"]
    with pytest.raises(InputError, match=r"no .parquet or .arrow file of the part 'test'; parts: train"):
        run(folder, tmp_path / "none", split="test")


def test_a_table_with_lists_paths_and_its_own_column_names(source: Path, tmp_path: Path) -> None:
    rows = [{"pic": f"images/Photo {n}.jpg", "says": [f"one {n}", f"two {n}", f"one {n}"]} for n in range(2)]
    table = source / "own.parquet"
    pq.write_table(pa.Table.from_pylist(rows), table)
    with pytest.raises(
        InputError, match=r"which column holds the photo\? Columns: pic, says; name it with --image-key"
    ):
        run(table, tmp_path / "out")
    with pytest.raises(InputError, match=r"which key holds the caption\? .* name it with --caption-key"):
        run(table, tmp_path / "out", image_key="pic")
    with pytest.raises(InputError, match=r"has no column 'said' \(--caption-key\); its columns: pic, says"):
        run(table, tmp_path / "out", image_key="pic", caption_key="said")
    assert run(table, tmp_path / "out", image_key="pic", caption_key="says").records == 2
    assert imported(tmp_path / "out") == [("one 0", ("two 0",), ""), ("one 1", ("two 1",), "")]


def test_an_absolute_path_is_taken_where_it_lies_beside_the_table(source: Path, tmp_path: Path) -> None:
    paths = [source / "images" / "Photo 0.jpg", tmp_path / "secret.jpg"]
    pq.write_table(pa.Table.from_pylist([{"image": str(p), "text": p.stem} for p in paths]), source / "t.parquet")
    done = run(source / "t.parquet", tmp_path / "out")
    assert imported(tmp_path / "out") == [("Photo 0", (), "")]
    assert [(problem.line, problem.reason) for problem in done.problems] == [(2, "outside_root")]
    assert str(source) not in (tmp_path / "out" / "records.jsonl").read_text()


def test_columns_that_mean_something_else_do_no_harm(tmp_path: Path) -> None:
    rows = [
        {"image": PHOTOS[0], "caption": "fine", "labels": [3, 4], "event": 7},
        {"image": PHOTOS[1], "caption": "labelled", "labels": ["stage", ""], "event": "Open Day"},
        {"image": PHOTOS[2], "caption": {"raw": "x"}, "labels": []},
    ]
    for row in rows:  # one table each, since a column has one type
        out = tmp_path / str(row["caption"])[:4]
        pq.write_table(
            pa.Table.from_pylist([row, {**row, "image": PHOTOS[3], "caption": row["caption"]}]), f"{out}.parquet"
        )
    run(tmp_path / "fine.parquet", tmp_path / "fine")
    assert imported(tmp_path / "fine") == [("fine", (), ""), ("fine", (), "")]
    run(tmp_path / "labe.parquet", tmp_path / "labe")
    assert read_records(tmp_path / "labe" / "records.jsonl", tmp_path / "labe").records[0].labels == ("stage",)
    with pytest.raises(InputError, match=r"caption: expected a text, got an object"):
        run(next(tmp_path.glob("{*.parquet")), tmp_path / "dict")


@pytest.mark.parametrize("name", ["bad.parquet", "bad.arrow"])
def test_a_damaged_table_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PAR1 this is no table PAR1" * 20)
    with pytest.raises(InputError, match=rf"{name} cannot be read as a table"):
        run(tmp_path / name, tmp_path / "out")


def test_a_photo_without_a_name_is_known_by_its_content(tmp_path: Path) -> None:
    rows = [(PHOTOS[0], "one"), (PHOTOS[1], "two"), (PHOTOS[0], "three")]
    images = [{"bytes": data, "path": None} for data, _ in rows]
    pq.write_table(pa.table({"image": images, "text": [text for _, text in rows]}), tmp_path / "t.parquet")
    done = run(tmp_path / "t.parquet", tmp_path / "out")
    assert imported(tmp_path / "out") == [("one", ("three",), ""), ("two", (), "")]
    assert (done.merged, done.copied, len(list((tmp_path / "out" / "images").iterdir()))) == (1, 2, 2)
