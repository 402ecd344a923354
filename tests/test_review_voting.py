"""What reviewers do, on SQLite and on PostgreSQL: join, see, vote, change, stop and come back, all at once."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from core.errors import InputError
from core.reviews import reviewers
from core.reviews.database import open_database
from core.reviews.judgements import read_judgements
from core.reviews.links import make_link
from core.reviews.reviewers import join
from core.reviews.reviews import make_review
from core.reviews.schema import ReplacedVote, Reviewer, Vote
from core.reviews.tokens import LinkError
from core.reviews.voting import Said, ShownItem, next_item, picture, progress, show, vote
from tests.review_helpers import Table, event_folder, table

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own, on a port of its own; the tests are skipped where PostgreSQL is not installed."""
    pytest.importorskip("psycopg")
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *(Path(p) for p in os.environ["PATH"].split(os.pathsep))]
    bin_ = next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)
    if bin_ is None:
        pytest.skip("PostgreSQL (initdb, postgres) is not installed")
    folder = tmp_path_factory.mktemp("postgres")
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        who = {"user": "nobody"}
        for place in (folder, *folder.parents[:3]):  # as deep as pytest-xdist puts it
            place.chmod(0o755)
        shutil.chown(folder, "nobody")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quick = ["-c", "fsync=off", "-c", f"unix_socket_directories={folder}", "-c", "listen_addresses=127.0.0.1"]
    data = ["-D", str(folder / "data")]
    made = subprocess.run(
        [str(bin_ / "initdb"), *data, "-U", "montage", "--no-sync", "-E", "UTF8", "--locale=C"],
        capture_output=True,
        text=True,
        cwd=folder,
        **who,
    )
    if made.returncode:
        pytest.skip(f"PostgreSQL cannot run here: {made.stderr.strip()[-200:]}")
    server = subprocess.Popen(
        [str(bin_ / "postgres"), *data, "-p", str(port), *quick], stderr=subprocess.DEVNULL, cwd=folder, **who
    )
    try:
        ready = [
            str(bin_ / "pg_isready"),
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-t",
            "60",
            "-d",
            "postgres",
            "-U",
            "montage",
        ]
        for _ in range(600):
            if subprocess.run(ready, capture_output=True).returncode == 0:
                break
            assert server.poll() is None, "the server ended"
        yield f"postgresql://montage@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(timeout=60)


