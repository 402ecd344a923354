"""Imports of other people's captioned photos: every format, bad items named, nothing half done."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.config import load_config
from core.errors import ConfigError, InputError, OutputError
from core.training.imported import Imported, Item, write_import
from core.training.imports import import_data, tell_format
from core.training.json_stream import iter_json
from core.training.records import read_records
from tests.conftest import shared_data
from tests.fakes import encoded, picture

INGEST = load_config().settings.ingest
PHOTOS = [encoded(picture(seed, (80, 60))) for seed in range(4)]


def run(source: Path, out: Path, **options: Any) -> Imported:
    return import_data(source, out, ingest_settings=INGEST, **options)


def imported(out: Path) -> list[tuple[str, tuple[str, ...], str]]:
    """What lies in an import: caption, references and event of each record, whose photos all decode."""
    read = read_records(out / "records.jsonl", out)
    assert not read.problems
    return [(record.caption, record.references, record.event) for record in read.records]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "images").mkdir(parents=True)
    for number, data in enumerate(PHOTOS):
        (folder / "images" / f"Photo {number}.jpg").write_bytes(data)
    (tmp_path / "secret.jpg").write_bytes(PHOTOS[0])
    return folder


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return path


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


def test_rows_of_one_photo_become_one_record_with_references(source: Path, tmp_path: Path) -> None:
    (source / "images" / "copy.jpg").write_bytes(PHOTOS[0])
    names = ("Photo 0", "Photo 1", "Photo 0", "Photo 0")
    rows = [{"file_name": f"images/{name}.jpg", "text": f"caption {n % 3}"} for n, name in enumerate(names)]
    jsonl(source / "metadata.jsonl", *rows)
    done = run(source, tmp_path / "out")
    assert imported(tmp_path / "out") == [("caption 0", ("caption 2",), ""), ("caption 1", (), "")]
    assert (done.records, done.merged, done.copied) == (2, 2, 2)


def test_a_photo_without_a_name_is_known_by_its_content(tmp_path: Path) -> None:
    rows = [(PHOTOS[0], "one"), (PHOTOS[1], "two"), (PHOTOS[0], "three")]
    images = [{"bytes": data, "path": None} for data, _ in rows]
    pq.write_table(pa.table({"image": images, "text": [text for _, text in rows]}), tmp_path / "t.parquet")
    done = run(tmp_path / "t.parquet", tmp_path / "out")
    assert imported(tmp_path / "out") == [("one", ("three",), ""), ("two", (), "")]
    assert (done.merged, done.copied, len(list((tmp_path / "out" / "images").iterdir()))) == (1, 2, 2)


@pytest.mark.parametrize("option", ["split", "caption_key", "image_key"])
def test_an_option_that_means_nothing_for_a_format_is_refused(tmp_path: Path, option: str) -> None:
    path = tmp_path / "captions.json"
    path.write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(ConfigError, match=r"--[a-z-]+ means nothing for the format coco \(COCO's captions JSON\)"):
        run(path, tmp_path / "out", **{option: "x"})


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        (None, r"is no COCO captions file \(TypeError"),
        ([{"image_id": [1], "caption": "x"}], r"nothing was imported; .*is of image \[1\], which is not among"),
    ],
)
def test_damaged_coco_annotations_are_named(source: Path, tmp_path: Path, annotations: Any, message: str) -> None:
    images = [{"id": 1, "file_name": "Photo 0.jpg"}]
    path = source / "c.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    with pytest.raises(InputError, match=message):
        run(path, tmp_path / "out", format="coco", images=source)


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
