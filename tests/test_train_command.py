"""`montage train`: the shipped mini learns in a smoke run, and its adapter captions; mistakes are told."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import ConfigError, ModelUnavailableError, MontageError
from core.training.run import TrainingRun


def invoke(*arguments: str) -> str:
    told = CliRunner().invoke(app, ["train", *arguments], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    return told.stdout


def test_the_mini_recipe_runs_offline_from_nothing_to_an_adapter(tmp_path: Path) -> None:
    out = tmp_path / "run"
    found = json.loads(invoke("--recipe", "mini-montage", "--smoke", "--out", str(out), "--json"))
    assert found["steps"] == 3
    assert found["metrics"]["handle_leak_rate"] == 0
    assert (out / "best" / "adapter_model.safetensors").is_file()
    assert (tmp_path / "run-data" / "train.jsonl").is_file()
    again = json.loads(invoke("--recipe", "mini-montage", "--smoke", "--out", str(out), "--resume", "--json"))
    assert again["metrics"] == found["metrics"]
    shown = invoke("--recipe", "mini-montage", "--smoke", "--out", str(out), "--resume")
    assert f"--mode blip2 --set captioner.models.blip2=mini --adapter {out / 'best'} --out out" in shown


def test_a_loss_that_is_no_number_is_null_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = {"eval_loss": float("nan"), "perplexity": float("inf"), "wer": 1.0}
    done = TrainingRun(folder=tmp_path, chosen=tmp_path, steps=1, epochs=1.0, seconds=1.0, best_step=None, metrics=lost)
    monkeypatch.setattr("cli.train.run_training", lambda *_, **__: done)
    said = invoke("--recipe", "git-pokemon", "--out", str(tmp_path / "run"), "--json")
    told = json.loads(said, parse_constant=lambda name: pytest.fail(name))
    assert told["metrics"] == {"eval_loss": None, "perplexity": None, "wer": 1.0}


def test_recipes_are_listed() -> None:
    assert invoke("--list").split() == [
        "blip2-montage",
        "florence2-coco",
        "florence2-detailed",
        "florence2-guide",
        "git-pokemon",
        "mini-montage",
    ]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ([], ConfigError, "^name a recipe with --recipe: one of blip2-montage, .*, or a YAML file$"),
        (
            ["--recipe", "git-pokemon"],
            ModelUnavailableError,
            r"^the weights of microsoft/git-base .* are not on this machine and .*run `hf download microsoft/git-base ",
        ),
        (
            ["--recipe", "git-pokemon", "--set", "train.output_dir=null"],
            ConfigError,
            "^name the run's folder with --out, or in the recipe as train.output_dir$",
        ),
        (["--recipe", "mini-montag", "--dry-run"], ConfigError, "^--recipe: no recipe 'mini-montag'; did you mean "),
    ],
)
def test_mistakes_are_told(
    arguments: list[str], kind: type[MontageError], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=message):
        invoke(*arguments)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "a mistake leaves nothing behind"
