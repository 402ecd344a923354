"""The model card: what a run learnt, from what, how well, shown on photos; with the front matter that the Hub reads.

Everything in it is read from the run's folder, so that a card can be written again at any time.
"""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from core.errors import InputError, OutputError
from core.metrics.corpus import TextSettings, measure
from core.metrics.normalise import Normalisation
from core.metrics.paired import Comparison, compare
from core.store import write_atomic
from core.training.bases import published_name
from core.training.page import render
from core.training.predictions import Evaluation, Prediction, read_evaluation
from core.training.scoring import LOWER_IS_BETTER, METRICS
from core.training.thumbnails import write_thumbnails

__all__ = ["card_metrics", "write_card"]

_PHOTOS = "card"
_SIZE_PX = 320
_TESTED = {"handle_leak": "handle_leak_rate", "verbatim_copy": "verbatim_copy_rate"}
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_SHOWN_SETTINGS = ("base_model", "quantization", "lora", "freeze", "train", "eval", "cleaning", "augment_captions")


def write_card(run_folder: Path, *, photos: int = 8) -> Path:
    """Write `model_card.md`, and the same beside the weights in `best/README.md` (`last/` where there is no best).

    Args:
        run_folder: of a run that has ended.
        photos: most rows of the table of captions; small pictures of them are put beside the card.

    Raises:
        InputError: the folder is no run's, or damaged.
        OutputError: it cannot be written.
    """
    about, settings = _read_json(run_folder / "run.json"), _read_yaml(run_folder / "settings.yaml")
    base, tuned = _evaluations(run_folder, about)
    weights = next((run_folder / name for name in ("best", "last") if (run_folder / name).is_dir()), None)
    rows = _rows(base, tuned, photos)
    places = [run_folder, *([weights] if weights is not None else [])]
    try:
        pictures = _pictures(places, about, [row["image"] for row in rows])
        text = (
            "---\n"
            + _front_matter(run_folder, about, settings, tuned)
            + "---\n\n"
            + render(
                "model_card.md",
                name=_name(run_folder, about),
                about=about,
                base_name=_base_name(about),
                settings=yaml.safe_dump(_shown(settings), sort_keys=False, allow_unicode=True),
                adapter=weights is None or (weights / "adapter_config.json").is_file(),
                base=base,
                tuned=tuned,
                metrics=card_metrics(base, tuned),
                clip=published_name((tuned.signature.get("clip") if tuned is not None else None) or ""),
                rows=[row | {"picture": pictures.get(row["image"]), "image": _cell(row["image"])} for row in rows],
                trained=about.get("parameters", {}),
            )
        )
        write_atomic(run_folder / "model_card.md", text.encode())
        if weights is not None:
            write_atomic(weights / "README.md", text.encode())
    except OSError as error:
        raise OutputError(f"cannot write a card into {run_folder}: {error.strerror or error}") from None
    return run_folder / "model_card.md"


def card_metrics(base: Evaluation | None, tuned: Evaluation | None) -> list[dict[str, Any]]:
    """A row for each metric: its name, both models' value and interval, and the paired test where there is one."""
    if tuned is None:
        return []
    tested = _compared(base, tuned)
    return [
        {
            "name": name,
            "lower": name in LOWER_IS_BETTER,
            "base": _with_interval(base, name),
            "tuned": _with_interval(tuned, name),
            "test": _test(tested[name]) if name in tested else "",
        }
        for name in METRICS
        if name in tuned.metrics
    ]


def _compared(base: Evaluation | None, tuned: Evaluation) -> dict[str, Comparison]:
    """Text metrics of both models on the same photos, tested in pairs."""
    if base is None or [p.image for p in base.predictions] != [p.image for p in tuned.predictions]:
        return {}
    how = Normalisation(**tuned.signature.get("normalize", {}))
    settings = TextSettings(normalisation=how, seed=int(tuned.signature.get("seed", 0)))
    references = [prediction.references for prediction in tuned.predictions]
    try:
        before = measure([p.prediction for p in base.predictions], references, settings)
        after = measure([p.prediction for p in tuned.predictions], references, settings)
    except InputError:  # no predictions, or a record without a word: the values stand without a test
        return {}
    return {_TESTED.get(name, name): found for name, found in compare(before, after, settings).items()}


def _test(found: Comparison) -> str:
    ends = "" if found.interval is None else f" ({found.interval[0]:+.3f} to {found.interval[1]:+.3f})"
    sure = "p < 0.002" if found.p_value < 0.002 else f"p = {found.p_value:.3f}"
    return f"{found.difference:+.3f}{ends}, {sure}"


