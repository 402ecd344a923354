"""`montage review`: people compare two captioners' captions without knowing which is which."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer
from rich.table import Table
from rich.text import Text

from cli.console import out as stdout
from cli.options import JsonOption
from cli.review_options import (
    BaseUrlOption,
    DatabaseOption,
    DaysOption,
    FolderOption,
    PasswordOption,
    ReviewArgument,
    ReviewsArgument,
    ask_password,
    open_reviews,
)
from cli.review_tables import day, print_overview, print_results
from core.config import nearest
from core.errors import ConfigError, OutputError
from core.store import write_atomic

if TYPE_CHECKING:  # the database's libraries take a while to import, and most commands need none of them
    from core.reviews.links import MadeLink

__all__ = ["app"]

app = typer.Typer(
    help="Blind reviews: people compare two captioners' captions by a link, and rate them.", no_args_is_help=True
)


@app.command()
def make(
    folder: Annotated[Path, typer.Argument(help="What `montage caption --out` wrote.", show_default=False)],
    captioners: Annotated[
        str, typer.Option("--captioners", help="The two to compare, e.g. blip2,template.", show_default=False)
    ],
    title: Annotated[
        str | None, typer.Option("--title", help="What reviewers read. Default: the event's name.", show_default=False)
    ] = None,
    days: DaysOption = 14,
    password: PasswordOption = False,
    seed: Annotated[int, typer.Option("--seed", help="Of the order of posts and sides.")] = 0,
    base_url: BaseUrlOption = None,
    reviews: FolderOption = None,
    database: DatabaseOption = None,
    json_: JsonOption = False,
) -> None:
    """Make a review of an event that was captioned by two captioners, and a link to it.

    Reviewers see the photos and both captions in random order, without hashtags, names and openers that give the
    captioner away: `montage review show` prints exactly what they read. Photos are copied, so the folder may go.
    """
    from core.reviews.links import DAY_S, check_lifetime, make_link
    from core.reviews.reviews import make_review

    names = tuple(name.strip() for name in captioners.split(","))
    if len(names) != 2:
        raise ConfigError(f"--captioners expects two names, e.g. blip2,template, got {captioners!r}")
    check_lifetime(days * DAY_S)
    secret = ask_password(password)
    desk, notice = open_reviews(reviews, database)
    made = make_review(desk, folder, names, title=title, seed=seed)
    link = make_link(desk, made.id, valid_s=days * DAY_S, password=secret)
    if json_:
        told = {"review": made.id, "items": made.items, "notes": made.notes, **_link(link, base_url)}
        print(json.dumps(told | ({"notice": notice} if notice else {}), ensure_ascii=False))
        return
    console = stdout()
    console.print(Text(f"Review {made.id}: {made.items} posts, {names[0]} against {names[1]}."))
    for note in (*made.notes, *([notice] if notice else [])):
        console.print(Text(f"Note: {note}", style="yellow"))
    _print_link(link, base_url)
    console.print(Text(f"What reviewers read: montage review show {made.id}"))


@app.command()
def link(
    review: ReviewArgument,
    days: DaysOption = 14,
    password: PasswordOption = False,
    base_url: BaseUrlOption = None,
    reviews: FolderOption = None,
    database: DatabaseOption = None,
    json_: JsonOption = False,
) -> None:
    """Make another link to a review, for example after the first one expired; votes are kept."""
    from core.reviews.links import DAY_S, make_link

    made = make_link(open_reviews(reviews, database)[0], review, valid_s=days * DAY_S, password=ask_password(password))
    if json_:
        print(json.dumps({"review": review, **_link(made, base_url)}))
        return
    _print_link(made, base_url)


@app.command("list")
def list_(reviews: FolderOption = None, database: DatabaseOption = None, json_: JsonOption = False) -> None:
    """List reviews, their links, and how far each reviewer has come."""
    from core.reviews.overview import list_reviews

    desk, notice = open_reviews(reviews, database)
    found = list_reviews(desk)
    if json_:
        print(json.dumps([asdict(review) for review in found], ensure_ascii=False))
        return
    console = stdout()
    if not found:
        console.print(Text("There are no reviews yet: montage review make OUT --captioners blip2,template"))
    for review in found:
        print_overview(review, console)
    if notice:
        console.print(Text(f"Note: {notice}", style="yellow"))


@app.command()
def show(
    review: ReviewArgument, reviews: FolderOption = None, database: DatabaseOption = None, json_: JsonOption = False
) -> None:
    """Print every caption as it was written and as reviewers read it."""
    from core.reviews.reviews import read_texts

    texts = read_texts(open_reviews(reviews, database)[0], review)
    if json_:
        print(json.dumps([asdict(item) for item in texts], ensure_ascii=False))
        return
    table = Table(show_lines=True)
    for heading in ("post", "captioner", "as written", "as reviewers read it"):
        table.add_column(heading)
    for item in texts:
        for name, written in item.written.items():
            table.add_row(str(item.post), name, Text(written), Text(item.shown[name]))
    stdout().print(table)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="A review's id, to close it, or a link's, to close only that link.")],
    reviews: FolderOption = None,
    database: DatabaseOption = None,
) -> None:
    """Close a review or one of its links for good. Votes are kept."""
    from core.reviews.links import revoke_link
    from core.reviews.overview import list_reviews
    from core.reviews.reviews import revoke_review

    desk, _ = open_reviews(reviews, database)
    is_link = any(link.id == name for review in list_reviews(desk) for link in review.links)
    (revoke_link if is_link else revoke_review)(desk, name)
    stdout().print(Text(f"Closed the {'link' if is_link else 'review'} {name}; votes are kept."))


@app.command()
def results(
    review: ReviewArgument,
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Of the bootstrap and the tests.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Of the bootstrap and the tests.")] = 0,
    reviews: FolderOption = None,
    database: DatabaseOption = None,
    json_: JsonOption = False,
) -> None:
    """Say which captioner is preferred and by how much, how far reviewers agree, and where they do not."""
    from core.reviews.export import results_json
    from core.reviews.judgements import read_judgements
    from core.reviews.results import review_results

    found = review_results(read_judgements(open_reviews(reviews, database)[0], review), resamples=resamples, seed=seed)
    if json_:
        print(results_json(found), end="")
    else:
        print_results(found, stdout())


@app.command()
def export(
    reviews_: ReviewsArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.", show_default=False)],
    kind: Annotated[
        str,
        typer.Option(
            "--as",
            help="votes.csv, votes.json, pairs (JSON lines for DPO), or ratings (CSV for `montage calibrate`).",
        ),
    ] = "votes.csv",
    texts: Annotated[str, typer.Option("--texts", help="For pairs: captions as written or as shown.")] = "written",
    agreed: Annotated[
        bool, typer.Option("--agreed", help="For pairs: one a post, only where no vote contradicts.")
    ] = False,
    reviews: FolderOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write the votes of one review or several to a file."""
    from core.reviews.export import Texts, preference_pairs, ratings_csv, votes_csv, votes_json
    from core.reviews.judgements import JudgedReview, read_judgements

    writers: dict[str, Callable[[list[JudgedReview]], str]] = {
        "votes.csv": votes_csv,
        "votes.json": votes_json,
        "ratings": ratings_csv,
        "pairs": lambda judged: preference_pairs(judged, texts=cast(Texts, texts), agreed=agreed),
    }
    for option, given, known in (("--as", kind, tuple(writers)), ("--texts", texts, get_args(Texts))):
        if given not in known:
            raise ConfigError(f"{option}: {given!r} is unknown; {nearest(given, known)}")
    desk, _ = open_reviews(reviews, database)
    text = writers[kind]([read_judgements(desk, review) for review in dict.fromkeys(reviews_)])
    try:
        write_atomic(out, text.encode())
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror or error}") from None
    stdout().print(Text(f"Wrote {out}"))


def _link(made: "MadeLink", base_url: str | None) -> dict[str, Any]:
    from core.reviews.links import link_url

    url = link_url(base_url, made.token) if base_url else None
    return {"link": made.id, "token": made.token, "url": url, "expires": day(made.expires_at_s)}


def _print_link(made: "MadeLink", base_url: str | None) -> None:
    from core.reviews.links import link_url

    console = stdout()
    console.print(Text(f"Link {made.id}, open until {day(made.expires_at_s)} UTC; it is shown only now:"))
    address = link_url(base_url, made.token) if base_url else f"{link_url('', made.token)}  (after the page's address)"
    console.print(Text(address), soft_wrap=True)
