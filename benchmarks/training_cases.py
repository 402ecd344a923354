"""The cases of `benchmarks.training`, each for a process of its own: the peer's, and Montage's from stored features."""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.checkpoints import EVENT, LABELS
from core.store import Store
from core.training.data import TrainingData, training_data
from core.training.features import FrozenFeatures, TrainingPhotos
from core.training.launch import load_settings
from core.training.learner import LearningModel
from core.training.recipe import LoadedRecipe
from core.training.settings import Recipe
from core.vlm.checkpoint import open_checkpoint
from core.vlm.prompts import CLUB_PROMPT

_NEVER = 10**6
ADAPTERS = {"git": (16, 32, ["query", "key", "value", "dense"]), "florence2": (8, 16, ["q_proj", "v_proj"])}
"""Rank, alpha and layers, as the recipes git-pokemon and florence2-coco have them."""
Options = argparse.Namespace
Found = dict[str, Any]


def recipe(work: Path, options: Options) -> Recipe:
    """What both train."""
    rank, alpha, targets = ADAPTERS[options.model]
    records = str(work / "records.jsonl")
    return Recipe.model_validate(
        {
            "base_model": str(work / "model"),
            "lora": {"r": rank, "alpha": alpha, "dropout": 0.05, "target_modules": targets},
            "train": {
                "image_root": str(work / "photos"),
                "train_jsonl": records,
                "val_jsonl": records,
                "clean_captions": False,
                "per_device_train_batch_size": options.batch,
                "per_device_eval_batch_size": options.batch,
                "max_steps": options.steps + 1,
                "schedule": "linear",
                "lr": 1e-4,
                "device": "cpu",
                "dtype": options.dtype,
                "workers": options.workers,
                "save_every_steps": _NEVER,
            },
            "eval": {
                "baseline": False,
                "every_steps": _NEVER,
                "max_new_tokens": options.new_tokens,
                "eval_subset_size": options.eval_photos,
            },
            "clipscore": {"enabled": True, "model": str(work / "clip"), "pretrained": None},
        }
    )


def precompute(work: Path, store: Store, options: Options) -> Found:
    """What Montage does once: features, and CLIP embeddings, of every photo into an empty store."""
    settings, model, data, photos = opened(work, options)
    features = FrozenFeatures(model, photos, store)
    model.load()
    seconds = timed(lambda: features.compute(data.images, batch_size=settings.features.batch_size))
    judge = clip_judge(settings, store)
    clip_seconds = timed(lambda: judge.embeddings(data.images, photos, model))
    one = features.get(data.images[0])
    prompt = model.family.prompt_ids(model.model, model.processor, CLUB_PROMPT.fill(EVENT, LABELS))
    image_tokens = len(one) if model.family.image_token_id(model.model) is not None else 0
    return {
        "features_s_a_photo": seconds / len(data.images),
        "clip_s_a_photo": clip_seconds / len(data.images),
        "stored_bytes_a_photo": one.numel() * one.element_size(),
        "image_tokens": len(one),
        "prompt_tokens": len(prompt) - image_tokens,
    }


def stored_training(work: Path, store: Store, options: Options) -> Found:
    """`montage train`."""
    from core.training.run import train

    times: list[float] = []

    def progress(what: str, done: int, total: int) -> None:
        if what == "train":
            times.append(time.perf_counter())

    settings = recipe(work, options)
    settings = settings.model_copy(update={"clipscore": settings.clipscore.model_copy(update={"enabled": False})})
    with tempfile.TemporaryDirectory() as out:
        loaded = LoadedRecipe(name="benchmark", path=work, recipe=settings)
        run = train(loaded, Path(out), store=store, progress=progress)
        log = (run.folder / "training_log.csv").read_text().splitlines()
        trainable = json.loads((run.folder / "run.json").read_text())["parameters"]["trainable"]
    first = dict(zip(log[0].split(","), log[1].split(","), strict=True))
    return {"step_seconds": np.diff(times).tolist(), "loss": float(first["train_loss"]), "trainable": trainable}


