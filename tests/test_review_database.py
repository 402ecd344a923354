"""The database of reviews: made, migrated and shared."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from core.errors import ConfigError, InputError
from core.reviews.database import Database, default_database_url, open_database, vanishing_notice
from core.reviews.schema import Base

ROOT = Path(__file__).parents[1]


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(sqlite_url(tmp_path / "a b%20" / "reviews.sqlite3"))


def test_the_migrations_make_the_tables_of_the_schema(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        checks = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'votes'")).scalar_one()
    assert "ck_votes_choice_or_skip" in checks


def test_the_file_is_shared_safely(database: Database) -> None:
    with database.reading() as session:
        asked = [session.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("journal_mode", "foreign_keys")]
        assert [*asked, session.execute(text("PRAGMA busy_timeout")).scalar_one()] == ["wal", 1, 30_000]


def test_what_fails_halfway_is_not_kept(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        _insert_and_fail(database)
    with database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM pictures")).scalar_one() == 0


def _insert_and_fail(database: Database) -> None:
    with database.writing() as session:
        session.execute(text("INSERT INTO pictures (digest, jpeg) VALUES ('d', 'x')"))
        _ = 1 / 0


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "r.sqlite3")
    with open_database(url).writing() as session:
        session.execute(text("INSERT INTO pictures (digest, jpeg) VALUES ('d', 'x')"))
    with open_database(url).reading() as session:
        assert session.execute(text("SELECT count(*) FROM pictures")).scalar_one() == 1


def test_processes_that_open_a_new_database_at_once_make_it_once(tmp_path: Path) -> None:
    script = "import sys; from core.reviews.database import open_database; open_database(sys.argv[1])"
    command = [sys.executable, "-W", "error", "-c", script, sqlite_url(tmp_path / "r.sqlite3")]
    started = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], told


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite3"
    open_database(sqlite_url(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(InputError, match=r"written by a newer Montage .*'9999'.*update Montage"):
        open_database(sqlite_url(path))


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite3"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError, match=r"r\.sqlite3 is not an SQLite database"):
        open_database(sqlite_url(path))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://me:pass123@host/db", "got one with scheme 'mysql'"),
        ("nothing", "got one with scheme 'none'"),
        ("sqlite://", "must be a file"),
    ],
)
def test_other_databases_are_refused_without_telling_passwords(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        open_database(url)
    assert "pass123" not in str(caught.value)


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(InputError, match=r"cannot use the database of reviews postgresql.*127\.0\.0\.1:9") as caught:
        open_database("postgres://me:pass123@127.0.0.1:9/reviews")
    assert "pass123" not in str(caught.value)


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"pip install 'psycopg\[binary\]'"):
        open_database("postgresql://127.0.0.1:9/reviews")


def test_where_reviews_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONTAGE_REVIEWS_DATABASE", raising=False)
    assert default_database_url(Path("/a/b")) == "sqlite:////a/b/reviews.sqlite3"
    monkeypatch.setenv("MONTAGE_REVIEWS_DATABASE", "postgresql://host/db")
    assert default_database_url(tmp_path) == "postgresql://host/db"


@pytest.mark.parametrize(
    ("space", "url", "vanishes"),
    [
        (None, "sqlite:////home/me/r.sqlite3", False),
        ("club/montage", "sqlite:////home/me/r.sqlite3", True),
        ("club/montage", "postgresql://host/db", False),
    ],
)
def test_a_space_without_storage_is_told_of(
    space: str | None, url: str, vanishes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    if space:
        monkeypatch.setenv("SPACE_ID", space)
    notice = vanishing_notice(url)
    assert ("vanish when it restarts" in notice) if vanishes and notice else notice is None
    assert (notice is not None) == vanishes
