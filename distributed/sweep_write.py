"""What a trained model writes, in many decodings, and what that is worth: kept, and never made twice."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import MontageError
from core.settings import DecodingSettings
from core.store import Store
from core.training.base_model import find_base_model
from core.training.dataset import prompt_template
from core.training.launch import load_settings
from core.training.learner import LearningModel
from core.training.settings import Recipe
from core.vlm.adapters import open_adapter
from core.vlm.checkpoint import open_checkpoint
from core.vlm.model import VisionLanguageModel
from distributed.sweep_scores import Scorer
from distributed.sweep_shared import Sweep
from distributed.sweep_trials import Trial

__all__ = ["best_of", "is_scored", "score_parts", "scored_in", "trained_model"]


def score_parts(
    sweep: Sweep, recipe: Recipe, trial: Trial, decodings: Sequence[DecodingSettings], part: str, *, retry: bool = False
) -> list[dict[str, Any]]:
    """Captions and scores in decodings and all groupings; the model is loaded only where something is not there yet.

    Args:
        part: `val`, or `test` for the winner.
        retry: write again in decodings that failed.

    Returns:
        For each decoding `captions`, `metrics`, `items` and `groupings`, or why it `failed`.
    """
    cache = sweep.cache
    keys = [sweep.scoring_key(trial.key, decoding, part) for decoding in decodings]
    wanted = [sweep.grouping_key(grouping) for grouping in sweep.groupings]
    found = [cache.scored(trial.key, key) or {} for key in keys]
    lacking = [i for i, one in enumerate(found) if not _is_whole(sweep, one) or (retry and "failed" in one)]
    if not lacking:
        return found
    scorer = sweep.scorer(part, Store(sweep.store_root))
    model = trained_model(recipe, cache.folder(trial.key) / trial.chosen)
    scorer.open(model)
    for i in lacking:
        one = found[i] if "captions" in found[i] else _written(scorer, model, decodings[i])
        if "captions" in one:
            groups = dict(zip(wanted, scorer.group(one["captions"]), strict=True))
            one = one | {"groupings": one.get("groupings", {}) | groups}
        cache.keep_scored(trial.key, keys[i], one)
        found[i] = one
    return found


def is_scored(sweep: Sweep, key: str, *, retry: bool = False) -> bool:
    """Whether nothing is left to be written or grouped of a trial; `retry` counts decodings that failed as left."""
    entries = scored_in(sweep, key)
    return all(one is not None and _is_whole(sweep, one) and not (retry and "failed" in one) for one in entries)


def _is_whole(sweep: Sweep, found: Mapping[str, Any]) -> bool:
    """Whether a decoding failed, or is there with all groupings."""
    wanted = {sweep.grouping_key(grouping) for grouping in sweep.groupings}
    return "failed" in found or wanted <= set(found.get("groupings", ()))


def _written(scorer: Scorer, model: VisionLanguageModel, decoding: DecodingSettings) -> dict[str, Any]:
    """One decoding may be too long for a model, or too large for the memory, and the others still count."""
    try:
        return scorer.write_and_score(model, decoding)
    except (MontageError, MemoryError, RuntimeError, ValueError) as error:
        reason = str(error) if isinstance(error, MontageError) else f"{type(error).__name__}: {str(error)[:300]}"
        return {"decoding": decoding.model_dump(mode="json"), "failed": reason}


def trained_model(recipe: Recipe, chosen: Path) -> VisionLanguageModel:
    """A trial's model, without its vision side where stored features serve.

    Args:
        chosen: what training made: an adapter or a whole checkpoint.
    """
    size = {"batch_size": recipe.train.per_device_eval_batch_size}
    settings = load_settings(recipe).model_copy(update=size)
    if not (chosen / "adapter_config.json").is_file():
        return VisionLanguageModel(open_checkpoint(chosen, name=chosen.name), settings)
    checkpoint, _ = find_base_model(recipe.base_model)
    adapter = open_adapter(chosen)
    if adapter.changes_features or not recipe.features.enabled:
        return VisionLanguageModel(checkpoint, settings, adapter=adapter)
    model = LearningModel(checkpoint, settings, adapter.prompt or prompt_template(recipe, checkpoint.prompt))
    model.load_without_vision()
    model.use_adapter(adapter)
    return model


def scored_in(sweep: Sweep, key: str) -> list[dict[str, Any] | None]:
    """Of each decoding what a trial's model wrote on the validation records; None where it has not yet."""
    return [sweep.cache.scored(key, sweep.scoring_key(key, decoding, "val")) for decoding in sweep.decodings]


def best_of(sweep: Sweep, key: str) -> dict[str, float]:
    """The most that a trial's model reaches over all decodings, in ROUGE-L and clip_cosine."""
    metrics = [found["metrics"] for found in scored_in(sweep, key) if found is not None and "metrics" in found]
    best = {}
    for name in ("rougeL", "clip_cosine"):
        values = [one[name] for one in metrics if one.get(name) is not None]
        if values:
            best[name] = max(values)
    return best
