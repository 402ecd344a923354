"""`montage store`: what is kept on disk between runs."""

from typing import Annotated

import typer
from rich.table import Table

from cli.console import out
from cli.options import StoreOption, open_store

__all__ = ["app"]

app = typer.Typer(help="See or empty the store of computed embeddings, measures and JPEGs.", no_args_is_help=True)


@app.command("show")
def show(store: StoreOption = None) -> None:
    """Say where the store is and how large."""
    kept = open_store(store)
    table = Table(title=str(kept.root), title_justify="left")
    table.add_column("kind")
    table.add_column("entries", justify="right")
    table.add_column("MB", justify="right")
    for kind, entries, size in kept.sizes():
        table.add_row(kind, str(entries), f"{size / 1e6:.1f}")
    out().print(table)


@app.command("clear")
def clear(
    store: StoreOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove everything in the store; it is computed again when needed."""
    kept = open_store(store)
    if not yes:
        typer.confirm(f"Remove all stored results in {kept.root}?", abort=True)
    kept.clear()
    print(f"Emptied {kept.root}")
