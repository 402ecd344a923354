"""What the command shows: progress by stage on standard error, tables on standard output."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from core.result import Progress as Report
from demo.words import stage_name

__all__ = ["out", "stage_progress"]


def out() -> Console:
    """Standard output, made when it is needed so that it follows redirection."""
    return Console(highlight=False)


@contextmanager
def stage_progress(*, quiet: bool) -> Iterator[Report]:
    """A bar for each stage, on standard error; nothing when quiet or not a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage_name(stage), total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report
