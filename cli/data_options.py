"""Options that the commands of `montage data` share, and what follows from them."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import stage_progress
from cli.options import open_store
from core.config import LoadedConfig
from core.errors import InputError, OutputError
from core.training.check import CheckedFile, check_file
from core.training.problems import Problem
from core.training.record import RecordLimits
from demo import words

__all__ = [
    "ImagesOption",
    "LongOption",
    "NoPhotosOption",
    "OverwriteOption",
    "RecordsArgument",
    "ShowOption",
    "StrictOption",
    "check_free",
    "read_checked",
    "record_limits",
    "refuse_bad",
]

RecordsArgument = Annotated[
    Path,
    typer.Argument(
        help='JSON lines: {"image", "event", "labels", "caption", "references"?}, image and caption required.',
        show_default=False,
    ),
]
ImagesOption = Annotated[
    Path | None,
    typer.Option(
        "--image-root", "-i", help="Folder that image paths begin at. Default: RECORDS' own.", show_default=False
    ),
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Any bad line is an error: stop, write nothing.")]
LongOption = Annotated[
    int | None,
    typer.Option(
        "--max-caption-chars", min=1, help="A longer caption makes a bad line. Default: 2200.", show_default=False
    ),
]
NoPhotosOption = Annotated[
    bool, typer.Option("--no-photos", help="Do not open photos: faster, but damaged ones and copies are not found.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that an earlier run wrote.")]
ShowOption = Annotated[
    int, typer.Option("--show", min=0, help="Print this many problems in full; of the others, the line numbers.")
]


def record_limits(max_caption_chars: int | None) -> RecordLimits:
    """The limits of a record, by the command's option."""
    return RecordLimits() if max_caption_chars is None else RecordLimits(max_caption_chars=max_caption_chars)


def read_checked(
    records: Path,
    image_root: Path | None,
    max_caption_chars: int | None,
    loaded: LoadedConfig,
    store: Path | None,
    *,
    look: bool,
    quiet: bool,
) -> CheckedFile:
    """Records and photos as the options say."""
    with stage_progress(quiet=quiet) as progress:
        return check_file(
            records,
            image_root or records.parent,
            limits=record_limits(max_caption_chars),
            ingest_settings=loaded.settings.ingest,
            store=open_store(store),
            look=look,
            progress=lambda done, total: progress("ingest", done, total),
        )


def check_free(out: Path | None, overwrite: bool, records: Path) -> None:
    """Refuse to write over the input, a folder, or without being asked over another file."""
    if out is None:
        return
    if out.is_dir():
        raise OutputError(f"--out {out} is a folder; name a file, e.g. {out / 'clean.jsonl'}")
    if out.resolve() == records.resolve():
        raise OutputError(f"{out} is the input itself; name another file, so that nothing is lost")
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists already; name another, or --overwrite it")


def refuse_bad(problems: list[Problem] | tuple[Problem, ...], *, leaks: int = 0) -> None:
    """End a command that is `--strict` where anything is bad."""
    errors = [problem for problem in problems if problem.severity == "error"]
    found = [f"{words.count(len(errors), 'problem')}, the first: {errors[0]}"] if errors else []
    found += [f"{words.count(leaks, 'leak')} from training into validation"] if leaks else []
    if found:
        raise InputError(f"--strict: {'; '.join(found)}")
