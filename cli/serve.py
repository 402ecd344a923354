"""`montage serve`: the page."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import ConfigOption, SetOption, StoreOption, open_store

__all__ = ["serve"]


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 7860,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder in which the page keeps its results.")] = Path(
        "out/page"
    ),
    config: ConfigOption = None,
    set_: SetOption = None,
    store: StoreOption = None,
) -> None:
    """Open the page: drop photos, press a button, see the posts."""
    from core.config import load_config
    from demo.app import launch

    launch(load_config(config, overrides=set_ or []), store=open_store(store), out=out, host=host, port=port)
