"""`montage evaluate`: how well the stages and the captioners work, against known truth."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli.console import out, stage_progress
from cli.evaluate_captions import captions
from cli.options import ConfigOption, JsonOption, PhotosArgument, SetOption, StoreOption, open_store
from core.config import load_config
from core.embed import choose_embedder
from core.evaluate import evaluate_stages
from core.metrics.stages import read_truth

__all__ = ["app"]

app = typer.Typer(help="Measure how well Montage works, against known truth.", no_args_is_help=True)


app.command("captions")(captions)


@app.command("stages")
def stages(
    photos: PhotosArgument,
    truth: Annotated[Path, typer.Option("--truth", help="CSV: file, duplicate_of, topic, labels.")],
    config: ConfigOption = None,
    set_: SetOption = None,
    store: StoreOption = None,
    json_: JsonOption = False,
) -> None:
    """Score duplicates, labels, clusters and posts on one event.

    TRUTH names each photo (`file`), the photo it is a near-duplicate of (`duplicate_of`), its `topic`, and its
    `labels` joined by `;`. Columns that are missing are not scored. Completeness is how many truly
    distinct photos the posts show, of as many as there are and `selection.k` has room for.
    """
    loaded = load_config(config, overrides=set_ or [])
    table = read_truth(truth)
    embedder, notice = choose_embedder(loaded)
    with stage_progress(quiet=json_) as progress:
        scores = evaluate_stages(
            photos, table, loaded.settings, store=open_store(store), embedder=embedder, progress=progress
        )
    if json_:
        print(json.dumps(scores))
        return
    console = out()
    console.print(_table(scores))
    if scores["missing"]:
        missing = ", ".join(scores["missing"][:10])
        console.print(Text(f"In the truth table, but not among the readable photos: {missing}"))
    if notice:
        console.print(Text(f"\nNote: {notice}", style="yellow"))


def _table(scores: dict[str, Any]) -> Table:
    table = Table(title=f"{scores['photos']} photos, model {scores['model']}", title_justify="left")
    table.add_column("stage")
    table.add_column("measure")
    table.add_column("value", justify="right")
    for stage in ("dedupe", "labels", "cluster", "posts"):
        for measure, value in (scores[stage] or {"": "no truth for it, or stage skipped"}).items():
            shown = "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
            table.add_row(stage, measure, shown)
    return table
