"""`montage calibrate`: thresholds of the hybrid captioner, fitted to what people said of captions."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.table import Table
from rich.text import Text

from cli.console import out
from cli.options import JsonOption
from core.calibrate import Calibration, calibrate_hybrid
from core.config import nearest
from core.errors import ConfigError
from core.judgements import by_ratings, by_references, read_records
from core.settings import Family
from core.thresholds import Thresholds
from demo import words

__all__ = ["calibrate"]


def calibrate(
    records: Annotated[
        list[Path],
        typer.Argument(
            help="`posts.json` files of `montage caption --mode blip2,template`, or the folders they lie in.",
            show_default=False,
        ),
    ],
    ratings: Annotated[
        Path | None,
        typer.Option("--ratings", help="CSV: event, post, captioner, rating (higher is better).", show_default=False),
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option("--references", help='JSON lines: {"event", "post", "references": [...]}.', show_default=False),
    ] = None,
    model: Annotated[str, typer.Option("--model", help="The model whose captions are judged.")] = "blip2",
    json_: JsonOption = False,
) -> None:
    """Fit the thresholds of the hybrid captioner to people's ratings, or to reference captions.

    In RATINGS each row is one person's rating of one caption: `event` (its name as it was captioned; not needed for one
    record), `post` (its number), `captioner` (template, or the model's name) and `rating` (a number). Ratings of
    the same caption are averaged. In REFERENCES each line holds captions that people wrote for a post; a caption's
    quality is then its ROUGE-L with them.

    Reports what each way of choosing would have given; "leaving one out" is the estimate to go by.
    """
    if (ratings is None) == (references is None):
        raise ConfigError("calibrate needs either --ratings FILE or --references FILE, one of the two")
    if model not in get_args(Family):
        raise ConfigError(f"--model: {model!r} is not a model family; {nearest(model, get_args(Family))}")
    family = cast(Family, model)
    events = read_records(records, family)
    judged = by_ratings(ratings, events, family) if ratings else by_references(cast(Path, references), events, family)
    found = calibrate_hybrid(events, judged, family)
    if json_:
        print(json.dumps(asdict(found)))
        return
    console = out()
    console.print(_table(found, "mean rating" if ratings else "mean ROUGE-L"))
    gain = found.gain
    console.print(
        Text(
            f"\nThresholds: present {_thresholds(found.present)}; fitted {_thresholds(found.fitted)}.\n"
            f"Fitted (left out) minus present: {gain.mean:+.4f}, 95 % interval {gain.low:+.4f} to {gain.high:+.4f} "
            f"over {gain.resampled}."
        )
    )
    for note in found.notes:
        console.print(Text(f"Note: {note}", style="yellow"))
    wanted = "Should you want the fitted thresholds all the same" if found.notes else "To use the fitted thresholds"
    console.print(Text(f"\n{wanted}, put into the club's settings:\n{found.yaml}"), soft_wrap=True)


def _table(found: Calibration, quality: str) -> Table:
    counted = f"{words.count(found.posts, 'post')} of {words.count(found.events, 'event')}"
    title = f"{counted}, template against {found.model}"
    table = Table(title=title, title_justify="left")
    table.add_column("way of choosing")
    table.add_column(quality, justify="right")
    table.add_column("posts to the template", justify="right")
    for policy in found.policies:
        table.add_row(policy.name, f"{policy.quality:.4f}", str(policy.to_template))
    return table


def _thresholds(thresholds: Thresholds) -> str:
    silhouette = "not looked at" if thresholds.silhouette is None else f"{thresholds.silhouette:.4g}"
    return f"clip_cosine {thresholds.clip_cosine:.4g}, silhouette {silhouette}"
