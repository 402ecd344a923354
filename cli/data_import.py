"""`montage data import`: other people's captioned photos as records."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli import data_report as report
from cli.console import stage_progress
from cli.data_options import (
    LongOption,
    OverwriteOption,
    ShowOption,
    record_limits,
    refuse_bad,
)
from cli.options import ConfigOption, JsonOption, SetOption
from core.config import load_config
from core.training.imports import Format, import_data

__all__ = ["import_"]


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder with metadata.jsonl, parquet or Arrow files or a folder of them, a ShareGPT JSON, or a COCO "
            "captions JSON.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder for records.jsonl and images/.")],
    format_: Annotated[
        Format | None, typer.Option("--format", help="Default: by what SOURCE holds.", show_default=False)
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", help="Folder of the photos that a JSON names.", show_default=False)
    ] = None,
    caption_key: Annotated[
        str | None, typer.Option(help="Key or column of the caption. Default: caption, text, …", show_default=False)
    ] = None,
    image_key: Annotated[
        str | None, typer.Option(help="Column of the photo. Default: image, …", show_default=False)
    ] = None,
    part: Annotated[
        str | None, typer.Option("--part", help="Only this part of the data set, as train.", show_default=False)
    ] = None,
    event: Annotated[str, typer.Option(help="Event of photos that name none.")] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Exit with an error where an item was bad.")] = False,
    max_caption_chars: LongOption = None,
    overwrite: OverwriteOption = False,
    show: ShowOption = 20,
    config: ConfigOption = None,
    set_: SetOption = None,
    json_: JsonOption = False,
) -> None:
    """Import other captioned photos: OUT then holds records.jsonl, images/, and problems.jsonl.

    Photos are copied under safe names; several captions of one photo become a caption and references. An import that
    was interrupted goes on when it is run again.
    """
    loaded = load_config(config, overrides=set_ or [])
    with stage_progress(quiet=json_) as progress:
        done = import_data(
            source,
            out,
            ingest_settings=loaded.settings.ingest,
            format=format_,
            images=images,
            caption_key=caption_key,
            image_key=image_key,
            split=part,
            event=event,
            limits=record_limits(max_caption_chars),
            overwrite=overwrite,
            progress=lambda count, _: progress("ingest", count, count),
        )
    if json_:
        print(json.dumps(report.imported_dict(done), ensure_ascii=False))
    else:
        report.print_imported(done, show)
    if strict:
        refuse_bad(done.problems)
