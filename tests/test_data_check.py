"""Records with their photos: what does not decode or goes away is named, and nothing is measured twice."""

from pathlib import Path
from typing import Any

import pytest

from core.store import Store
from core.training.check import check_file
from core.training.records import read_records
from tests.fakes import encoded, picture
from tests.records_helpers import GOOD, lines_file, write_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_root(tmp_path / "photos")


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


def test_a_photo_that_goes_away_meanwhile_is_unreadable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*given: Any) -> Any:
        found = read_records(*given)
        (root / "b.jpg").unlink()
        return found

    monkeypatch.setattr("core.training.check.read_records", read)
    checked = check_file(lines_file(root, *({**GOOD, "image": n} for n in ("a.jpg", "b.jpg"))), root)
    assert [record.image for record in checked.records] == ["a.jpg"]
    (problem,) = checked.problems
    assert (problem.line, problem.field, problem.reason) == (2, "image", "unreadable")
    assert "'b.jpg' cannot be opened: No such file" in problem.message


def test_a_second_check_measures_nothing_again_and_the_checksum_follows_the_content(root: Path, store: Store) -> None:
    path = lines_file(root, GOOD)
    first = check_file(path, root, store=store)
    again = Store(store.root)
    assert check_file(path, root, store=again).checksum == first.checksum
    assert again.computed == {}
    (root / "a.jpg").write_bytes(encoded(picture(50)))
    assert check_file(path, root, store=store).checksum != first.checksum
