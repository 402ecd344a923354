"""`montage review` from making a link to exporting votes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import ConfigError, InputError, MontageError
from core.reviews.desk import open_desk
from core.reviews.reviewers import join
from core.reviews.tokens import LinkError
from core.reviews.voting import Said, next_item, vote
from tests.review_helpers import event_folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MONTAGE_REVIEWS", str(tmp_path / "reviews"))
    for name in ("MONTAGE_REVIEWS_DATABASE", "MONTAGE_SECRET", "MONTAGE_REVIEW_PASSWORD", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    event_folder(tmp_path / "out", posts=3)
    return tmp_path


def montage(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["review", *map(str, arguments)], catch_exceptions=False, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


def test_from_link_to_export(root: Path) -> None:
    made = json.loads(
        montage(
            "make", root / "out", "--captioners", "blip2, template", "--base-url", "https://club.example/", "--json"
        )
    )
    assert made["items"] == 3
    assert made["url"] == f"https://club.example/?review={made['token']}"
    desk = open_desk()
    cookie = join(desk, made["token"], "Ann")
    while (item := next_item(desk, made["token"], cookie)) is not None:
        template = "left" if item.left.startswith("Stage") else "right"
        ratings = {(template, "mood"): 5}
        vote(desk, made["token"], cookie, item.item, Said(choice=template, ratings=ratings))  # type: ignore[arg-type]

    listed = montage("list")
    assert "blip2 against template, 3 posts, 3 votes" in listed
    assert "Ann: 3 voted, 0 skipped, 0 could not load, 0 open" in listed
    assert made["token"] not in listed
    assert "A singer with hat number 2." in montage("show", made["review"])
    told = montage("results", made["review"], "--resamples", 100)
    assert "Too few votes to say which captioner is preferred." in told
    assert "blip2 0, template 3, tie 0, both bad 0" in told
    assert json.loads(montage("results", made["review"], "--resamples", 100, "--json"))["votes"] == 3
    for kind, lines in (("votes.csv", 4), ("ratings", 4), ("pairs", 3)):
        montage("export", made["review"], "--as", kind, "--out", root / kind)
        assert len((root / kind).read_text(encoding="utf-8").splitlines()) == lines
    montage("export", made["review"], "--as", "votes.json", "--out", root / "votes.json")
    assert len(json.loads((root / "votes.json").read_text())[0]["votes"]) == 3

    montage("revoke", made["link"])
    with pytest.raises(LinkError, match="closed"):
        next_item(desk, made["token"], cookie)
    again = json.loads(montage("link", made["review"], "--json"))
    assert next_item(desk, again["token"], cookie) is None
    assert "Closed the review" in montage("revoke", made["review"])
    assert "(closed)" in montage("list")
    with pytest.raises(LinkError, match="closed"):
        next_item(desk, again["token"], cookie)


def test_a_password_is_typed_twice_or_taken_from_the_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = ["review", "make", str(root / "out"), "--captioners", "blip2,template", "--password", "--json"]
    typed = CliRunner().invoke(app, make, input="open sesame\nopen sesame\n", catch_exceptions=False)
    token = json.loads(typed.stdout.splitlines()[-1])["token"]
    assert "sesame" not in typed.output
    with pytest.raises(LinkError, match="asks for a password"):
        join(open_desk(), token, "Ann")
    assert join(open_desk(), token, "Ann", password="open sesame")
    monkeypatch.setenv("MONTAGE_REVIEW_PASSWORD", "short")
    with pytest.raises(ConfigError, match="6 to 1000 characters, got 5"):
        CliRunner().invoke(app, make, catch_exceptions=False)
    assert len(json.loads(montage("list", "--json"))) == 1, "nothing was made with a password that is too short"


def test_an_empty_list_says_how_to_begin(root: Path) -> None:
    assert "There are no reviews yet: montage review make OUT" in montage("list")


def test_a_space_without_storage_is_told_of(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "club/montage")
    assert "vanish when it restarts" in montage("make", root / "out", "--captioners", "blip2,template")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            ["make", "{out}", "--captioners", "blip2"],
            ConfigError,
            "expects two names, e.g. blip2,template, got 'blip2'",
        ),
        (["make", "{out}", "--captioners", "blip2,git"], InputError, "no captions of 'git'"),
        (["make", "{out}", "--captioners", "blip2,template", "--days", "0"], ConfigError, "got 0 days"),
        (["results", "nothing"], InputError, "no review 'nothing'; there are: none yet"),
        (["revoke", "nothing"], InputError, "no review 'nothing'"),
        (["export", "x", "--as", "vote.csv", "--out", "f"], ConfigError, "--as: 'vote.csv' is unknown; did you mean"),
        (["export", "x", "--as", "pairs", "--texts", "raw", "--out", "f"], ConfigError, "--texts: 'raw' is unknown"),
        (["list", "--database", "mysql://h/d"], ConfigError, "scheme 'mysql'"),
    ],
)
def test_mistakes_are_told_plainly(root: Path, arguments: list[str], error: type[MontageError], message: str) -> None:
    named = [argument.format(out=root / "out") for argument in arguments]
    with pytest.raises(error, match=message):
        CliRunner().invoke(app, ["review", *named], catch_exceptions=False)
