"""Opens the database of reviews: an SQLite file, or PostgreSQL by URL, brought up to date by migrations."""

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from core.errors import ConfigError, InputError

__all__ = ["Database", "default_database_url", "default_reviews_root", "open_database", "vanishing_notice"]

_MIGRATIONS = Path(__file__).with_name("migrations")
_BUSY_TIMEOUT_MS = 30_000
_MIGRATION_LOCK = 0x4D6F6E74  # any number that no other program takes: "Mont"
_BEGIN = "montage_begin"
_migrating = threading.Lock()
"""Alembic's environment is global to the process."""


def default_reviews_root() -> Path:
    """Where reviews are kept unless told otherwise: $MONTAGE_REVIEWS, else the user's data folder."""
    named = os.environ.get("MONTAGE_REVIEWS")
    return Path(named) if named else Path(platformdirs.user_data_dir("montage")) / "reviews"


def default_database_url(root: Path) -> str:
    """$MONTAGE_REVIEWS_DATABASE, else the SQLite file in the folder of reviews."""
    named = os.environ.get("MONTAGE_REVIEWS_DATABASE")
    return named or URL.create("sqlite", database=str(root / "reviews.sqlite3")).render_as_string()


def vanishing_notice(url: str) -> str | None:
    """What the editor of a Hugging Face Space must know: without persistent storage, a restart loses all votes."""
    database = _parsed(url)
    if not os.environ.get("SPACE_ID") or database.get_backend_name() != "sqlite":
        return None
    kept = os.path.ismount("/data") and Path(database.database or "").resolve().is_relative_to("/data")
    if kept:
        return None
    return (
        "This Space has no persistent storage for reviews: links and votes vanish when it restarts. Attach storage and "
        "set MONTAGE_REVIEWS=/data/reviews, or set MONTAGE_REVIEWS_DATABASE to a PostgreSQL database."
    )


class Database:
    """Sessions on the database of reviews.

    Args:
        engine: of a database that is up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        weakref.finalize(self, engine.dispose)  # no connection outlives the last user
        # A transaction that reads and then writes would fail in SQLite where another wrote between; so it queues first.
        self._writer = engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads."""
        with _told_plainly(self.engine), Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are kept together when the block ends, or not at all when it fails."""
        with _told_plainly(self.engine), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open a database, made where there is none, and bring it up to date; several processes may do so at once.

    Args:
        url: `sqlite:///path` or `postgresql://user:password@host/name`.

    Raises:
        ConfigError: the URL is none, or of another kind of database.
        InputError: the database cannot be opened, or was written by a newer Montage.
    """
    parsed = _parsed(url)
    engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    try:
        with _told_plainly(engine):
            _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return Database(engine)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend == "postgres":  # what hosting services hand out
            parsed, backend = parsed.set(drivername="postgresql"), "postgresql"
        if backend == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if backend in ("sqlite", "postgresql"):
            return parsed
    except (ArgumentError, NoSuchModuleError):
        pass
    scheme = url.partition("://")[0] if "://" in url else "none"
    raise ConfigError(
        "the database of reviews must be given as sqlite:///path or postgresql://user:password@host/name; "
        f"got one with scheme {scheme!r}"  # not the URL: it may hold a password
    )


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError("the database of reviews must be a file, since several processes share it; got sqlite memory")
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder of {url.database}: {error.strerror or error}") from None
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late and leaves DDL out
        for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))

    return engine


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except ModuleNotFoundError:
        raise ConfigError(
            "a PostgreSQL database needs the package psycopg; run: pip install 'psycopg[binary]'"
        ) from None


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == scripts.get_current_head():
            return
    with _migrating, engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise InputError(
                f"{_shown(engine)} was written by a newer Montage (its tables are of version {current!r}); "
                "update Montage, or name another database"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _told_plainly(engine: Engine) -> Iterator[None]:
    """Database errors that the user can act on, without statements and passwords."""
    try:
        yield
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())
        raise InputError(
            f"cannot use the database of reviews {_shown(engine)}: {reason}; check that it runs and may be written"
        ) from None
    except SQLAlchemyError as error:
        if "file is not a database" in str(error):
            raise InputError(f"{_shown(engine)} is not an SQLite database; move it away or name another") from None
        raise


def _shown(engine: Engine) -> str:
    return engine.url.database or "" if engine.name == "sqlite" else engine.url.render_as_string(hide_password=True)
