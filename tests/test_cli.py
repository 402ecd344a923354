"""The `montage` command as a person or a program uses it, in processes of its own."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import encoded, picture

MINI = ("--set", "embeddings.model=mini")


def montage(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
    root = str(Path(__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": root, "COLUMNS": "120", "TERM": "dumb", "NO_COLOR": "1", **environment}
    return subprocess.run(command, cwd=cwd or root, env=env, capture_output=True, text=True, timeout=240)


def test_help_is_for_strangers() -> None:
    for arguments in ([], ["caption"], ["sample-event"], ["evaluate"], ["evaluate", "stages"], ["serve"], ["config"]):
        result = montage(*arguments, "--help")
        assert result.returncode == 0, result.stderr
        assert len(result.stdout.splitlines()) > 5
    assert "captioned" in montage("--help").stdout


def test_sample_event_then_caption_then_evaluate(tmp_path: Path) -> None:
    event, out = tmp_path / "event", tmp_path / "out"
    made = montage("sample-event", event, "--photos", 24, "--seed", 5)
    assert made.returncode == 0, made.stderr
    with (event / "truth.csv").open() as file:
        truth = list(csv.DictReader(file))
    assert len(truth) == 24
    assert {"file", "topic", "labels", "duplicate_of", "edit", "caption"} <= truth[0].keys()

    captioned = montage("caption", event, "--event", "Freshers Night", "--out", out, *MINI)
    assert captioned.returncode == 0, captioned.stderr
    assert "Post 1" in captioned.stdout
    assert "Freshers Night" in captioned.stdout
    assert json.loads((out / "posts.json").read_text())["posts"]

    again = montage("caption", event, "--event", "Freshers Night", "--out", out, *MINI, "--json")
    report = json.loads(again.stdout)
    assert report["store"]["computed"] == {}
    assert report["model"]["name"] == "mini"

    scored = montage("evaluate", "stages", event, "--truth", event / "truth.csv", *MINI, "--json")
    scores = json.loads(scored.stdout)
    assert scores["dedupe"]["f1"] >= 0.9
    assert set(scores["cluster"]) == {"purity", "ari", "silhouette", "k"}
    assert 0.9 <= scores["posts"]["completeness"] <= 1


def test_the_same_seed_gives_the_same_photos(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert montage("sample-event", tmp_path / name, "-n", 5, "--seed", 3).returncode == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_without_a_model_named_mini_steps_in_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(picture(1)))
    result = montage("caption", tmp_path / "a.jpg", "--event", "X", "--out", tmp_path / "out", HF_HOME=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "built-in model" in " ".join(result.stdout.split())
    assert "mini" in json.loads((tmp_path / "out" / "posts.json").read_text())["model"]["notice"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere", "--event", "X", "--out", "out", *MINI], 3, "nowhere does not exist"),
        (["photos", "--event", "X", "--out", "out", *MINI], 3, "no readable photo in photos: notes.txt is not a photo"),
        (["photos", "--event", "X", "--out", "photos", *MINI], 5, "is the photo folder itself"),
        (["photos", "--event", "X", "--out", "out", "--set", "cluster.kk=3"], 2, "did you mean 'k'?"),
        (["photos", "--event", "X", "--out", "out", "--config", "no.yaml"], 2, "cannot read the config no.yaml"),
        (["photos", "--event", "X", "--out", "out", "--set", "embeddings.model=ViT-B-32"], 4, "hf download"),
        (["photos", "--event", " ", "--out", "out", *MINI], 2, "needs a name"),
        (["photos", "--out", "out"], 2, "--event"),
    ],
)
def test_mistakes_get_a_message_and_an_exit_code(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    result = montage("caption", *arguments, cwd=tmp_path, HF_HOME=str(tmp_path / "hub"))
    assert result.returncode == code, result.stderr
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_sample_event_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    result = montage("sample-event", tmp_path)
    assert result.returncode == 5
    assert "not an empty folder" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_config_prints_a_file_that_loads(tmp_path: Path) -> None:
    printed = montage("config", "--set", "cluster.k=4").stdout
    assert "# Clusters larger than this are cut into several posts." in printed
    (tmp_path / "c.yaml").write_text(printed)
    again = montage("config", "--config", tmp_path / "c.yaml")
    assert again.stdout == printed


def test_store_show_and_clear(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(picture(1)))
    store = tmp_path / "s"
    montage("caption", tmp_path / "a.jpg", "--event", "X", "--out", tmp_path / "out", "--store", store, *MINI)
    assert "embedding" in montage("store", "show", "--store", store).stdout
    assert montage("store", "clear", "--yes", "--store", store).returncode == 0
    assert "embedding" not in montage("store", "show", "--store", store).stdout
