"""Recipes: the club's file unchanged, errors that name the place, shipped recipes and their smoke variants."""

from pathlib import Path

import pytest

from core.errors import ConfigError
from core.training.recipe import load_recipe, recipe_names, write_recipe

CLUB = """
base_model: Salesforce/blip2-flan-t5-xl
quantization: bnb_8bit
lora: {r: 16, alpha: 16, dropout: 0.05, target_modules: [q, k, v, o]}
train:
  image_root: data/images
  train_jsonl: data/train.jsonl
  val_jsonl: data/val.jsonl
  output_dir: checkpoints/lora_blip2_montage
  per_device_train_batch_size: 2
  per_device_eval_batch_size: 2
  num_train_epochs: 6
  max_steps: 0
  gradient_accumulation_steps: 8
  lr: 2.0e-4
  weight_decay: 0.01
  warmup_ratio: 0.05
  max_seq_len: 96
  save_every_steps: 200
eval:
  generate: true
  eval_subset_size: 90
  metric_to_monitor: rougeL
  early_stopping_patience: 2
  num_beams: 4
  max_new_tokens: 48
  length_penalty: 0.9
  no_repeat_ngram_size: 3
  normalize: {lowercase: true, strip_punct: true, remove_hashtags: true, remove_swipe_tokens: true}
clipscore: {enabled: true, model: ViT-B-32, pretrained: laion2b_s34b_b79k}
"""


def test_the_clubs_file_loads_unchanged(tmp_path: Path) -> None:
    (tmp_path / "club.yaml").write_text(CLUB)
    recipe = load_recipe(str(tmp_path / "club.yaml")).recipe
    assert recipe.lora.target_modules == ("q", "k", "v", "o")
    assert (recipe.train.lr, recipe.train.steps_limit, recipe.train.save_every_steps) == (2e-4, -1, 200)
    assert (recipe.eval.metric_to_monitor, recipe.eval.length_penalty) == ("rougeL", 0.9)
    assert recipe.eval.normalize.remove_swipe_tokens
    assert recipe.clipscore.enabled
    assert recipe.quantization == "bnb_8bit"


@pytest.mark.parametrize("metric", ["rougeL", "bleu2", "bleu4", "clipscore", "val_loss"])
def test_every_metric_of_the_clubs_file_can_be_monitored(tmp_path: Path, metric: str) -> None:
    (tmp_path / "club.yaml").write_text(CLUB)
    loaded = load_recipe(str(tmp_path / "club.yaml"), overrides=[f"eval.metric_to_monitor={metric}"])
    assert loaded.recipe.eval.metric_to_monitor == metric


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base_model: git\nlora: {rank: 4}", r"r.yaml:2: unknown key 'lora.rank'; .*"),
        ("base_model: git\ntrain:\n  learning_rte: 1", r"r.yaml:3: unknown key 'train.learning_rte'"),
        ("base_model: git\ntrain: {optimiser: came}", "did you mean 'optimizer'"),
        ("base_model: git\neval: {normalize: {lower: true}}", "'eval.normalize.lower'; did you mean 'lowercase'"),
        ("base_model: git\ntrain: {optimizer: cane}", "train.optimizer: expected .*; did you mean 'came'"),
        ("base_model: git\nquantization: 8bit", "quantization: expected"),
        ("base_model: git\ntrain: {lr: 0}", "r.yaml:2: train.lr: .*greater than 0, got 0"),
        ("lora: {r: 4}", "base_model"),
        ("base_model: git\nlora: {enabled: false}\nquantization: bnb_4bit", "full fine-tune needs quantization: none"),
        (
            "base_model: git\nlora: {enabled: false}\n"
            "freeze: {freeze_vision: true, freeze_language: true, freeze_other: true}",
            "nothing is left to train",
        ),
        ("base_model: git\neval: {generate: false}", "needs eval.generate: true"),
        ("base_model: git\neval: {metric_to_monitor: clip_cosine}", "needs clipscore.enabled: true"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_recipe(str(path))


def test_an_unknown_recipe_is_told_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'git-pokemon'"):
        load_recipe("git-pokemn")
    with pytest.raises(ConfigError, match=r"no file nowhere\.yaml; shipped recipes: blip2-montage"):
        load_recipe("nowhere.yaml")


def test_overrides_win_and_keep_their_names_in_errors() -> None:
    loaded = load_recipe("git-pokemon", overrides=["lora.r=4", "train.trackers=wandb,mlflow"])
    assert loaded.recipe.lora.r == 4
    assert loaded.recipe.train.trackers == ("wandb", "mlflow")
    with pytest.raises(ConfigError, match=r"--set lora\.r=0: lora\.r"):
        load_recipe("git-pokemon", overrides=["lora.r=0"])


def test_six_recipes_are_shipped() -> None:
    assert recipe_names() == [
        "blip2-montage",
        "florence2-coco",
        "florence2-detailed",
        "florence2-guide",
        "git-pokemon",
        "mini-montage",
    ]


@pytest.mark.parametrize("name", recipe_names())
def test_each_recipe_has_a_smoke_variant_that_needs_nothing_from_elsewhere(name: str) -> None:
    full, small = load_recipe(name), load_recipe(name, smoke=True)
    assert small.name == f"{name}-smoke"
    assert small.recipe.base_model in ("mini-git", "mini-blip2")
    assert small.recipe.train.train_jsonl is None
    assert small.recipe.train.rendered is not None
    assert 0 < small.recipe.train.steps_limit <= 5
    assert small.recipe.lora.enabled == full.recipe.lora.enabled
    assert small.recipe.train.optimizer == full.recipe.train.optimizer


def test_each_number_of_a_recipe_has_its_reason_beside_it() -> None:
    for name in recipe_names():
        lines = load_recipe(name).path.read_text().split("smoke:")[0].splitlines()
        bare = [line for line in lines if ": " in line and line.split(": ")[1][:1].isdigit() and "#" not in line]
        assert not [line for line in bare if not line.strip().startswith(("max_new_tokens", "per_device_eval"))], name


def test_written_settings_are_read_back_as_they_were(tmp_path: Path) -> None:
    recipe = load_recipe("florence2-detailed").recipe
    write_recipe(tmp_path / "settings.yaml", recipe)
    assert load_recipe(str(tmp_path / "settings.yaml")).recipe == recipe
