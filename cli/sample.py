"""`montage sample-event`: photos to try Montage on, with the truth about them."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["sample_event"]


def sample_event(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; must be new or empty.", show_default=False)],
    photos: Annotated[int, typer.Option("--photos", "-n", min=1, max=100_000, help="How many photos.")] = 48,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same photos.")] = 0,
) -> None:
    """Render a sample event: photos as a camera leaves them, and truth.csv with what is in them."""
    from core.errors import OutputError
    from core.mini.event import write_sample_event

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is not an empty folder; name a new one, so that nothing is overwritten")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".sample-") as beside:
            # Beside and then renamed: an interrupted run leaves no half event behind.
            rows = write_sample_event(Path(beside) / "event", photos=photos, seed=seed)
            (Path(beside) / "event").replace(folder)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from None
    copies = sum(1 for row in rows if row.duplicate_of)
    print(
        f"{len(rows)} photos of {len({row.topic for row in rows})} topics in {folder}, {copies} of them near-duplicates"
    )
    print(f"What is in them: {folder / 'truth.csv'}")
    print(f"Next: montage caption {folder} --event 'Freshers Night' --out out")
