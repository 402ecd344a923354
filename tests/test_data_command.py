"""`montage data` as a person or a script uses it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import MontageError
from tests.fakes import encoded, picture

CAPTIONS = [
    "Night by @rahul #night",
    "Swipe →",
    "A quiet lake.",
    "Cheers! Mail a@b.com",
    "The crowd, again ✨",
    "Goal!",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lines = []
    for number, caption in enumerate(CAPTIONS):
        (tmp_path / f"{number}.jpg").write_bytes(encoded(picture(number, (96, 72))))
        lines.append(json.dumps({"image": f"{number}.jpg", "event": f"Event {number // 2}", "caption": caption}))
    (tmp_path / "all.jsonl").write_text("\n".join([*lines, "oops", '{"image": "9.jpg", "caption": "x"}']) + "\n")
    return tmp_path


def montage(*arguments: object, code: int = 0) -> str:
    """What the command prints; an error of ours becomes its exit code, as in `cli.main.main`."""
    result = CliRunner().invoke(app, ["data", *map(str, arguments)], env={"COLUMNS": "200"})
    error = result.exception
    if isinstance(error, MontageError):
        assert error.exit_code == code, error
        return f"{result.stdout}\n{error}"
    assert result.exit_code == code, result.output
    return result.stdout


def for_programs(*arguments: object) -> Any:
    return json.loads(montage(*arguments, "--json"))


def test_help_is_for_strangers() -> None:
    for command in ("check", "clean", "split", "import"):
        assert len(montage(command, "--help").splitlines()) > 15


def test_check_names_every_bad_line(folder: Path) -> None:
    text = montage("check", "all.jsonl")
    assert "all.jsonl: 6 usable records of 8 lines, 3 events, 2 bad lines" in text
    assert "all.jsonl:7: is not JSON: Expecting value at character 1" in text
    assert "all.jsonl:8: image: '9.jpg' is not there" in text
    assert "handles 1, hashtags 1, emails 1, swipe hints 1; see `montage data clean`" in text
    short = montage("check", "all.jsonl", "--show", 0)
    assert "all.jsonl: line: not json: lines 7" in short
    assert "all.jsonl: image: missing: lines 8" in short
    found = for_programs("check", "all.jsonl")
    assert found["files"][0]["bad_lines"] == [7, 8]
    assert found["files"][0]["records"] == 6
    assert "--strict: 2 problems, the first: all.jsonl:7" in montage("check", "all.jsonl", "--strict", code=3)


def test_check_of_training_and_validation(folder: Path) -> None:
    (folder / "v.jsonl").write_text('{"image": "0.jpg", "event": "Else", "caption": "Other."}\n')
    text = montage("check", "all.jsonl", "--val", "v.jsonl")
    assert "In training and validation, the same photo: 1" in text
    assert "'0.jpg': training line 1, validation line 1" in text
    assert for_programs("check", "all.jsonl", "--val", "v.jsonl", "--no-photos")["leaks"] == [
        {"kind": "same_file", "what": "0.jpg", "train": [1], "validation": [1]}
    ]
    assert "--strict: 3 leaks" in montage("check", "v.jsonl", "--val", "v.jsonl", "--strict", code=3)


def test_leaks_are_not_denied_where_nothing_could_be_read(folder: Path) -> None:
    text = montage("check", "all.jsonl", "--val", "all.jsonl", "--image-root", "/", code=3)
    assert "0 usable records" in text
    assert "Nothing is in both" not in text


def test_clean_shows_what_it_does_and_writes_only_when_asked(folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    text = montage("clean", "all.jsonl")
    assert "- 'Night by @rahul #night'" in text
    assert "+ 'Night'" in text
    assert "3 of 6 captions changed" in text
    assert "line 2: 'Swipe →'" in text
    assert "Nothing was written" in text
    assert {path.name for path in folder.iterdir()} == before

    found = for_programs("clean", "all.jsonl", "--out", "clean.jsonl", "--emoji", "remove")
    assert (found["records"], found["changed"], found["written"]) == (6, 4, 5)
    assert found["emptied"] == [{"line": 2, "caption": "Swipe →"}]
    assert (found["before"]["with_handles"], found["after"]["with_handles"]) == (1, 0)
    assert [problem["line"] for problem in found["problems"]] == [7, 8]
    written = [json.loads(line)["caption"] for line in (folder / "clean.jsonl").read_text().splitlines()]
    assert written == ["Night", "A quiet lake.", "Cheers!", "The crowd, again", "Goal!"]
    assert "exists already" in montage("clean", "all.jsonl", "--out", "clean.jsonl", code=5)
    assert "is the input itself" in montage("clean", "all.jsonl", "--out", "all.jsonl", "--overwrite", code=5)


@pytest.mark.parametrize(
    ("arguments", "caption"),
    [
        (["--hashtags", "none"], "Night #night"),
        (["--controlled", "#night"], "Night #night"),
        (["--hashtags", "uncontrolled", "--set", "captioner.label_hashtags={}"], "Night"),
        (["--hashtags", "uncontrolled", "--set", "captioner.base_hashtags=['#Night']"], "Night #night"),
        (["--keep", "handles"], "Night by @rahul"),
    ],
)
def test_what_clean_leaves_in(folder: Path, arguments: list[str], caption: str) -> None:
    montage("clean", "all.jsonl", "--out", "c.jsonl", *arguments)
    assert json.loads((folder / "c.jsonl").read_text().splitlines()[0])["caption"] == caption


def test_split_then_check_finds_no_leak(folder: Path) -> None:
    text = montage("split", "all.jsonl", "--out", "parts", "--shares", "40/30/30")
    assert "all.jsonl:7: is not JSON" in text
    assert "Next: montage data check parts/train.jsonl --val parts/val.jsonl --image-root ." in text
    found = for_programs("check", "parts/train.jsonl", "--val", "parts/val.jsonl", "--image-root", ".", "--strict")
    assert found["leaks"] == []
    again = for_programs("split", "all.jsonl", "--out", "parts", "--eval-split-ratio", 0.34, "--overwrite")
    assert {part: held["records"] for part, held in again["parts"].items()} == {"train": 4, "validation": 2}
    assert again["parts"]["train"]["groups"] == 2
    assert not (folder / "parts" / "test.jsonl").exists(), "of the earlier split, whose test part is trained on now"
    assert "exists already" in montage("split", "all.jsonl", "--out", "parts", code=5)


def test_import_then_check(folder: Path) -> None:
    (folder / "set").mkdir()
    (folder / "set" / "a.jpg").write_bytes(encoded(picture(1)))
    rows = [{"file_name": "a.jpg", "text": "A door."}, {"file_name": "b.jpg", "text": "B"}]
    (folder / "set" / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    text = montage("import", "set", "--out", "in", "--event", "Open Day")
    assert "1 record from 2 items" in text
    assert "metadata.jsonl:2: image: 'b.jpg' is not there" in text
    assert for_programs("check", "in/records.jsonl")["files"][0]["bad_lines"] == []
    assert "--strict: 1 problem," in montage("import", "set", "--out", "in2", "--strict", code=3)
    assert (folder / "in2" / "records.jsonl").exists(), "what was good is there all the same"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["check", "none.jsonl"], 3, "cannot read none.jsonl"),
        (["check", "all.jsonl", "--image-root", "nowhere"], 3, "the image root nowhere does not exist"),
        (["clean", "all.jsonl", "--keep", "handle"], 2, "'handle' is not one of handles, urls, emails, swipe_hints"),
        (["clean", "all.jsonl", "--hashtags", "all", "--controlled", "#a"], 2, "stay under --hashtags uncontrolled"),
        (["clean", "all.jsonl", "--controlled", "a"], 2, "--controlled: a hashtag is '#'"),
        (["clean", "all.jsonl", "--strict", "--out", "c.jsonl"], 3, "--strict: 2 problems"),
        (["split", "all.jsonl", "--out", "p", "--shares", "80/30"], 2, "shares that add up to 100"),
        (["split", "all.jsonl", "--out", "p", "--eval-split-ratio", "1.5"], 2, "between 0 and 1, got 1.5"),
        (["split", "all.jsonl", "--out", "p", "--shares", "90/10", "--eval-split-ratio", "0.1"], 2, "one of them"),
        (["split", "0.jpg", "--out", "p"], 3, "0.jpg is no text (a photo, perhaps); expected JSON lines"),
        (["split", "all.jsonl", "--out", "0.jpg"], 5, "--out 0.jpg is a file; name a folder, for train.jsonl"),
        (["check", "."], 3, ". is a folder; name the file of records in it"),
        (["import", ".", "--out", "p"], 3, "if one of all.jsonl is meant, name the file itself"),
        (["import", "0.jpg", "--out", "p"], 3, "0.jpg is no JSON in UTF-8: it holds the byte 0xff"),
        (["import", "all.jsonl", "--out", "p"], 3, "is a file of records already"),
    ],
)
def test_mistakes_get_a_message_and_an_exit_code(folder: Path, arguments: list[str], code: int, message: str) -> None:
    before = {path.name for path in folder.iterdir()}
    assert message in " ".join(montage(*arguments, code=code).split())
    assert {path.name for path in folder.iterdir()} == before
