"""Which photos a batch lists: those that `montage describe` takes, in the same order, without Ray."""

import os
from pathlib import Path

import pytest

from core.config import load_config
from core.errors import InputError
from core.sources import open_sources
from distributed.batch_listing import list_photos, open_listed, open_roots
from tests.fakes import encoded, picture

INGEST = load_config().settings.ingest
NAMES = ["a/1.jpg", "a/b/2.jpg", "a.jpg", "a-b.jpg", "a0.jpg", "z/9.jpg", "z/10.jpg", "notes.txt"]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Named so that folders and files sort between each other."""
    folder = tmp_path / "photos"
    for name in (*NAMES, ".DS_Store", "__MACOSX/a.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_photos_are_listed_as_describe_lists_them(photos: Path) -> None:
    expected = [f.name for f in open_sources([photos], INGEST) if not f.is_hidden]
    assert [listed.name for listed in list_photos(open_roots([str(photos)]))] == expected
    assert expected.index("a-b.jpg") < expected.index("a.jpg") < expected.index("a/1.jpg") < expected.index("a0.jpg")


def test_results_of_montage_are_no_photos(photos: Path) -> None:
    (photos / ".montage.json").write_text("{}")
    (photos / "post-1").mkdir()
    (photos / "post-1" / "1.jpg").write_bytes(encoded(picture(1)))
    (photos / "posts.zip").write_bytes(b"")
    (photos / "batch").mkdir()
    (photos / "batch" / "montage-batch.json").write_text("{}")
    (photos / "batch" / "x.jpg").write_bytes(encoded(picture(1)))
    sources = [f.name for f in open_sources([photos], INGEST) if not f.is_hidden]
    found = [listed.name for listed in list_photos(open_roots([str(photos)]))]
    assert found == [name for name in sources if not name.startswith("batch/")]
    assert "a/1.jpg" in found
    assert [one.name for one in list_photos(open_roots([str(photos)]), exclude=str(photos / "a"))] == [
        name for name in found if not name.startswith("a/")
    ]


def test_several_inputs_by_path_and_uri(photos: Path) -> None:
    roots = open_roots([(photos / "z").as_uri(), str(photos / "a"), str(photos / "notes.txt")])
    found = list(list_photos(roots))
    assert [one.name for one in found] == ["a/1.jpg", "a/b/2.jpg", "notes.txt", "z/10.jpg", "z/9.jpg"]
    assert open_listed(found[4], roots).read() == (photos / "z" / "9.jpg").read_bytes()
    assert open_listed(found[1], roots).read() == (photos / "a" / "b" / "2.jpg").read_bytes()
    assert open_listed(found[2], roots).read() == b"notes.txt"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["photos/gone"], "does not exist; expected a folder"),
        (["photos/a", "photos/again/a"], "two of the inputs are named 'a'"),
        (["e.zip"], "is a ZIP; unpack it"),
    ],
)
def test_inputs_that_cannot_be(photos: Path, inputs: list[str], message: str) -> None:
    (photos / "again" / "a").mkdir(parents=True)
    (photos.parent / "e.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=message):
        open_roots([str(photos.parent / name) for name in inputs])


def test_names_that_are_no_text_and_links_round_a_circle(tmp_path: Path) -> None:
    folder = tmp_path / "old stick"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/f\xfcr.jpg", "wb") as file:
        file.write(b"bytes")
    (folder / "round").symlink_to(folder)
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    roots = open_roots([str(folder)])
    found = {one.name: open_listed(one, roots) for one in list_photos(roots)}
    assert list(found) == ["f�r.jpg", "gone.jpg"]
    assert found["f�r.jpg"].read() == b"bytes"
    assert list(found) == [one.name for one in open_sources([folder], INGEST)]
