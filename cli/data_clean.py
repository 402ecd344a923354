"""`montage data clean`: captions without what a model should not learn, and a report on them."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError

from cli import data_report as report
from cli.data_options import (
    ImagesOption,
    LongOption,
    OverwriteOption,
    RecordsArgument,
    ShowOption,
    StrictOption,
    check_free,
    read_checked,
    refuse_bad,
)
from cli.options import ConfigOption, JsonOption, SetOption
from core.config import LoadedConfig, load_config
from core.errors import ConfigError
from core.training.check import require_records
from core.training.cleaning import CleaningSettings, clean_records
from core.training.records import write_records
from core.training.text_report import report_texts

__all__ = ["clean"]


def clean(
    records: RecordsArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write. Without, only shows what would change.", show_default=False),
    ] = None,
    image_root: ImagesOption = None,
    hashtags: Annotated[
        Literal["all", "uncontrolled", "none"] | None,
        typer.Option(help="Which hashtags to take out. Default: all.", show_default=False),
    ] = None,
    controlled: Annotated[
        list[str] | None,
        typer.Option(
            "--controlled", help="A hashtag that stays; repeatable. Default: the club's own, from the settings."
        ),
    ] = None,
    emoji: Annotated[Literal["keep", "remove"], typer.Option(help="Emoji.")] = "keep",
    line_breaks: Annotated[
        Literal["space", "keep"] | None,
        typer.Option(help="Captions on one line, or as they are. Default: space.", show_default=False),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="WHAT",
            help="What to leave in: handles, urls, emails, swipe_hints or credits; repeatable.",
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=0, help="How many captions to show before and after.")] = 5,
    strict: StrictOption = False,
    max_caption_chars: LongOption = None,
    overwrite: OverwriteOption = False,
    show: ShowOption = 20,
    config: ConfigOption = None,
    set_: SetOption = None,
    json_: JsonOption = False,
) -> None:
    """Take handles, hashtags, links, swipe hints, e-mails and credits out of captions, and report on them.

    Lines that cannot be used, and captions that have no word left, are listed; neither is in OUT.
    """
    loaded = load_config(config, overrides=set_ or [])
    settings = _cleaning(loaded, hashtags, controlled, emoji, line_breaks, keep)
    check_free(out, overwrite, records)
    checked = read_checked(records, image_root, max_caption_chars, loaded, None, look=False, quiet=json_)
    require_records(checked.path, checked.records, checked.problems)
    if strict:
        refuse_bad(checked.problems)
    cleaned = clean_records(checked.records, settings)
    before = report_texts(text for record in checked.records for text in record.captions)
    after = report_texts(text for record in cleaned.records for text in record.captions)
    if out is not None:
        write_records(out, cleaned.records)
    if json_:
        counts = {"records": len(checked.records), "changed": len(cleaned.changed), "written": len(cleaned.records)}
        listed = {
            "out": None if out is None else str(out),
            "settings": settings.model_dump(),
            **counts,
            "emptied": [{"line": record.line, "caption": record.caption} for record in cleaned.emptied],
            "references_emptied": [{"line": line, "text": text} for line, text in cleaned.references_emptied],
            "samples": [{"line": r.line, "before": r.caption, "after": a} for r, a in cleaned.changed[:samples]],
            "before": before.to_dict(),
            "after": after.to_dict(),
            "problems": [problem.to_dict() for problem in checked.problems],
        }
        print(json.dumps(listed, ensure_ascii=False))
    else:
        report.print_cleaned(cleaned, before, after, samples)
        report.print_problems(checked.problems, show)
        report.print_written(out, len(cleaned.records))


def _cleaning(
    loaded: LoadedConfig,
    hashtags: Literal["all", "uncontrolled", "none"] | None,
    controlled: list[str] | None,
    emoji: str,
    line_breaks: Literal["space", "keep"] | None,
    keep: list[str] | None,
) -> CleaningSettings:
    given: dict[str, Any] = {"remove_emoji": emoji == "remove"}
    known = [name.removeprefix("remove_") for name in CleaningSettings.model_fields if name.startswith("remove_")]
    for name in keep or []:
        if name not in known:
            raise ConfigError(f"--keep: {name!r} is not one of {', '.join(known)}")
        given[f"remove_{name}"] = False
    if controlled and hashtags not in (None, "uncontrolled"):
        raise ConfigError(f"--controlled hashtags stay under --hashtags uncontrolled only, got --hashtags {hashtags}")
    chosen = hashtags or ("uncontrolled" if controlled else None)
    if chosen is not None:
        given["hashtags"] = chosen
    if chosen == "uncontrolled":
        captioner = loaded.settings.captioner
        own = [*captioner.base_hashtags, *(tag for tags in captioner.label_hashtags.values() for tag in tags)]
        given["controlled"] = tuple(controlled or own)
    if line_breaks is not None:
        given["line_breaks"] = line_breaks
    try:
        return CleaningSettings(**given)
    except ValidationError as error:
        raise ConfigError(f"--{error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
