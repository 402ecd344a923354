"""`montage data check`: every bad line named, and what leaks from training into validation."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli import data_report as report
from cli.data_options import (
    ImagesOption,
    LongOption,
    NoPhotosOption,
    RecordsArgument,
    ShowOption,
    StrictOption,
    read_checked,
    refuse_bad,
)
from cli.options import ConfigOption, JsonOption, SetOption, StoreOption
from core.config import load_config
from core.training.check import compare_files, require_records

__all__ = ["check"]


def check(
    records: RecordsArgument,
    validation: Annotated[
        Path | None,
        typer.Option("--val", help="Validation records: also look for what is in both.", show_default=False),
    ] = None,
    image_root: ImagesOption = None,
    strict: StrictOption = False,
    max_caption_chars: LongOption = None,
    no_photos: NoPhotosOption = False,
    show: ShowOption = 20,
    config: ConfigOption = None,
    set_: SetOption = None,
    store: StoreOption = None,
    json_: JsonOption = False,
) -> None:
    """Check records and their photos, and name every bad line.

    With --val, also finds what leaks from training into validation: the same photo, by name or content,
    near-duplicates, the same caption, the same event. Exit code 3 where nothing is usable; with --strict, for any bad
    line or leak.
    """
    loaded = load_config(config, overrides=set_ or [])
    named = [records] if validation is None else [records, validation]
    files = [
        read_checked(
            path, image_root or records.parent, max_caption_chars, loaded, store, look=not no_photos, quiet=json_
        )
        for path in named
    ]
    checksum, leaks = files[0].checksum, None
    if validation is not None:
        data = compare_files(*files, max_distance=loaded.settings.dedupe.near_dup_threshold)
        checksum, leaks = data.checksum, data.leaks
    if json_:
        listed = {"files": [report.checked_dict(file) for file in files], "checksum": checksum}
        leaked = {} if leaks is None else {"leaks": [leak.to_dict() for leak in leaks]}
        print(json.dumps(listed | leaked, ensure_ascii=False))
    else:
        for file in files:
            report.print_checked(file, show)
        if leaks is not None and all(file.records for file in files):
            report.print_leaks(leaks, show)
    for file in files:
        require_records(file.path, file.records, file.problems)
    if strict:
        refuse_bad([problem for file in files for problem in file.problems], leaks=len(leaks or ()))
