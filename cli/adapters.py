"""`montage adapters`: which adapters are at hand, and which one is used."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli.console import out as stdout
from cli.options import JsonOption, ResultsOption
from core.best import best_entry, roll_back, use_adapter
from core.registry import (
    ENTRY,
    NO_ADAPTER,
    Entry,
    adapter_folder,
    default_results_root,
    list_adapters,
    read_entry,
    register_adapter,
)

__all__ = ["app"]

app = typer.Typer(
    help="Adapters at hand: list, show, use, rollback, add. The one in use is what caption and the page write with.",
    no_args_is_help=True,
)
NameArgument = Annotated[str, typer.Argument(help="An adapter's name, as `montage adapters list` shows it.")]
_SHOWN = ("rougeL", "exact_match", "clip_cosine")


@app.command("list")
def list_(results: ResultsOption = None, json_: JsonOption = False) -> None:
    """List the adapters at hand; the one in use is marked."""
    root = results or default_results_root()
    entries, best = list_adapters(root), best_entry(root)
    used = best.name if best is not None else NO_ADAPTER
    if json_:
        print(json.dumps([_told(entry) | {"used": entry.name == used} for entry in entries], ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "adapter", "goes on", "ROUGE-L", "exact", "CLIP cosine"):
        table.add_column(heading, justify="right" if heading in ("ROUGE-L", "exact", "CLIP cosine") else "left")
    for entry in entries:
        figures = [_figure(entry.metrics.get(name)) for name in _SHOWN]
        table.add_row("*" if entry.name == used else "", entry.name, entry.base.get("name", "?"), *figures)
    stdout().print(
        table if entries else Text("There are no adapters yet: `montage train` and `montage tune` make them.")
    )
    stdout().print(Text(f"\nIn use: {used}", style="bold"))


@app.command()
def show(name: NameArgument, results: ResultsOption = None, json_: JsonOption = False) -> None:
    """Show an adapter: its base, settings, figures, and where they come from."""
    folder = adapter_folder(name, results or default_results_root())
    entry = read_entry(folder / ENTRY, folder)
    if json_:
        print(json.dumps(_told(entry), ensure_ascii=False))
        return
    console = stdout()
    console.print(Text(entry.name, style="bold"))
    for title, part in _told(entry).items():
        if title != "adapter" and part:
            console.print(Text(f"{title}: ", style="bold").append(_plain(part), style="not bold"))
    if (folder / "README.md").is_file():
        console.print(Text(f"card: {folder / 'README.md'}"))


@app.command()
def use(
    name: Annotated[str, typer.Argument(help=f"An adapter's name, or {NO_ADAPTER} for the model alone.")],
    results: ResultsOption = None,
) -> None:
    """Use an adapter, with its decoding and clustering settings, from now on."""
    entry = use_adapter(name, results or default_results_root())
    stdout().print(Text(f"In use: {entry.name}. Back again: montage adapters rollback"))


@app.command()
def rollback(results: ResultsOption = None) -> None:
    """Use what was used before."""
    entry = roll_back(results or default_results_root())
    stdout().print(Text(f"In use: {entry.name if entry is not None else NO_ADAPTER}"))


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(help="A training run's folder, or an adapter's.", exists=True)],
    name: Annotated[str, typer.Option("--name", help="What to call it.")],
    base: Annotated[
        str | None,
        typer.Option("--base", help="The model it was trained on. Default: as the adapter says.", show_default=False),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace another of this name.")] = False,
    results: ResultsOption = None,
) -> None:
    """Take an adapter into the registry; `montage adapters use NAME` then puts it to use."""
    from core.training.register import is_run, register_run

    root = results or default_results_root()
    if is_run(folder) and base is None:
        target = register_run(folder, results=root, name=name, replace=replace)
    else:
        target = register_adapter(folder, results=root, name=name, base=_base(folder, base), replace=replace)
    stdout().print(Text(f"Taken in as {target.name}: {target}\nUse it: montage adapters use {target.name}"))


def _base(folder: Path, named: str | None) -> dict[str, str]:
    """Name and checksum of an adapter's base; a folder's name, not its path, which is another on each machine."""
    from core.training.base_model import find_base_model
    from core.vlm.adapters import open_adapter

    checkpoint, _ = find_base_model(named or open_adapter(folder).base)
    name = checkpoint.folder.name if Path(checkpoint.name).is_dir() else checkpoint.name
    return {"name": name, "checksum": checkpoint.key}


def _told(entry: Entry) -> dict[str, Any]:
    return entry.as_json() | {"folder": str(entry.folder)}


def _plain(part: Any) -> str:
    if isinstance(part, dict):
        return ", ".join(
            f"{key} {_figure(value) if isinstance(value, float) else value}" for key, value in part.items()
        )
    return str(part)


def _figure(value: Any) -> str:
    """A metric, which may come with its interval."""
    value = value.get("value") if isinstance(value, dict) else value
    return f"{value:.3f}" if isinstance(value, int | float) else "–"
