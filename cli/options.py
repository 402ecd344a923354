"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from core.store import Store, default_store_root

__all__ = ["ConfigOption", "JsonOption", "PhotosArgument", "ResultsOption", "SetOption", "StoreOption", "open_store"]

PhotosArgument = Annotated[
    list[Path], typer.Argument(help="Folders (nested), ZIP archives or single photos.", show_default=False)
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The club's settings (YAML). See `montage config`.", show_default=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override one setting, e.g. --set cluster.k=4."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for a program to read.")]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="Folder of stored embeddings and measures, so that a second run recomputes nothing. "
        "Default: $MONTAGE_STORE, else the user's cache folder.",
        show_default=False,
    ),
]
ResultsOption = Annotated[
    Path | None,
    typer.Option(
        "--results",
        help="Folder of runs, adapters and best.json. Default: $MONTAGE_RESULTS, else results/ in the current folder.",
        show_default=False,
    ),
]


def open_store(root: Path | None) -> Store:
    """The store that a command works with."""
    return Store(root or default_store_root())
