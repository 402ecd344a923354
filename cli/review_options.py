"""Options that the commands of `montage review` share."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # the database's libraries take a while to import, and most commands need none of them
    from core.reviews.desk import ReviewDesk

__all__ = [
    "BaseUrlOption",
    "DatabaseOption",
    "DaysOption",
    "FolderOption",
    "PasswordOption",
    "ReviewArgument",
    "ReviewsArgument",
    "ask_password",
    "open_reviews",
]

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--reviews",
        help="Folder of reviews. Default: $MONTAGE_REVIEWS, else the user's data folder.",
        show_default=False,
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="URL of the database, e.g. postgresql://user@host/name. Default: $MONTAGE_REVIEWS_DATABASE, else "
        "an SQLite file in the folder.",
        show_default=False,
    ),
]
ReviewArgument = Annotated[str, typer.Argument(help="A review's id, as `montage review list` shows it.")]
ReviewsArgument = Annotated[list[str], typer.Argument(help="Ids of reviews, as `montage review list` shows them.")]
DaysOption = Annotated[float, typer.Option("--days", help="How long the link opens.")]
PasswordOption = Annotated[
    bool,
    typer.Option("--password", help="Ask for a password that reviewers need, or take $MONTAGE_REVIEW_PASSWORD."),
]
BaseUrlOption = Annotated[
    str | None,
    typer.Option("--base-url", help="Address of the page, to print the whole link.", show_default=False),
]


def open_reviews(folder: Path | None, database: str | None) -> tuple["ReviewDesk", str | None]:
    """The reviews, and what the user must know of where they are kept."""
    from core.reviews.database import default_database_url, default_reviews_root, vanishing_notice
    from core.reviews.desk import open_desk

    url = database or default_database_url(folder or default_reviews_root())
    return open_desk(folder, url=url), vanishing_notice(url)


def ask_password(wanted: bool) -> str | None:
    """The password of a new link, checked; None where none is wanted."""
    if not wanted:
        return None
    from core.reviews.passwords import check_password

    named = os.environ.get("MONTAGE_REVIEW_PASSWORD")
    typed = named or str(typer.prompt("Password of the review", hide_input=True, confirmation_prompt=True, err=True))
    check_password(typed)
    return typed
