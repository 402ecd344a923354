"""`montage score`: how good captions are, against captions that people wrote."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.console import out
from cli.options import ConfigOption, JsonOption, SetOption, StoreOption, open_store
from core.caption_files import read_captions
from core.config import load_config, nearest
from core.embed import choose_embedder
from core.errors import ConfigError, OutputError
from core.metrics.corpus import Score, TextSettings
from core.metrics.normalise import Normalisation
from core.scoring import ClipJudge, ScoreReport, score_files
from core.store import write_atomic
from demo import words

__all__ = ["score"]

_METEOR_UP_TO = 1000
"""Captions for which METEOR is computed unasked; its Java program takes ten seconds and more."""


def score(
    candidates: Annotated[
        Path, typer.Option("--candidates", "-C", help="A caption for each photo: JSONL, CSV, JSON.", show_default=False)
    ],
    references: Annotated[
        list[Path], typer.Option("--references", "-R", help="Captions that people wrote; may be repeated.")
    ],
    candidates_b: Annotated[
        Path | None,
        typer.Option("--candidates-b", help="Other captions of these photos: adds paired tests.", show_default=False),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Folder of the photos: adds the CLIP metrics.", show_default=False),
    ] = None,
    training: Annotated[
        Path | None,
        typer.Option("--training", help="Captions a model was trained on: adds verbatim_copy.", show_default=False),
    ] = None,
    tokenized: Annotated[
        bool, typer.Option("--tokenized", help="Texts are words with single spaces between; take them as they are.")
    ] = False,
    normalize: Annotated[
        str,
        typer.Option("--normalize", help="lowercase,strip_punct,remove_hashtags,remove_swipe_tokens or some."),
    ] = "",
    allow_handle: Annotated[
        list[str] | None, typer.Option("--allow-handle", help="An @handle that captions may name; may be repeated.")
    ] = None,
    meteor: Annotated[
        bool | None,
        typer.Option("--meteor/--no-meteor", help="Needs Java. Default: for up to 1,000 captions.", show_default=False),
    ] = None,
    resamples: Annotated[int, typer.Option("--resamples", help="Of the bootstrap and the tests.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Of the bootstrap and the tests.")] = 0,
    per_item: Annotated[
        Path | None,
        typer.Option("--per-item", help="Write each caption's own scores here (JSON lines).", show_default=False),
    ] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    store: StoreOption = None,
    json_: JsonOption = False,
) -> None:
    """Score captions with BLEU, ROUGE-L, CIDEr, WER and others, each with a 95 % interval.

    Values are 0-1, CIDEr 0-10, and equal coco-caption's on tokenised text. Files are JSON lines or CSV (a photo in
    `image_id`, `id` or `image`; a text in `caption`, `prediction` or `references`), COCO results and annotations,
    or `{id: [captions]}`. Raw texts are split into words like coco-caption's, without Java. Photos that one of the
    files lacks are left out and named.
    """
    if meteor is None:
        meteor = len(read_captions(candidates, "candidates").records) <= _METEOR_UP_TO
    settings = TextSettings(
        tokenized=tokenized,
        normalisation=_normalisation(normalize),
        allowed_handles=tuple(allow_handle or ()),
        meteor=meteor,
        resamples=resamples,
        seed=seed,
    )
    clip, notice = None, None
    if images is not None:
        loaded = load_config(config, overrides=set_ or [])
        embedder, notice = choose_embedder(loaded)
        clip = ClipJudge(folder=images, embedder=embedder, store=open_store(store), config=loaded.settings)
    report = score_files(candidates, references, settings, candidates_b=candidates_b, training=training, clip=clip)
    notes = [*report.notes, *([notice] if notice else [])]
    if per_item is not None:
        try:
            write_atomic(per_item, _item_lines(report).encode())
        except OSError as error:
            raise OutputError(f"--per-item: cannot write {per_item}: {error.strerror or error}") from None
    if json_:
        print(json.dumps(_as_json(report, notes), allow_nan=False))
    else:
        _show(out(), report, notes)


def _normalisation(names: str) -> Normalisation:
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = list(asdict(Normalisation()))
    for name in wanted:
        if name not in known:
            raise ConfigError(f"--normalize: there is no {name!r}; {nearest(name, known)}")
    return Normalisation(**dict.fromkeys(wanted, True))


def _as_json(report: ScoreReport, notes: list[str]) -> dict[str, Any]:
    """The metrics by name at the top, beside them what they depend on."""
    found: dict[str, Any] = {name: _score_json(one) for name, one in report.scores.items()}
    found |= {"captions": len(report.ids), "missing": list(report.missing), "extra": list(report.extra)}
    found |= {"absent": report.absent, "notes": notes, "signature": report.signature}
    if report.scores_b is not None and report.comparison is not None:
        found["b"] = {name: _score_json(one) for name, one in report.scores_b.items()}
        found["comparison"] = {name: asdict(one) for name, one in report.comparison.items()}
    return found


def _score_json(one: Score) -> dict[str, Any]:
    return {"value": one.value, "interval": one.interval, "method": one.method, **one.details}


def _item_lines(report: ScoreReport) -> str:
    lines = (
        {"id": name, **{metric: _or_null(float(values[i])) for metric, values in report.items.items()}}
        for i, name in enumerate(report.ids)
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _show(console: Console, report: ScoreReport, notes: list[str]) -> None:
    console.print(_comparison_table(report) if report.comparison else _table(report))
    sacrebleu = report.scores["sacrebleu"].details
    console.print(
        Text(f"Words: {report.signature['tokenization']}. sacrebleu: {sacrebleu['signature']}"), soft_wrap=True
    )
    if report.comparison:
        console.print(Text("–: no difference shown (p of 0.05 or more)."))
    for name, reason in report.absent.items():
        console.print(Text(f"No {name}: {reason}."), soft_wrap=True)
    for what, names in (("no caption for", report.missing), ("no references for", report.extra)):
        if names:
            shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
            console.print(Text(f"Left out, {what} {len(names)}: {shown}", style="yellow"), soft_wrap=True)
    for note in notes:
        console.print(Text(f"Note: {note}", style="yellow"), soft_wrap=True)


def _table(report: ScoreReport) -> Table:
    table = _empty_table(words.count(len(report.ids), "caption"), "value", "95 % interval")
    for name, one in report.scores.items():
        table.add_row(name, f"{one.value:.4f}", _interval(one.interval))
    return table


def _comparison_table(report: ScoreReport) -> Table:
    table = _empty_table(
        f"{words.count(len(report.ids), 'caption')}, A and B", "A", "B", "B - A", "95 % interval", "p", "reading"
    )
    for name, one in (report.comparison or {}).items():
        values = (f"{one.a:.4f}", f"{one.b:.4f}", f"{one.difference:+.4f}")
        reading = {"a is better": "A better", "b is better": "B better"}.get(one.verdict, "–")
        table.add_row(name, *values, _interval(one.interval), f"{one.p_value:.3f}", reading)
    return table


def _empty_table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _interval(interval: tuple[float, float] | None) -> str:
    return "–" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
