"""Folders, ZIPs and single files as one list of byte sources."""

import os
import warnings
import zipfile
from pathlib import Path

import pytest

from core.config import load_config
from core.errors import InputError, PhotoError
from core.sources import open_sources

SETTINGS = load_config().settings.ingest


def names(*paths: Path, **options: object) -> list[str]:
    return [file.name for file in open_sources(paths, SETTINGS, **options)]  # type: ignore[arg-type]


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_posts_that_montage_wrote_are_not_read_as_photos(tmp_path: Path) -> None:
    result = tmp_path / "posts"
    (result / "post-01").mkdir(parents=True)
    for path in (tmp_path / "a.jpg", result / "post-01" / "01.jpg", result / "posts.json", result / ".montage.json"):
        path.write_bytes(b"x")
    assert names(tmp_path) == ["a.jpg"]
    assert ".montage.json" in names(result)
    assert names(result / "post-01") == ["01.jpg"]


def test_nested_folders_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.jpg", "day1/a.jpg", "day1/deep/c.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == ["b.jpg", "day1/a.jpg", "day1/deep/c.jpg"]


def test_the_output_folder_within_the_photos_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "out" / "post-01").mkdir(parents=True)
    (tmp_path / "out" / "post-01" / "01.jpg").write_bytes(b"x")
    assert names(tmp_path, exclude=tmp_path / "out") == ["a.jpg"]


def test_zip_members_are_read_without_unpacking(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "event.zip", {"day/a.jpg": b"A", "../../evil.jpg": b"E", "back\\slash.jpg": b"B"})
    files = open_sources([path], SETTINGS)
    assert {file.name: file.read() for file in files} == {
        "day/a.jpg": b"A",
        "../../evil.jpg": b"E",
        "back/slash.jpg": b"B",
    }
    assert [p.name for p in tmp_path.iterdir()] == ["event.zip"], "nothing is written to disk"


def test_several_inputs_are_told_apart(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jpg").write_bytes(b"x")
    assert names(tmp_path / "one", tmp_path / "two") == ["one/a.jpg", "two/a.jpg"]
    assert names(tmp_path / "one" / "a.jpg", tmp_path / "two" / "a.jpg") == ["a.jpg", "a (2).jpg"]


def test_no_two_files_share_a_name(tmp_path: Path) -> None:
    path = tmp_path / "e.zip"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of the repeated name that is wanted here
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("a.dng", "a.dng", "a (2).dng", "a.dng"):
                archive.writestr(name, b"x")
    assert sorted(names(path)) == ["a (2).dng", "a (3).dng", "a (4).dng", "a.dng"]


def test_what_cannot_be_opened_is_still_listed(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    files = {file.name: file for file in open_sources([tmp_path], SETTINGS)}
    assert set(files) == {"gone.jpg", "pipe.jpg", "caf\ufffd.jpg"}
    for name in ("gone.jpg", "pipe.jpg"):
        with pytest.raises(PhotoError, match="not a regular file"):
            files[name].read()
    assert files["caf\ufffd.jpg"].read() == b"x"


def test_system_files_are_recognised(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "e.zip", {"__MACOSX/._a.jpg": b"", ".DS_Store": b"", "a.jpg": b"x", "d/Thumbs.db": b""})
    assert {f.name for f in open_sources([path], SETTINGS) if f.is_hidden} == {
        "__MACOSX/._a.jpg",
        ".DS_Store",
        "d/Thumbs.db",
    }


def test_a_zip_bomb_member_is_refused_when_read(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "bomb.zip", {"bomb.jpg": b"\x00" * 5_000_000, "fine.jpg": b"x"})
    files = {file.name: file for file in open_sources([path], SETTINGS)}
    with pytest.raises(PhotoError, match="ZIP bomb"):
        files["bomb.jpg"].read()
    assert files["fine.jpg"].read() == b"x"


def test_damaged_members_are_errors_of_that_photo(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "e.zip", {"a.jpg": bytes(range(256)) * 40, "b.jpg": b"y" * 50})
    data = bytearray(path.read_bytes())
    data[60:90] = b"\xff" * 30  # inside the first member's packed bytes
    path.write_bytes(data)
    files = {file.name: file for file in open_sources([path], SETTINGS)}
    with pytest.raises(PhotoError) as caught:
        files["a.jpg"].read()
    assert caught.value.reason == "unreadable"
    assert files["b.jpg"].read() == b"y" * 50


@pytest.mark.parametrize(
    ("limit", "message"),
    [({"max_files": 2}, "more than 2 files"), ({"max_unpacked_bytes": 10}, "unpacks to")],
)
def test_limits(tmp_path: Path, limit: dict[str, int], message: str) -> None:
    path = make_zip(tmp_path / "e.zip", {f"{i}.jpg": b"12345" for i in range(3)})
    with pytest.raises(InputError, match=message):
        open_sources([path], SETTINGS.model_copy(update=limit))


def test_missing_and_damaged_inputs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; expected a folder of photos"):
        names(tmp_path / "nowhere")
    (tmp_path / "half.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match="not a readable ZIP"):
        names(tmp_path / "half.zip")
