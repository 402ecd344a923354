"""How `montage review list` and `results` look."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from core.metrics.statistics import Interval
    from core.reviews.overview import ReviewOverview
    from core.reviews.results import Results

__all__ = ["day", "print_overview", "print_results"]

_DISPUTED = 5
"""Posts that are listed; the JSON has all."""


def print_results(found: "Results", console: Console) -> None:
    """Print the results of a review as tables and sentences."""
    first, second = found.captioners
    counted = f"{found.votes} votes by {found.reviewers} reviewers on {found.items} posts"
    skips = f"{found.skipped} skipped, {found.could_not_load} could not load"
    console.print(Text(f"{found.title}: {first} against {second}", style="bold"))
    console.print(Text(f"{counted}; {skips}.\n{found.verdict}"))
    if found.votes:
        console.print(_ratings(found))
        console.print(_preference(found))
        console.print(_agreement(found))
        _print_disputed(found, console)
    for note in found.notes:
        console.print(Text(f"Note: {note}", style="yellow"))
    signature = ", ".join(f"{name} {value}" for name, value in found.signature.items())
    console.print(Text(f"Intervals are 95 %, over posts and reviewers ({signature}).", style="dim"))


def print_overview(review: "ReviewOverview", console: Console) -> None:
    """Print a review, its links, and how far each reviewer has come."""
    state = " (closed)" if review.revoked else ""
    console.print(Text(f"{review.id}  {review.title}{state}", style="bold"))
    console.print(
        Text(
            f"  {review.captioners[0]} against {review.captioners[1]}, {review.items} posts, {review.votes} votes, "
            f"made {day(review.created_at_s)}"
        )
    )
    for link in review.links:
        asks = ", asks for a password" if link.password else ""
        console.print(Text(f"  link {link.id}: {link.state}, until {day(link.expires_at_s)} UTC{asks}"))
    for person in review.reviewers:
        rest = f"{person.skipped} skipped, {person.could_not_load} could not load, {person.open} open"
        console.print(Text(f"  {person.name}: {person.voted} voted, {rest}"))


def day(at_s: float) -> str:
    """Day and minute, UTC."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M")


def _ratings(found: "Results") -> Table:
    table = Table(title="Mean ratings, 0-5", title_justify="left")
    table.add_column("scale")
    for name in (*found.captioners, "difference"):
        table.add_column(name, justify="right")
    table.add_column("p", justify="right")
    for difference in found.differences:
        means = [mean for mean in found.means if mean.scale == difference.scale]
        cells = [_figure(mean.mean, mean.interval) for mean in means]
        gap = _figure(difference.mean, difference.interval, sign="+")
        table.add_row(difference.scale, *cells, gap, _number(difference.p_value, ".3f"))
    return table


def _preference(found: "Results") -> Table:
    preferred, (first, second) = found.preference, found.captioners
    table = Table(title="Preference (Bradley-Terry)", title_justify="left", show_header=False)
    wins = ", ".join(f"{name} {n}" for name, n in preferred.wins.items())
    table.add_row("votes", f"{wins}, tie {preferred.ties}, both bad {preferred.both_bad}")
    for name, value, interval, sign in (
        (f"share of {first}, captions as they are", preferred.share, preferred.share_interval, ""),
        (
            f"{first} preferred to {second}, at equal length on either side",
            preferred.win_rate,
            preferred.win_rate_interval,
            "",
        ),
        ("log-odds of a caption twice as long", preferred.length_effect, preferred.length_effect_interval, "+"),
        ("log-odds of the left side", preferred.side_effect, preferred.side_effect_interval, "+"),
        ("share of left among votes for a side", preferred.left_share, preferred.left_share_interval, ""),
    ):
        table.add_row(name, _figure(value, interval, sign=sign))
    return table


def _agreement(found: "Results") -> Table:
    table = Table(title="Agreement of reviewers (Krippendorff's alpha)", title_justify="left")
    for heading in ("on", "alpha", "judged by two or more", "reading"):
        table.add_column(heading, justify="right" if heading in ("alpha", "judged by two or more") else "left")
    for name, agreement in found.agreement.items():
        label = f"{name} ({agreement.level})"
        table.add_row(label, _figure(agreement.alpha, agreement.interval), str(agreement.units), agreement.reading)
    return table


def _print_disputed(found: "Results", console: Console) -> None:
    disputed = [item for item in found.by_item if item.disagreement or (item.widest or 0) > 1]
    if not disputed:
        return
    console.print(Text("Most disputed posts", style="italic"))
    for item in disputed[:_DISPUTED]:
        said = ", ".join(f"{name}: {word}" for name, word in item.said.items())
        widest = f"; ratings {item.widest} apart ({item.widest_on})" if item.widest else ""
        console.print(Text(f"  post {item.post}: {said}{widest}"))
    if len(disputed) > _DISPUTED:
        console.print(Text(f"  and {len(disputed) - _DISPUTED} more (--json has all)"))


def _figure(value: float | None, interval: "Interval | None", *, sign: str = "") -> str:
    if interval is None:
        return _number(value, f"{sign}.2f")
    return f"{_number(value, f'{sign}.2f')} [{interval[0]:{sign}.2f}, {interval[1]:{sign}.2f}]"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
