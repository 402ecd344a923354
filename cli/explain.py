"""`montage explain`: what each word of a caption costs a model, before and after fine-tuning."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.console import out as stdout
from cli.options import JsonOption
from core.config import load_config
from core.errors import InputError
from core.registry import adapter_folder, default_results_root
from core.training.bases import find_base, open_tuned
from core.training.explain import Explanation, explain_photo
from core.training.explain_picture import check_ending, write_explanation
from core.vlm.adapters import Adapter
from core.vlm.names import find_named

__all__ = ["explain"]

_MOST_MOVED = 10
_BAR = 12


def explain(
    photo: Annotated[Path, typer.Argument(help="The photo.", show_default=False)],
    caption: Annotated[str, typer.Option("--caption", help="The caption that the photo should have.")],
    adapter: Annotated[
        Path | None,
        typer.Option(help="The fine-tuned model: an adapter's name or folder, or a checkpoint's.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-M", help="The base; default: the one the adapter names.", show_default=False),
    ] = None,
    event: Annotated[str | None, typer.Option(help="Event named in the prompt.", show_default=False)] = None,
    label: Annotated[list[str] | None, typer.Option(help="Label named in the prompt; repeatable.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Picture (.png) or page (.html) to write.", show_default=False)
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show what a model learnt on one photo.

    For each token of the caption: its cross-entropy under the base and under the fine-tuned model. A lower one means
    that the model expects it more. And which weights the fine-tuning moved. docs/learning.md explains it.
    """
    if out is not None:
        check_ending(out)
    tuned = None if adapter is None else open_tuned(adapter_folder(str(adapter), default_results_root()))
    if isinstance(tuned, Adapter):
        base = find_base(tuned, model)
    elif model is not None:
        base = find_named(model)[0]
    else:
        raise typer.BadParameter("name the base model", param_hint="--model")
    if not photo.is_file():
        raise InputError(f"there is no photo {photo}")
    settings = load_config().settings
    found, image = explain_photo(base, tuned, photo, caption, settings, event=event, labels=label or [])
    if out is not None:
        write_explanation(found, image, out)
    if json_:
        print(json.dumps(_for_programs(found, out), ensure_ascii=False))
    else:
        _print(stdout(), found, out)


def _for_programs(found: Explanation, out: Path | None) -> dict[str, Any]:
    losses = {"base_loss": found.base_loss, "tuned_loss": found.tuned_loss}
    return {"out": None if out is None else str(out), **losses, **asdict(found)}


def _print(console: Console, found: Explanation, out: Path | None) -> None:
    table = Table("token", box=None, pad_edge=False)
    for name in ("base", *(("fine-tuned", "change", "") if found.tuned else ())):
        table.add_column(name, justify="left" if name == "" else "right")
    most = max([abs(token.change) for token in found.tokens] + [1.0])
    for token in found.tokens:
        cells = [Text(token.text), Text(f"{token.base:.2f}")]
        if token.tuned is not None:
            style = "green" if token.change < 0 else "red"
            bar = "█" * round(_BAR * abs(token.change) / most)
            cells += [Text(f"{token.tuned:.2f}"), Text(f"{token.change:+.2f}", style=style), Text(bar, style=style)]
        table.add_row(*cells)
    console.print(Text(f"Cross-entropy of each token, in nats (0 is certain, {_ONE_OF_100} is one of a hundred)"))
    console.print(table)
    after = "" if found.tuned_loss is None else f", fine-tuned {found.tuned_loss:.2f}"
    console.print(Text(f"Mean: base {found.base_loss:.2f}{after}", style="bold"))
    for name, text in found.writes.items():
        console.print(Text(f"{name} writes: {text}"), soft_wrap=True)
    if found.moved:
        share = f"{found.moved_parameters:,} of {found.total_parameters:,}"
        console.print(Text(f"\nWeights that moved: {len(found.moved)}, holding {share} numbers"))
        moved = Table("weight", box=None, pad_edge=False, show_header=False)
        for one in found.moved[:_MOST_MOVED]:
            moved.add_row(Text(f"{100 * one.change:.2f} %"), Text(one.name))
        console.print(moved)
        if len(found.moved) > _MOST_MOVED:
            console.print(Text(f"and {len(found.moved) - _MOST_MOVED} more, that moved less", style="dim"))
    if out is not None:
        console.print(Text(f"\nPicture: {out}"), soft_wrap=True)


_ONE_OF_100 = "4.6"
