"""`montage score` as a person or a program uses it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from core.errors import ConfigError, InputError, OutputError

REFERENCES = {f"p{i}": [f"a cat number {i} sits", f"cat {i} on a mat"] for i in range(12)}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def score(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["score", *map(str, arguments), "--no-meteor"], env={"COLUMNS": "80"})


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    good = {name: own[0] for name, own in REFERENCES.items()}
    bad = {name: f"dogs by @me run {name}" for name in REFERENCES}
    contents = {"good": good, "bad": bad, "refs": REFERENCES}
    return {name: write(tmp_path / f"{name}.json", content) for name, content in contents.items()}


def test_json_has_each_metric_with_value_and_interval(files: dict[str, Path]) -> None:
    result = score("--candidates", files["good"], "--references", files["refs"], "--tokenized", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    for name in ("bleu1", "bleu2", "bleu3", "bleu4", "rougeL", "cider", "wer", "distinct1", "distinct2", "exact_match"):
        low, high = found[name]["interval"]
        assert low <= found[name]["value"] <= high, name
    assert found["bleu4"]["value"] == pytest.approx(1)
    assert found["wer"]["value"] == 0
    assert found["sacrebleu"]["printed"] == pytest.approx(100)
    assert found["sacrebleu"]["signature"].startswith("nrefs:2|case:mixed|eff:no|tok:none|smooth:exp|version:")
    assert found["signature"]["tokenization"] == "split on spaces"
    assert found["signature"]["seed"] == 0
    assert (found["captions"], found["missing"], found["extra"], found["notes"]) == (12, [], [], [])
    assert set(found["absent"]) == {"meteor", "verbatim_copy"}


def test_two_files_are_compared(files: dict[str, Path]) -> None:
    arguments = ("-C", files["bad"], "-R", files["refs"], "--candidates-b", files["good"])
    found = json.loads(score(*arguments, "--json").stdout)
    assert found["comparison"]["rougeL"]["verdict"] == "b is better"
    assert found["comparison"]["rougeL"]["p_value"] < 0.01
    assert found["comparison"]["handle_leak"]["difference"] == -1
    assert found["b"]["handle_leak"]["value"] == 0
    assert any("not corrected for the number of metrics" in note for note in found["notes"])
    table = score(*arguments).stdout
    assert "B better" in table
    assert "–: no difference shown" in table
    assert "…" not in table
    assert "B - A" in table


def test_photos_without_a_partner_are_named(tmp_path: Path, files: dict[str, Path]) -> None:
    some = write(tmp_path / "some.json", {"p1": "a cat", "p2": "a cat", "other.jpg": "a dog"})
    found = json.loads(score("-C", some, "-R", files["refs"], "--json").stdout)
    assert found["captions"] == 2
    assert found["extra"] == ["other.jpg"]
    assert found["missing"] == sorted(set(REFERENCES) - {"p1", "p2"})
    assert "2 captions are too few" in found["notes"][0]
    shown = score("-C", some, "-R", files["refs"]).stdout
    assert "no references for 1: other.jpg" in shown
    assert "no caption for 10: p0, p10, p11, p3" in shown


def test_the_second_file_may_name_photos_otherwise(tmp_path: Path) -> None:
    references = [{"id": 1, "image": "a.jpg", "references": ["x"]}, {"id": 2, "image": "b.jpg", "references": ["y"]}]
    files = {"refs": references, "by_id": [{"id": 1, "caption": "x"}, {"id": 2, "caption": "x"}]}
    files["both"] = [{"image": "b.jpg", "id": 2, "caption": "y"}, {"image": "a.jpg", "id": 1, "caption": "x"}]
    files["else"] = [{"image": "c.jpg", "caption": "y"}]
    paths = {name: write(tmp_path / f"{name}.json", content) for name, content in files.items()}
    arguments = ("-C", paths["by_id"], "-R", paths["refs"], "--candidates-b")
    found = json.loads(score(*arguments, paths["both"], "--json").stdout)
    assert (found["exact_match"]["value"], found["b"]["exact_match"]["value"]) == (0.5, 1)
    with pytest.raises(InputError, match=r"else\.json has none of the photos with references; it begins with image"):
        raise score(*arguments, paths["else"]).exception or AssertionError


def test_the_order_of_the_files_changes_nothing(tmp_path: Path, files: dict[str, Path]) -> None:
    bad = json.loads(files["bad"].read_text())
    turned = write(tmp_path / "turned.json", dict(reversed(bad.items())))
    one, other = (
        json.loads(score("-C", file, "-R", files["refs"], "--json").stdout) for file in (files["bad"], turned)
    )
    assert one["cider"] == other["cider"]
    assert one["bleu1"] == other["bleu1"]


def test_coco_results_and_annotations(tmp_path: Path) -> None:
    results = write(tmp_path / "results.json", [{"image_id": i, "caption": "a cat sits"} for i in (1, 2, 3)])
    listed = [{"id": 10 * i + k, "image_id": i, "caption": "A cat sits."} for i in (1, 2, 3) for k in (0, 1)]
    truth = write(tmp_path / "truth.json", {"images": [{"id": i} for i in (1, 2, 3)], "annotations": listed})
    found = json.loads(score("-C", results, "-R", truth, "--json").stdout)
    assert found["captions"] == 3
    assert found["exact_match"]["value"] == 1
    assert found["signature"]["tokenization"] == "ptb-like"


def test_several_files_of_references_and_options(tmp_path: Path) -> None:
    for name, lines in {"said": ["a b #x", "c d @me"], "one": ["a b", "x"], "two": ["y", "c d @me"]}.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "train.jsonl").write_text('{"image": "a.jpg", "caption": "A B!"}\n')
    options = ("--normalize", "remove_hashtags", "--training", tmp_path / "train.jsonl", "--allow-handle", "me")
    files = ("-C", tmp_path / "said.txt", "-R", tmp_path / "one.txt", "-R", tmp_path / "two.txt")
    items = tmp_path / "items.jsonl"
    found = json.loads(score(*files, *options, "--per-item", items, "--json").stdout)
    assert found["exact_match"]["value"] == 1
    assert found["verbatim_copy"]["value"] == 0.5
    assert found["handle_leak"]["value"] == 0
    assert found["signature"]["normalisation"]["remove_hashtags"] is True
    assert {Path(name).name for name in found["signature"]["data"]} == {"said.txt", "one.txt", "two.txt", "train.jsonl"}
    rows = [json.loads(line) for line in items.read_text().splitlines()]
    assert [(row["id"], row["verbatim_copy"]) for row in rows] == [("1", 1), ("2", 0)]


def test_captions_without_a_word_are_pointed_out(files: dict[str, Path], tmp_path: Path) -> None:
    some = {name: "" if name in ("p1", "p2") else own[0] for name, own in REFERENCES.items()}
    empty = write(tmp_path / "empty.json", some)
    alone = score("-C", empty, "-R", files["refs"], "--resamples", 20)
    assert "Note: 2 of 12 captions hold no word." in alone.stdout
    compared = score("-C", files["good"], "--candidates-b", empty, "-R", files["refs"], "--resamples", 20)
    assert "Note: 2 of 12 captions of B hold no word." in compared.stdout
    one = score("-C", write(tmp_path / "one.json", {"p1": "a cat"}), "-R", files["refs"])
    assert one.stdout.startswith("1 caption ")
    assert "Note: 1 caption is too few" in one.stdout


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["-R", "refs", "--normalize", "lower"], ConfigError, "there is no 'lower'; .*lowercase"),
        (["-R", "refs", "--resamples", "-2"], ConfigError, "resamples and seed must be 0 or more"),
        (["-R", "refs", "--candidates-b", "bad", "--resamples", "0"], ConfigError, "needs resamples"),
        (["-R", "refs", "--per-item", "/dev/null/x"], OutputError, "--per-item: cannot write /dev/null/x"),
        (["-R", "nowhere.json"], InputError, r"cannot read nowhere\.json"),
        (["-R", "refs", "--images", "nowhere"], InputError, "nowhere: expected a folder of photos"),
        (["-R", "refs", "--images", "."], InputError, "has no photo for 12 of 12 captions: p0, p1, p10"),
    ],
)
def test_mistakes(files: dict[str, Path], arguments: list[str], error: type[Exception], message: str) -> None:
    given = [files.get(argument, argument) for argument in arguments]
    if "." in given:
        given[given.index(".")] = files["refs"].parent
    result = score("-C", files["good"], *given, "--set", "embeddings.model=mini")
    with pytest.raises(error, match=message):
        raise result.exception or AssertionError(result.output)