@pytest.fixture(params=["sqlite", "postgresql"])
def t(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    """A review of four posts."""
    if request.param == "sqlite":
        yield table(tmp_path)
        return
    url = request.getfixturevalue("postgres")
    cleared = open_database(url)
    with cleared.writing() as session:
        session.execute(text("DROP SCHEMA public CASCADE"))
        session.execute(text("CREATE SCHEMA public"))
    cleared.close()
    made = table(tmp_path, url=url)
    yield made
    made.desk.database.close()


def all_items(t: Table, cookie: str) -> list[ShownItem]:
    first = show(t.desk, t.token, cookie, 1)
    return [show(t.desk, t.token, cookie, place) for place in range(1, first.of + 1)]


def count(t: Table, what: type) -> int:
    with t.desk.database.reading() as session:
        return session.execute(select(func.count()).select_from(what)).scalar_one()


def test_a_reviewer_stops_and_comes_back(t: Table) -> None:
    cookie = join(t.desk, t.token, "  Ann\n Lee ")
    seen = []
    for said in (Said(choice="left", ratings={("left", "mood"): 5}), Said(skip="could_not_load")):
        item = next_item(t.desk, t.token, cookie)
        assert item is not None
        assert item.said is None
        vote(t.desk, t.token, cookie, item.item, said)
        seen.append(item)
    assert [item.place for item in seen] == [1, 2]
    found = progress(t.desk, t.token, cookie)
    assert (found.name, found.title) == ("Ann Lee", "Open Mic")
    assert (found.voted, found.skipped, found.could_not_load, found.open) == ((1,), (), (2,), (3, 4))
    assert show(t.desk, t.token, cookie, 1).said == Said(choice="left", ratings={("left", "mood"): 5})
    for _ in range(2):
        item = next_item(t.desk, t.token, cookie)
        assert item is not None
        vote(t.desk, t.token, cookie, item.item, Said(skip="skipped"))
    assert next_item(t.desk, t.token, cookie) is None


def test_order_and_sides_are_drawn_for_each_reviewer_and_kept(t: Table) -> None:
    orders = []
    for i in range(6):
        cookie = join(t.desk, t.token, f"Reviewer {i}")
        items = all_items(t, cookie)
        assert items == all_items(t, cookie), "coming back shows the same"
        assert sorted(item.item for item in items) == sorted({item.item for item in items})
        template_left = [item.left.startswith("Stage") for item in items]
        assert sum(template_left) == 2, "each captioner is on the left of half the items"
        assert {item.left[:5] for item in items} | {item.right[:5] for item in items} == {"Stage", "A sin"}
        orders.append((tuple(item.item for item in items), tuple(template_left)))
    assert len({order for order, _ in orders}) > 1
    assert len({sides for _, sides in orders}) > 1


def test_votes_are_told_by_captioner(t: Table) -> None:
    cookie = join(t.desk, t.token, "Ann")
    wanted = {}
    for item in all_items(t, cookie):
        stage_left = item.left.startswith("Stage")
        side, other = ("left", "right") if stage_left else ("right", "left")
        ratings = {(side, "relevance"): 4, (other, "relevance"): 1}
        vote(t.desk, t.token, cookie, item.item, Said(choice=side, ratings=ratings))  # type: ignore[arg-type]
        wanted[item.item] = "template" if stage_left else "blip2"
    votes = read_judgements(t.desk, t.review).votes
    assert {v.item.id: v.left for v in votes} == wanted
    for v in votes:
        assert v.preferred == "template"
        assert v.ratings == {("template", "relevance"): 4, ("blip2", "relevance"): 1}


def test_a_changed_vote_replaces_and_is_remembered(t: Table) -> None:
    cookie = join(t.desk, t.token, "Ann")
    item = next_item(t.desk, t.token, cookie)
    assert item is not None
    first = Said(choice="left", ratings={("left", "mood"): 5, ("right", "mood"): 0})
    second = Said(choice="both_bad", ratings={("left", "mood"): 2})
    for said in (first, first, second, second, Said(skip="skipped")):
        t.clock.now_s += 1
        vote(t.desk, t.token, cookie, item.item, said)
    assert show(t.desk, t.token, cookie, 1).said == Said(skip="skipped")
    with t.desk.database.reading() as session:
        assert session.scalars(select(Vote.changes)).all() == [2]
        replaced = session.scalars(select(ReplacedVote).order_by(ReplacedVote.id)).all()
        assert [old.said for old in replaced] == [
            {"choice": "left", "skip": None, "ratings": {"left mood": 5, "right mood": 0}},
            {"choice": "both_bad", "skip": None, "ratings": {"left mood": 2}},
        ]
        assert replaced[1].at_s - replaced[0].at_s == 2, "the time at which it was said first"


def test_the_table_itself_allows_one_vote_a_person_and_item(t: Table) -> None:
    cookie = join(t.desk, t.token, "Ann")
    item = show(t.desk, t.token, cookie, 1).item
    vote(t.desk, t.token, cookie, item, Said(choice="tie"))
    insert = "INSERT INTO votes (reviewer_id, item_id, choice, skip, at_s, changes) SELECT reviewer_id, {} FROM votes"
    for rest in (f"{item}, 'tie', NULL, 0, 0", f"{item + 1}, 'tie', 'skipped', 0, 0", f"{item + 1}, 'up', NULL, 0, 0"):
        with t.desk.database.engine.connect() as connection, pytest.raises(IntegrityError):
            connection.execute(text(insert.format(rest)))


def test_names_are_given_once(t: Table) -> None:
    join(t.desk, t.token, "Ann")
    with pytest.raises(InputError, match=r"'ANN' already takes part .* add an initial"):
        join(t.desk, t.token, " ANN ")
    join(t.desk, t.token, "Ann L")
    for name in ("", "  \x00\n", "x" * 61):
        with pytest.raises(InputError, match="1 to 60 characters"):
            join(t.desk, t.token, name)
    assert count(t, Reviewer) == 2


def test_there_is_a_limit_to_reviewers(t: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewers, "_MOST_REVIEWERS", 2)
    for name in ("Ann", "Ben"):
        join(t.desk, t.token, name)
    with pytest.raises(InputError, match="already has 2 reviewers"):
        join(t.desk, t.token, "Cem")


def test_a_link_opens_one_review_and_nothing_else(t: Table, tmp_path: Path) -> None:
    other = make_review(t.desk, event_folder(tmp_path / "other", posts=6), ("template", "blip2"))
    other_token = make_link(t.desk, other.id).token
    cookie, other_cookie = join(t.desk, t.token, "Ann"), join(t.desk, other_token, "Ann")
    for wrong in (other_cookie, "guessed", ""):
        with pytest.raises(LinkError, match="has not joined") as caught:
            next_item(t.desk, t.token, wrong)
        assert caught.value.reason == "not_joined"
    foreign = show(t.desk, other_token, other_cookie, 1)
    with pytest.raises(InputError, match="no item"):
        vote(t.desk, t.token, cookie, foreign.item, Said(choice="left"))
    with pytest.raises(InputError, match="no item at place 5"):
        show(t.desk, t.token, cookie, 5)
    own = {shown.digest for item in all_items(t, cookie) for shown in item.pictures}
    seen = [show(t.desk, other_token, other_cookie, place).pictures[0].digest for place in range(1, 7)]
    not_shown = [digest for digest in seen if digest not in own]
    assert len(not_shown) == 2
    for digest in (*not_shown, "0" * 40):
        with pytest.raises(InputError, match="no such photo"):
            picture(t.desk, t.token, cookie, digest)
    assert picture(t.desk, other_token, other_cookie, not_shown[0])[:2] == b"\xff\xd8"
    assert count(t, Vote) == 0


def run(t: Table, folder: Path, name: str, cookie: str = "") -> subprocess.Popen[str]:
    url = t.desk.database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-W", "error", "-m", "tests.review_voter", url, str(folder), t.token, name, cookie]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_vote_at_once_and_no_vote_is_lost(t: Table, tmp_path: Path) -> None:
    """Two people, and one of them in two windows."""
    t.clock.now_s = time.time()  # the other processes have the real clock
    t.token = make_link(t.desk, t.review).token
    cookie = join(t.desk, t.token, "Ann")
    started = [run(t, tmp_path / "reviews", *who) for who in (("Ben",), ("Ann", cookie), ("Ann", cookie))]
    told = [process.communicate(timeout=240) for process in started]
    assert [out.strip() for out, _ in told] == ["16"] * 3, told
    assert count(t, Vote) == 8, "four items for each of two people"
    with t.desk.database.reading() as session:
        changes = session.execute(select(func.sum(Vote.changes))).scalar_one()
        assert changes == count(t, ReplacedVote), "every replaced vote is remembered"
        by_ben = select(Vote.choice).join(Reviewer, Reviewer.id == Vote.reviewer_id).where(Reviewer.name == "Ben")
        assert session.scalars(by_ben).all() == ["both_bad"] * 4


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "either a choice or a skip, got choice None and skip None"),
        ({"choice": "left", "skip": "skipped"}, "either a choice or a skip"),
        ({"choice": "lef"}, "choice: expected left, right, tie, both_bad, got 'lef'; did you mean 'left'"),
        ({"skip": "error"}, "skip: expected skipped, could_not_load, got 'error'"),
        ({"skip": "skipped", "ratings": {("left", "mood"): 1}}, "a skipped item has no ratings"),
        ({"choice": "tie", "ratings": {("left", "mood"): 6}}, "left mood: expected a whole number from 0 to 5, got 6"),
        ({"choice": "tie", "ratings": {("left", "mood"): 2.5}}, "got 2.5"),
        ({"choice": "tie", "ratings": {("left", "mood"): True}}, "got True"),
        ({"choice": "tie", "ratings": {("top", "mood"): 1}}, "ratings are of .*left.*by .*mood.*, got .*top"),
    ],
)
def test_votes_that_say_nothing_sensible_are_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Said(**said)
