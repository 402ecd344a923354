"""What a training run made, and how its evaluations are told."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.training.predictions import Evaluation

__all__ = ["TrainingRun", "evaluated", "told"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingRun:
    """What a run made."""

    folder: Path
    chosen: Path
    """`best/`, or `last/` where the recipe does not ask for the best or nothing was evaluated."""
    steps: int
    epochs: float
    seconds: float
    best_step: int | None
    """Where the monitored metric was best; None where nothing was evaluated."""
    baseline: dict[str, float] = field(default_factory=dict)
    """Metrics before the first step, where the recipe asks for them."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Metrics at `best_step`."""
    notices: tuple[str, ...] = ()


def evaluated(history: list[dict[str, Any]], step: int | None) -> dict[str, float]:
    """Metrics of the evaluation at a step, from the Trainer's log."""
    found = {k: v for entry in history if entry["step"] == step for k, v in entry.items() if k.startswith("eval_")}
    return {name if name == "eval_loss" else name.removeprefix("eval_"): value for name, value in found.items()}


def told(evaluation: Evaluation, samples: int) -> str:
    """An evaluation in a few lines."""
    shown = ("eval_loss", "rougeL", "bleu4", "cider", "exact_match", "clip_cosine", "handle_leak_rate")
    values = [f"{name} {evaluation.metrics[name]:.4f}" for name in shown if name in evaluation.metrics]
    lines = [f"Step {evaluation.step}: {', '.join(values)}"]
    for prediction in evaluation.samples(samples):
        lines += [f"  {prediction.image}", f"    club:  {prediction.reference}", f"    model: {prediction.prediction}"]
    return "\n".join(lines)
