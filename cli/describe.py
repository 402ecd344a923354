"""`montage describe`: a caption for every photo, one line each."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from cli.console import out as stdout
from cli.console import stage_progress
from cli.options import ConfigOption, JsonOption, PhotosArgument, SetOption, StoreOption, open_store
from core.captioners.models import choose_adapter, choose_model
from core.config import load_config
from core.describe import Described, describe_photos
from core.errors import ConfigError, InputError
from core.sources import open_sources
from core.vlm.names import find_named
from demo import words

__all__ = ["describe"]

_Setting = str | int | float | bool | None


def describe(
    photos: PhotosArgument,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-M",
            help="A family (blip2, git, florence2, blip), a preset (blip2-flan-t5-xl, git-base-coco, …), mini-git, "
            "mini-blip2, a hub id, or a folder.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .jsonl, or .csv for a spreadsheet.")],
    adapter: Annotated[
        Path | None, typer.Option("--adapter", help="Folder of a LoRA adapter.", show_default=False)
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(help="What the model is asked; default: what it was trained with.", show_default=False),
    ] = None,
    event: Annotated[str | None, typer.Option(help="Event named in the prompt.", show_default=False)] = None,
    label: Annotated[list[str] | None, typer.Option(help="Label named in the prompt; repeatable.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Photos that the model sees at a time.", show_default=False)
    ] = None,
    beams: Annotated[
        int | None, typer.Option(help="Beams of the search; 1 is greedy, more are slower.", show_default=False)
    ] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-length", help="Longest caption, in tokens.", show_default=False)
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Draw words at random.")] = False,
    temperature: Annotated[
        float | None, typer.Option(help="With --sample: below 1 safer, above 1 wilder.", show_default=False)
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(help="With --sample: only the likeliest words that make up this share.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="With --sample: another number, other words.", show_default=False)
    ] = None,
    variants: Annotated[
        int | None, typer.Option(help="How many captions to write for each photo.", show_default=False)
    ] = None,
    full_scale: Annotated[
        bool, typer.Option("--full-scale", help="Decode photos in full instead of at reduced scale: slower.")
    ] = False,
    format_: Annotated[
        Literal["jsonl", "csv"] | None, typer.Option("--format", help="Default: by OUT's ending.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace lines written in another way.")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    store: StoreOption = None,
    json_: JsonOption = False,
) -> None:
    """Caption photos one by one.

    Each photo becomes a line with its caption, or the reason why it has none; the others go on. Run again after an
    interruption, it goes on where it stopped. No polish: the lines hold what the model wrote.
    """
    given: dict[str, _Setting] = {
        "load.batch_size": batch_size,
        "decoding.do_sample": True if sample else None,
        "decoding.num_beams": 1 if sample and beams is None else beams,
        "decoding.max_new_tokens": max_length,
        "decoding.temperature": temperature,
        "decoding.top_p": top_p,
        "decoding.seed": seed,
        "variants": variants,
        "photo_scale": "full" if full_scale else None,
        "prompt": prompt,
    }
    overrides = [f"captioner.{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    settings = load_config(config, overrides=[*(set_ or []), *overrides]).settings
    if not settings.captioner.decoding.do_sample and (temperature is not None or top_p is not None):
        raise ConfigError("--temperature and --top-p only matter with --sample; add it, or leave them out")
    checkpoint, notice = find_named(model, settings.captioner.models)
    chosen, template, notices = choose_model(
        checkpoint, settings.captioner, choose_adapter(adapter, checkpoint, settings.captioner)
    )
    _check_places(template.text, chosen.name, event, label)
    files = [file for file in open_sources(photos, settings.ingest, exclude=out) if not file.is_hidden]
    with _telling_how_to_go_on(out), stage_progress(quiet=json_) as progress:
        done = describe_photos(
            files,
            chosen,
            template.fill(event, label or []),
            settings,
            out,
            store=open_store(store),
            format=format_ or ("csv" if out.suffix.lower() == ".csv" else "jsonl"),
            overwrite=overwrite,
            progress=lambda count, total: progress("describe", count, total),
        )
    said = [text for text in (notice, *notices) if text]
    if json_:
        failed = [line.model_dump() for line in done.failed]
        counts = {"photos": done.photos, "written": done.written, "already": done.already, "failed": failed}
        print(json.dumps({"out": str(out), "model": chosen.name, **counts, "notices": said}, ensure_ascii=False))
    else:
        _print_summary(done, out, chosen.name, said)
    if len(done.failed) == done.photos:
        raise InputError(f"none of {words.count(done.photos, 'file')} became a caption; {out} says why")


def _check_places(prompt: str, model: str, event: str | None, label: list[str] | None) -> None:
    for option, given, place in (("--event", event, "{event}"), ("--label", label, "{labels}")):
        if given and place not in prompt:
            raise ConfigError(
                f"{option} has no place in the prompt of {model} ({prompt!r}); leave it out, or give a --prompt with "
                f"{place}"
            )


@contextmanager
def _telling_how_to_go_on(out: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nStopped. What is done is kept beside {out}; the same command goes on from there.", file=sys.stderr)
        raise typer.Exit(130) from None


def _print_summary(done: Described, out: Path, model: str, notices: list[str]) -> None:
    console = stdout()
    already = f", {done.already} done before" if done.already else ""
    console.print(Text(f"{words.count(done.written, 'caption')} by {model}{already} → {out}"), soft_wrap=True)
    if done.failed:
        console.print(Text(f"{words.count(len(done.failed), 'file')} without a caption:", style="yellow"))
        for line in done.failed[:10]:
            console.print(Text(f"  {line.image} {line.error}", style="dim"), soft_wrap=True)
    for notice in notices:
        console.print(Text(f"\nNote: {notice}", style="yellow"))
