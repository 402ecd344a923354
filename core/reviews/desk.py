"""What every function of reviews works with: the database, the secret that signs links, and the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.reviews.database import Database, default_database_url, default_reviews_root, open_database
from core.reviews.tokens import read_secret

__all__ = ["ReviewDesk", "open_desk"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewDesk:
    """An open database of reviews."""

    database: Database
    secret: bytes = field(repr=False)
    clock: Callable[[], float] = time.time
    """Seconds since 1970, UTC."""


def open_desk(root: Path | None = None, *, url: str | None = None) -> ReviewDesk:
    """Open the reviews in a folder, made where there are none.

    Args:
        root: None takes $MONTAGE_REVIEWS, else the user's data folder.
        url: of the database; None takes $MONTAGE_REVIEWS_DATABASE, else `reviews.sqlite3` in the folder.

    Raises:
        ConfigError: the URL or the secret is malformed.
        InputError: the database cannot be used.
        OutputError: the folder cannot be written.
    """
    folder = root or default_reviews_root()
    return ReviewDesk(database=open_database(url or default_database_url(folder)), secret=read_secret(folder))
