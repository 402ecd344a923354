"""What decides a trial's outcome, as one checksum: settings, data, base, and the code that counts.

Comments, docstrings and layout of the code do not count; neither do settings that only say where things lie or how
much is shown.
"""

import ast
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.store import digest
from core.training.settings import Recipe

__all__ = ["code_version", "scoring_key", "trial_key"]

TRAINING_CODE = (
    "core.training.arguments", "core.training.augment", "core.training.cleaning", "core.training.collate",
    "core.training.dataset", "core.training.evaluation", "core.training.freeze", "core.training.learner",
    "core.training.lora", "core.training.optim", "core.training.scoring", "core.training.token_loss",
    "core.training.trainer", "core.training.weights", "core.metrics.corpus", "core.metrics.text", "core.metrics.tokens",
    "core.metrics.normalise", "core.vlm.family", "core.vlm.model", "core.vlm.decoding", "core.vlm.prompts",
    "core.vlm.blip", "core.vlm.blip2", "core.vlm.git", "core.vlm.florence2",
)  # fmt: skip
"""Modules that decide which weights a recipe ends with."""
SCORING_CODE = (
    "core.vlm.model", "core.vlm.decoding", "core.vlm.writing", "core.vlm.adapters", "core.metrics.text",
    "core.metrics.tokens", "core.metrics.normalise", "core.metrics.clip", "core.metrics.corpus", "core.embed",
    "core.cluster", "core.categorize", "core.quality", "distributed.sweep_scores", "distributed.sweep_groups",
)  # fmt: skip
"""Modules that decide what is written and how it scores."""
_PACKAGES = ("torch", "transformers", "peft", "numpy")
_NO_DIFFERENCE = {
    "train": ("image_root", "train_jsonl", "val_jsonl", "rendered", "output_dir", "workers", "save_every_steps",
              "save_total_limit", "log_every_steps", "trackers"),
    "eval": ("samples",),
    "features": ("batch_size",),
}  # fmt: skip
"""Settings that change nothing: data count by their content, and how often a checkpoint is written not at all."""


def trial_key(recipe: Recipe, *, train: str, val: str, base: str, code: str) -> str:
    """Under which a training trial's outcome is kept.

    Args:
        train: checksum of the records that are learnt from, with their photos' contents.
        val: of those that decide which weights are the best.
        base: of the base model.
        code: `code_version(TRAINING_CODE)`.
    """
    return digest("trial", _plain(recipe), train, val, base, code)


def scoring_key(trial: str, decoding: dict[str, Any], *, records: str, how: dict[str, Any], code: str) -> str:
    """Under which the captions of a trained model and their scores are kept.

    Args:
        trial: the trial's key.
        decoding: what of a decoding decides the words.
        records: checksum of what is captioned.
        how: normalisation, CLIP model, and whatever else the figures depend on.
        code: `code_version(SCORING_CODE)`.
    """
    return digest("scored", trial, decoding, records, how, code)


@cache
def code_version(modules: Sequence[str]) -> str:
    """Checksum of what modules do, and of the versions of the libraries that compute."""
    parts = [[name, _meaning(name)] for name in modules]
    return digest("code", parts, {name: version(name) for name in _PACKAGES})


def _meaning(module: str) -> str:
    found = find_spec(module)
    assert found is not None, module
    assert found.origin is not None, module
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body:
            kept = [one for one in body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _plain(recipe: Recipe) -> dict[str, Any]:
    data: dict[str, Any] = recipe.model_dump(mode="json")
    for section, names in _NO_DIFFERENCE.items():
        for name in names:
            data[section].pop(name)
    if not recipe.clipscore.enabled:
        data.pop("clipscore")
    return data
