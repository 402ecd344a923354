"""`montage sample-event`: photos to try Montage on, with the truth about them."""

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from cli.console import stage_progress

__all__ = ["sample_event"]

_PHOTOS, _SEED = 48, 0
_SILENT_S = 5  # between two lines about progress where no bar can be drawn


def sample_event(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; must be new or empty.", show_default=False)],
    photos: Annotated[
        int | None,
        typer.Option(
            "--photos", "-n", min=1, max=100_000, help=f"How many photos.  [default: {_PHOTOS}]", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", min=0, help=f"The same seed gives the same photos.  [default: {_SEED}]", show_default=False
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="A ready sample event: 'Freshers Night', 'Campus Day' or 'Annual Exhibition', each with its own "
            "number of photos and seed.",
            show_default=False,
        ),
    ] = None,
    records: Annotated[
        bool,
        typer.Option(
            "--records",
            help="Write records.jsonl too: training records in a club's voice, of the photos that it would have posted "
            "(no copies, no faulty shots).",
        ),
    ] = False,
    voice: Annotated[
        str, typer.Option("--voice", help="Whose captions: montage, or rival for another club's.")
    ] = "montage",
) -> None:
    """Render a sample event: photos as a camera leaves them, and truth.csv with what is in them."""
    from core.config import nearest
    from core.errors import ConfigError, OutputError
    from core.mini.event import write_records, write_sample_event
    from core.mini.samples import find_sample
    from core.mini.voice import VOICES

    ready = find_sample(name) if name is not None else None
    if voice not in VOICES:
        raise ConfigError(f"--voice: no voice {voice!r}; {nearest(voice, [*VOICES])}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is not an empty folder; name a new one, so that nothing is overwritten")
    written = 0
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (
            _ending_cleanly(),
            tempfile.TemporaryDirectory(dir=folder.parent, prefix=".sample-") as beside,
            _bar() as bar,
        ):
            # Beside and then renamed: an interrupted run leaves no half event behind.
            event = Path(beside) / "event"
            rows = write_sample_event(
                event,
                photos=photos or (ready.photos if ready else _PHOTOS),
                seed=seed if seed is not None else (ready.seed if ready else _SEED),
                topics=ready.topics if ready else None,
                voice=voice,
                progress=bar,
            )
            if records:
                written = write_records(event / "records.jsonl", rows, event=ready.name if ready else None)
            event.replace(folder)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from None
    copies = sum(1 for row in rows if row.duplicate_of)
    print(
        f"{len(rows)} photos of {len({row.topic for row in rows})} topics in {folder}, {copies} of them near-duplicates"
    )
    print(f"What is in them: {folder / 'truth.csv'}")
    if records:
        print(f"{written} training records: {folder / 'records.jsonl'}")
    print(f"Next: montage caption {folder} --event '{ready.name if ready else 'Freshers Night'}' --out out")


@contextmanager
def _ending_cleanly() -> Iterator[None]:
    """Ctrl-C and a polite kill unwind the program, so that what was written is removed."""
    code = 128 + signal.SIGINT

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal code
        code = 128 + number
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        print("\nStopped; what was written has been removed.", file=sys.stderr)
        raise typer.Exit(code) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; where none can be drawn, a line every few seconds."""
    started = told = time.monotonic()

    def lines(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if done < total and now - told >= _SILENT_S:
            told = now
            left_s = (now - started) / done * (total - done)
            print(f"{done} of {total} photos, {left_s:.0f} s to go", file=sys.stderr, flush=True)

    if not sys.stderr.isatty():
        yield lines
        return
    with stage_progress(quiet=False) as progress:
        yield lambda done, total: progress("Rendering", done, total)
