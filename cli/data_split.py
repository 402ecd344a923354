"""`montage data split`: training, validation and test parts."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cli import data_report as report
from cli.data_options import (
    ImagesOption,
    LongOption,
    NoPhotosOption,
    OverwriteOption,
    RecordsArgument,
    ShowOption,
    StrictOption,
    check_free,
    read_checked,
    refuse_bad,
)
from cli.options import ConfigOption, JsonOption, SetOption, StoreOption
from core.config import load_config
from core.errors import ConfigError, OutputError
from core.training.check import require_records
from core.training.records import write_parts
from core.training.split import PARTS, SplitSettings, parse_shares, split_records

__all__ = ["split"]


def split(
    records: RecordsArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for train.jsonl, val.jsonl and test.jsonl.")],
    shares: Annotated[
        str | None,
        typer.Option(
            help="Train/validation/test, as 80/10/10, 70/15/15 or 90/10. Default: 80/10/10.", show_default=False
        ),
    ] = None,
    eval_split_ratio: Annotated[
        float | None, typer.Option(help="Share of validation alone, instead of --shares.", show_default=False)
    ] = None,
    by: Annotated[
        Literal["event", "photo"] | None,
        typer.Option(help="What no two parts may share. Default: event.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Another seed, another split. Default: 0.", show_default=False)
    ] = None,
    image_root: ImagesOption = None,
    strict: StrictOption = False,
    max_caption_chars: LongOption = None,
    no_photos: NoPhotosOption = False,
    overwrite: OverwriteOption = False,
    show: ShowOption = 20,
    config: ConfigOption = None,
    set_: SetOption = None,
    store: StoreOption = None,
    json_: JsonOption = False,
) -> None:
    """Split records into training, validation and test, with no event and no look-alike photos in two of them.

    The same records, shares and seed give the same parts, whatever the order of the lines.
    """
    loaded = load_config(config, overrides=set_ or [])
    settings = _splitting(shares, eval_split_ratio, by, seed)
    files = {part: out / f"{'val' if part == 'validation' else part}.jsonl" for part in PARTS}
    if out.exists() and not out.is_dir():
        raise OutputError(f"--out {out} is a file; name a folder, for train.jsonl, val.jsonl and test.jsonl")
    for file in files.values():  # also of a part that is not asked for: an earlier run's would not fit these
        check_free(file, overwrite, records)
    checked = read_checked(records, image_root, max_caption_chars, loaded, store, look=not no_photos, quiet=json_)
    require_records(checked.path, checked.records, checked.problems)
    if strict:
        refuse_bad(checked.problems)
    parts = split_records(
        checked.records,
        settings,
        photos=checked.photos,
        max_distance=loaded.settings.dedupe.near_dup_threshold,
    )
    write_parts({file: parts.parts.get(part) for part, file in files.items()})
    if json_:
        print(json.dumps(report.split_dict(parts, files, settings, checked), ensure_ascii=False))
        return
    report.print_split(parts, files)
    report.print_problems(checked.problems, show)
    root = image_root or records.parent
    print(f"Next: montage data check {files['train']} --val {files['validation']} --image-root {root}")


def _splitting(
    shares: str | None, eval_split_ratio: float | None, by: Literal["event", "photo"] | None, seed: int | None
) -> SplitSettings:
    if shares is not None and eval_split_ratio is not None:
        raise ConfigError("--shares and --eval-split-ratio say the same thing; give one of them")
    given: dict[str, Any] = {"by": by, "seed": seed}
    if eval_split_ratio is not None:
        if not 0 < eval_split_ratio < 1:
            raise ConfigError(f"--eval-split-ratio must lie between 0 and 1, got {eval_split_ratio}")
        given["shares"] = (1 - eval_split_ratio, eval_split_ratio, 0.0)
    elif shares is not None:
        given["shares"] = parse_shares(shares)
    return SplitSettings(**{key: value for key, value in given.items() if value is not None})
