"""What an evaluation found, and its files: metrics.json, predictions.jsonl, predictions.html."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import InputError, OutputError
from core.store import write_atomic
from core.training.page import predictions_page
from core.training.thumbnails import write_thumbnails

__all__ = ["Evaluation", "Prediction", "read_evaluation", "read_metrics", "read_predictions", "write_evaluation"]

_METRICS, _PREDICTIONS, _PAGE = "metrics.json", "predictions.jsonl", "predictions.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a model wrote about one photo."""

    image: str
    """Path within the image root."""
    event: str = ""
    labels: tuple[str, ...] = ()
    prompt: str = ""
    """What the model was asked."""
    references: tuple[str, ...]
    """What people wrote; the first one is the caption whose loss is measured."""
    prediction: str
    """As the model wrote it."""
    scores: Mapping[str, float | None] = field(default_factory=dict)
    """Scores of this photo by name; None where one is not defined."""

    @property
    def reference(self) -> str:
        """The caption that training aims at."""
        return self.references[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What one evaluation found."""

    step: int
    """Optimizer steps that the model had been trained for; 0 is the base model."""
    metrics: Mapping[str, float]
    """By name, as `eval_loss` and `rougeL`; absent where one could not be measured, and `notices` says why."""
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """95 % bootstrap intervals of the metrics, over photos."""
    predictions: tuple[Prediction, ...] = ()
    total: int = 0
    """Records in the validation set, of which `count` were looked at."""
    signature: Mapping[str, Any] = field(default_factory=dict)
    """What the numbers depend on: decoding, normalisation, metric settings, data checksum, seed."""
    notices: tuple[str, ...] = ()
    seconds: float = 0.0
    count: int = 0
    """Records that were evaluated."""

    def samples(self, number: int) -> list[Prediction]:
        """A few predictions, spread evenly over all of them: the same photos at every step."""
        wanted = min(number, len(self.predictions))
        return [self.predictions[i * len(self.predictions) // wanted] for i in range(wanted)]


def write_evaluation(folder: Path, evaluation: Evaluation, *, image_root: Path | None = None) -> None:
    """Write an evaluation's three files; `metrics.json` comes last, so a folder that has it is whole.

    Args:
        folder: such as `evaluations/step-000123`; small pictures of the photos go beside it, once for all steps.
        image_root: folder of the photos; None shows none.

    Raises:
        OutputError: the folder cannot be written.
    """
    thumbnails: dict[str, str] = {}
    try:
        if image_root is not None:
            images = [prediction.image for prediction in evaluation.predictions]
            names = write_thumbnails(folder.parent / "thumbnails", image_root, images)
            thumbnails = {image: f"../thumbnails/{name}" for image, name in names.items()}
        lines = "".join(_line(prediction) for prediction in evaluation.predictions)
        write_atomic(folder / _PREDICTIONS, lines.encode())
        write_atomic(folder / _PAGE, predictions_page(evaluation, thumbnails).encode())
        write_atomic(folder / _METRICS, (json.dumps(_summary(evaluation), indent=2) + "\n").encode())
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from None


def read_evaluation(folder: Path) -> Evaluation:
    """Read an evaluation back.

    Raises:
        InputError: a file is missing or damaged.
    """
    found = read_metrics(folder)
    try:
        return Evaluation(
            step=found["step"],
            metrics=found["metrics"],
            intervals={name: (low, high) for name, (low, high) in found["intervals"].items()},
            predictions=read_predictions(folder / _PREDICTIONS),
            total=found["total"],
            signature=found["signature"],
            notices=tuple(found["notices"]),
            seconds=found["seconds"],
            count=found["count"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{folder / _METRICS} is damaged: {error!r}; evaluate again") from None


def read_metrics(folder: Path) -> dict[str, Any]:
    """`metrics.json` of an evaluation.

    Raises:
        InputError: it is missing or damaged.
    """
    path = folder / _METRICS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; is this an evaluation's folder?") from None
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}; evaluate again") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} is damaged: expected keys and values, got {type(found).__name__}")
    return found


def read_predictions(path: Path) -> tuple[Prediction, ...]:
    """The lines of a `predictions.jsonl`.

    Raises:
        InputError: it is missing, or a line is damaged; says which.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: a caption may hold U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            if line.strip():
                found.append(_prediction(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}:{number} is not a prediction: {error!r}") from None
    return tuple(found)


def _prediction(data: Mapping[str, Any]) -> Prediction:
    return Prediction(
        image=data["image"],
        event=data.get("event", ""),
        labels=tuple(data.get("labels", ())),
        prompt=data.get("prompt", ""),
        references=(data["reference"], *data.get("references", ())),
        prediction=data["prediction"],
        scores=data.get("scores", {}),
    )


def _line(prediction: Prediction) -> str:
    others: Sequence[str] = prediction.references[1:]
    data = {
        "image": prediction.image,
        "event": prediction.event,
        "labels": list(prediction.labels),
        "prompt": prediction.prompt,
        "reference": prediction.reference,
        **({"references": list(others)} if others else {}),
        "prediction": prediction.prediction,
        "scores": {name: _rounded(value) for name, value in prediction.scores.items()},
    }
    return json.dumps(data, ensure_ascii=False) + "\n"


def _summary(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "step": evaluation.step,
        "count": evaluation.count,
        "total": evaluation.total,
        "metrics": {name: _rounded(value) for name, value in evaluation.metrics.items()},
        "intervals": {name: [_rounded(low), _rounded(high)] for name, (low, high) in evaluation.intervals.items()},
        "notices": list(evaluation.notices),
        "seconds": round(evaluation.seconds, 2),
        "signature": dict(evaluation.signature),
    }


def _rounded(value: float | None) -> float | None:
    """Six decimals; what is no number (a perplexity beyond all bounds) is null, as JSON has none."""
    return None if value is None or not math.isfinite(value) else round(value, 6)
