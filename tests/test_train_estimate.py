"""A dry run's numbers: those of the published models, without weights, and those of records at hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.training.base_model import find_shape
from core.training.estimate import estimate
from core.training.recipe import load_recipe
from core.training.settings import Recipe
from tests.train_helpers import recipe, write_data


@pytest.mark.parametrize(
    ("name", "trainable", "total", "layers"),
    [
        ("blip2-montage", 18_874_368, 3_961_320_960, 288),
        ("git-pokemon", 1_327_104, 176_619_066 + 1_327_104, 36),
        ("florence2-coco", 442_368, 231_886_336, 36),
        ("florence2-detailed", 231_443_968, 231_443_968, None),
    ],
)
def test_parameters_of_the_shipped_recipes_are_exact(name: str, trainable: int, total: int, layers: int | None) -> None:
    found = estimate(load_recipe(name).recipe, measure_speed=False)
    assert (found.trainable_parameters, found.total_parameters, found.adapted_layers) == (trainable, total, layers)
    assert found.features_stored == (name != "florence2-detailed")
    assert found.steps is None
    assert any("The data cannot be read" in notice for notice in found.notices)


def test_the_command_prints_them_for_programs_and_people() -> None:
    told = CliRunner().invoke(app, ["train", "--recipe", "blip2-montage", "--dry-run", "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["trainable_parameters"] == 18_874_368
    assert found["total_parameters"] == 3_961_320_960
    assert found["examples_per_step"] == 16
    shown = CliRunner().invoke(app, ["train", "--recipe", "git-pokemon", "--dry-run", "--set", "lora.r=8"])
    assert "663,552 of 177,282,618" in shown.stdout


@pytest.mark.parametrize(
    ("train", "per_epoch", "steps", "warmup"),
    [
        ({"per_device_train_batch_size": 2, "num_train_epochs": 3}, 4, 12, 0),
        ({"per_device_train_batch_size": 2, "gradient_accumulation_steps": 3, "warmup_ratio": 0.1}, 2, 4, 1),
        ({"max_steps": 5, "warmup_steps": 9}, 4, 5, 5),
    ],
)
def test_steps_and_tokens_of_records_at_hand(
    vlm_folder: Callable[[str], Path],
    tmp_path: Path,
    train: dict[str, Any],
    per_epoch: int,
    steps: int,
    warmup: int,
) -> None:
    data = write_data(tmp_path / "data")
    found = estimate(recipe(vlm_folder("git"), data, train=train))
    assert (found.train_records, found.validation_records) == (7, 3)
    assert (found.steps_per_epoch, found.steps, found.warmup_steps) == (per_epoch, steps, warmup)
    # Words of the seven cleaned captions, each with its end, and commas: 4+1, 5+1, 4+1, 5+1, …
    assert found.caption_tokens == 5 + 6 + 5 + 6 + 5 + 6 + 5
    assert found.tokens_per_epoch == found.caption_tokens + 7 * 3
    assert found.seconds is not None
    assert found.seconds > 0


def test_every_caption_counts_where_all_are_learnt_from(vlm_folder: Callable[[str], Path], tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    records = [json.loads(line) for line in (data / "train.jsonl").read_text().splitlines()]
    records[0]["references"] = ["a singer", "red lights"]
    (data / "train.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    first, every = (
        estimate(recipe(vlm_folder("git"), data, train={"references": which}), measure_speed=False)
        for which in ("first", "all")
    )
    assert first.caption_tokens is not None
    assert first.tokens_per_epoch is not None
    assert every.caption_tokens == first.caption_tokens + 3 + 3
    assert every.tokens_per_epoch == first.tokens_per_epoch + (3 + 3) + 2 * 3


def test_memory_follows_what_decides_it() -> None:
    def memory(**sections: Any) -> dict[str, float]:
        plain: dict[str, Any] = {"base_model": "microsoft/git-base", "train": {"device": "cpu", "dtype": "float32"}}
        plain["train"] |= sections.pop("train", {})
        return estimate(Recipe.model_validate({**plain, **sections}), measure_speed=False).memory_gb

    adapter = memory()
    assert memory(quantization="bnb_4bit")["weights"] < memory(quantization="bnb_8bit")["weights"] < adapter["weights"]
    assert memory(features={"enabled": False})["weights"] > adapter["weights"]
    assert memory(train={"gradient_checkpointing": True})["activations"] < adapter["activations"]
    assert memory(train={"per_device_train_batch_size": 8})["activations"] > 3 * adapter["activations"]
    full = memory(lora={"enabled": False})
    assert full["optimizer"] == pytest.approx(8 * 176_619_066 / 1e9, abs=1e-3)
    assert memory(lora={"enabled": False}, train={"optimizer": "came"})["optimizer"] < full["optimizer"]
    assert full["total"] == pytest.approx(sum(v for k, v in full.items() if k != "total"), abs=2e-3)


def test_memory_does_not_depend_on_the_folders_name(vlm_folder: Callable[[str], Path], tmp_path: Path) -> None:
    found = []
    for name in ("opt", "not-t5"):
        (tmp_path / name).symlink_to(vlm_folder("blip2-opt"))
        plain = {"base_model": str(tmp_path / name), "train": {"device": "cpu", "dtype": "float32"}}
        found.append(estimate(Recipe.model_validate(plain), measure_speed=False).memory_gb)
    assert found[0] == found[1]


def test_a_legacy_florence_is_taken_by_its_native_name() -> None:
    assert find_shape("microsoft/Florence-2-large-ft").name == "florence-community/Florence-2-large-ft"