def plain_training(work: Path, store: Store, options: Options) -> Found:
    """The peer."""
    from benchmarks import plain_training as plain

    processor, model = plain_model(work, options)
    train = recipe(work, options).train
    arguments = {
        "per_device_train_batch_size": train.per_device_train_batch_size,
        "max_steps": train.max_steps,
        "optim": train.optimizer,
        "learning_rate": train.lr,
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.max_grad_norm,
        "lr_scheduler_type": train.schedule,
        "seed": train.seed,
        "data_seed": train.seed,
        "logging_steps": train.log_every_steps,
        "dataloader_num_workers": train.workers,
        "dataloader_pin_memory": False,
        "use_cpu": True,
    }
    with tempfile.TemporaryDirectory() as out:
        times, loss = plain.train(rows(work), processor, model, options.model, Path(out), arguments)
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return {"step_seconds": np.diff(times).tolist(), "loss": loss, "trainable": trainable}


def stored_evaluation(work: Path, store: Store, options: Options) -> Found:
    """Montage's evaluation during training: all metrics with intervals, CLIP scores."""
    from core.training.evaluation import Evaluator

    settings, model, data, photos = opened(work, options)
    model.load_without_vision()
    model.prepare(settings)
    evaluator = Evaluator(
        settings=settings.eval,
        prompt=model.prompt,
        photos=photos,
        features=FrozenFeatures(model, photos, store),
        clip=clip_judge(settings, store),
        max_caption_tokens=settings.train.max_seq_len,
        batch_size=options.batch,
        seed=settings.train.seed,
    )
    records = data.validation[: options.eval_photos]
    replace(evaluator, clip=None, resamples=0).evaluate(model, records[: options.batch], step=0)
    start = time.perf_counter()
    found = evaluator.evaluate(model, records, step=1)
    seconds = time.perf_counter() - start
    captions = [one.prediction for one in found.predictions]
    return {"seconds": seconds, "loss": found.metrics["eval_loss"], "captions": captions}


def plain_evaluation(work: Path, store: Store, options: Options) -> Found:
    """The peer: the whole model for captions and again for the loss, CLIP on the photo, coco-caption's metrics."""
    import open_clip

    from benchmarks import plain_training as plain

    processor, model = plain_model(work, options)
    clip, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{work / 'clip'}")
    judge = clip.eval(), preprocess, open_clip.get_tokenizer(f"local-dir:{work / 'clip'}")
    wanted = rows(work)[: options.eval_photos]
    how = {"max_new_tokens": options.new_tokens, "num_beams": 1, "do_sample": False}
    rest = (processor, model, options.model, options.batch, options.workers, how)
    plain.evaluate(wanted[: options.batch], *rest)
    start = time.perf_counter()
    loss, captions = plain.evaluate(wanted, *rest)
    plain.clip_scores(wanted, captions, judge, options.batch)
    plain.text_scores(captions, [row["caption"] for row in wanted])
    return {"seconds": time.perf_counter() - start, "loss": loss, "captions": captions}


def opened(work: Path, options: Options) -> tuple[Recipe, LearningModel, TrainingData, TrainingPhotos]:
    """Recipe, model (not loaded), records and photos, as `core.training.run` has them."""
    settings = recipe(work, options)
    checkpoint = open_checkpoint(work / "model", name=options.model)
    model = LearningModel(checkpoint, load_settings(settings), CLUB_PROMPT)
    return settings, model, training_data(settings), TrainingPhotos(root=work / "photos")


def clip_judge(settings: Recipe, store: Store) -> Any:
    """The CLIP model, loaded."""
    from core.training.clip_fit import open_clip_judge

    return open_clip_judge(settings.clipscore, store, device="cpu")


def plain_model(work: Path, options: Options) -> tuple[Any, Any]:
    """The peer's processor and model."""
    from benchmarks.plain_training import open_model

    rank, alpha, _ = ADAPTERS[options.model]
    return open_model(work / "model", options.model, rank, alpha, 0.05, options.dtype)


def rows(work: Path) -> list[Found]:
    """Records as the peer takes them."""
    records = [json.loads(line) for line in (work / "records.jsonl").read_text().splitlines()]
    return [
        {
            "image": str(work / "photos" / record["image"]),
            "prompt": CLUB_PROMPT.fill(record["event"], record["labels"]),
            "caption": record["caption"],
        }
        for record in records
    ]


def timed(run: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


CASES: dict[str, Callable[[Path, Store, Options], Found]] = {
    "precompute": precompute,
    "plain training": plain_training,
    "stored training": stored_training,
    "plain evaluation": plain_evaluation,
    "stored evaluation": stored_evaluation,
}
