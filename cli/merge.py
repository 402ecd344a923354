"""`montage merge`: an adapter and its base as one checkpoint."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from cli.console import out as stdout
from cli.options import JsonOption
from core.training.bases import find_base
from core.training.merge import merge_adapter
from core.vlm.adapters import open_adapter

__all__ = ["merge"]


def merge(
    adapter: Annotated[
        Path, typer.Argument(help="Folder of a LoRA adapter, such as RUN/best.", metavar="ADAPTER", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder for the merged checkpoint.")],
    model: Annotated[
        str | None,
        typer.Option("--model", "-M", help="The base; default: the one the adapter names.", show_default=False),
    ] = None,
    dtype: Annotated[
        Literal["float32", "bfloat16"] | None,
        typer.Option(help="Number format of the saved weights; default: the base's.", show_default=False),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Lay an adapter into its base.

    What comes out is an ordinary checkpoint: `montage describe --model OUT`, or transformers alone, loads it. It is
    read again after it was saved, and must give the same loss as base and adapter. Its card, README.md, says what was
    merged, with the adapter's own card; `montage push OUT` uploads both.
    """
    found = open_adapter(adapter)
    merged = merge_adapter(find_base(found, model), found, out, dtype=dtype)
    if json_:
        told = {"out": str(merged.folder), "parameters": merged.parameters, "dtype": merged.dtype}
        losses = {"loss_before": merged.loss_before, "loss_after": merged.loss_after}
        print(json.dumps(told | losses))
        return
    console = stdout()
    console.print(Text(f"Merged: {merged.folder} ({merged.parameters:,} parameters, {merged.dtype})"), soft_wrap=True)
    console.print(
        Text(f"Checked: loss {merged.loss_before:.4f} with the adapter, {merged.loss_after:.4f} merged", style="dim")
    )
