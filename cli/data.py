"""`montage data`: captions to train on, checked, cleaned, split and imported."""

import typer

from cli import data_check, data_clean, data_import, data_split

__all__ = ["app"]

app = typer.Typer(
    help="Captions to train on: check, clean, split and import them. See docs/training-data.md.", no_args_is_help=True
)
app.command("check")(data_check.check)
app.command("clean")(data_clean.clean)
app.command("split")(data_split.split)
app.command("import")(data_import.import_)
