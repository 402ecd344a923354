"""What the tests of training share: tiny records with photos, recipes on tiny checkpoints, runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.store import Store
from core.training.recipe import LoadedRecipe
from core.training.run import TrainingRun, train
from core.training.settings import Recipe
from tests.vlm_helpers import photos

CAPTIONS = ("a singer on stage", "red lights on a crowd", "big happy group photo", "food, night, food")


def write_data(folder: Path, *, train_records: int = 7, val_records: int = 3) -> Path:
    """Photos of noise, train.jsonl and val.jsonl; captions with things that cleaning takes out."""
    folder.mkdir(parents=True)
    records = []
    for i, photo in enumerate(photos(train_records + val_records)):
        photo.save(folder / f"{i}.png")
        caption = CAPTIONS[i % len(CAPTIONS)] + (" @somebody #club" if i % 2 else "")
        records.append({"image": f"{i}.png", "event": f"Day {i}", "labels": ["stage"], "caption": caption})
    for name, part in (("train", records[:train_records]), ("val", records[train_records:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in part))
    return folder


def recipe(base: Path | str, data: Path, **changed: Any) -> Recipe:
    """Eight steps of LoRA; `changed` are sections, laid over these."""
    sections: dict[str, Any] = {
        "base_model": str(base),
        "lora": {"r": 4, "alpha": 8, "dropout": 0.1},
        "train": {
            "image_root": str(data),
            "train_jsonl": str(data / "train.jsonl"),
            "val_jsonl": str(data / "val.jsonl"),
            "device": "cpu",
            "dtype": "float32",
            "num_train_epochs": 2,
            "lr": 0.01,
            "prompt": "a photo of",
            "log_every_steps": 1,
        },
        "eval": {"max_new_tokens": 6, "metric_to_monitor": "val_loss", "samples": 0},
    }
    for name, section in changed.items():
        sections[name] = {**sections.get(name, {}), **section} if isinstance(section, dict) else section
    return Recipe.model_validate(sections)


def run(settings: Recipe, out: Path, **how: Any) -> TrainingRun:
    """Train, with a store beside the run's folder."""
    loaded = LoadedRecipe(name="test", path=out, recipe=settings)
    return train(loaded, out, store=how.pop("store", None) or Store(out.parent / "store"), **how)


def stop_at(step: int) -> Callable[[str, int, int], None]:
    """A progress function that breaks a run off after a step, as Ctrl-C does."""

    def progress(what: str, done: int, total: int) -> None:
        if what == "train" and done == step:
            raise KeyboardInterrupt

    return progress