def _with_interval(evaluation: Evaluation | None, name: str) -> str:
    if evaluation is None or evaluation.metrics.get(name) is None:
        return "–"
    ends = evaluation.intervals.get(name)
    interval = "" if ends is None or None in ends else f" ({_short(ends[0])}–{_short(ends[1])})"
    return f"{_short(evaluation.metrics[name])}{interval}"


def _short(value: float) -> str:
    """A number with as many digits as say something: perplexities run into the millions."""
    return f"{value:.3f}" if value < 100 else f"{value:,.0f}"


def _evaluations(run_folder: Path, about: Mapping[str, Any]) -> tuple[Evaluation | None, Evaluation | None]:
    """Of the base model, and of the weights that were chosen."""
    folders = {
        int(folder.name.removeprefix("step-")): folder
        for folder in sorted((run_folder / "evaluations").glob("step-*"))
        if (folder / "metrics.json").is_file() and folder.name.removeprefix("step-").isdigit()
    }
    chosen = about.get("best_step", about.get("steps"))  # without a best the weights are the last
    base = read_evaluation(folders[0]) if 0 in folders and chosen != 0 else None
    return base, read_evaluation(folders[chosen]) if chosen in folders else None


def _rows(base: Evaluation | None, tuned: Evaluation | None, photos: int) -> list[dict[str, str]]:
    if tuned is None:
        return []
    before: dict[str, Prediction] = {} if base is None else {p.image: p for p in base.predictions}
    return [
        {
            "image": one.image,
            "reference": _cell(one.reference),
            "base": _cell(before[one.image].prediction) if one.image in before else "–",
            "tuned": _cell(one.prediction),
        }
        for one in tuned.samples(photos)
    ]


def _pictures(places: Sequence[Path], about: Mapping[str, Any], images: Sequence[str]) -> dict[str, str]:
    """Small pictures beside each copy of the card; those of an earlier card go. None where photos are not here."""
    root = about.get("image_root")
    names: dict[str, str] = {}
    for place in places:
        shutil.rmtree(place / _PHOTOS, ignore_errors=True)
        if root is not None and Path(root).is_dir():
            names = write_thumbnails(place / _PHOTOS, Path(root), images, size_px=_SIZE_PX)
    return {image: f"{_PHOTOS}/{name}" for image, name in names.items()}


def _front_matter(
    run_folder: Path, about: Mapping[str, Any], settings: Mapping[str, Any], tuned: Evaluation | None
) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    adapter = settings.get("lora", {}).get("enabled", True)
    base = _base_name(about)
    results = [
        EvalResult(
            task_type="image-to-text",
            task_name="Image captioning",
            dataset_type="private",
            dataset_name=f"validation records, checksum {_checksum(about, 'validation')[:12]}",
            metric_type=name,
            metric_name=name,
            metric_value=round(value, 4),
        )
        for name, value in (tuned.metrics.items() if tuned is not None else ())
        if value is not None
    ]
    data = ModelCardData(
        base_model=base if _HUB_ID.fullmatch(base) else None,
        library_name="peft" if adapter else "transformers",
        pipeline_tag="image-to-text",
        tags=["image-captioning", "montage", *(["lora"] if adapter else [])],
        model_name=_name(run_folder, about),
        eval_results=results or None,
    )
    return str(data.to_yaml()).rstrip("\n") + "\n"


def _name(run_folder: Path, about: Mapping[str, Any]) -> str:
    return str(about.get("recipe") or run_folder.resolve().name)


def _base_name(about: Mapping[str, Any]) -> str:
    return published_name(str(about.get("base", {}).get("name", "")))


def _checksum(about: Mapping[str, Any], part: str) -> str:
    return str(about.get("data", {}).get(part, {}).get("checksum", "?"))


def _shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe without paths of this machine."""
    kept = {name: settings[name] for name in _SHOWN_SETTINGS if settings.get(name) is not None}
    paths = ("image_root", "train_jsonl", "val_jsonl", "output_dir")
    if "base_model" in kept:
        kept["base_model"] = published_name(str(kept["base_model"]))
    if isinstance(kept.get("train"), dict):
        kept["train"] = {key: value for key, value in kept["train"].items() if key not in paths}
    return kept


def _cell(text: str) -> str:
    """A caption in a Markdown table, with nothing in it that Markdown or HTML would act on."""
    plain = " ".join(text.split()) or "(nothing)"
    escaped = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|~@-])", r"\\\1", escaped)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; is {path.parent} a run's folder?") from None
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged: {error}") from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; is {path.parent} a run's folder?") from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged: {error}") from None
