"""Votes and results as files: for spreadsheets, for programs, for `montage calibrate`, and as preference pairs."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

from core.errors import InputError
from core.reviews.judgements import JudgedReview, Judgement
from core.reviews.results import Results
from core.reviews.schema import SCALES
from core.tables import csv_cell

__all__ = ["Texts", "preference_pairs", "ratings_csv", "results_json", "votes_csv", "votes_json"]

Texts = Literal["written", "shown"]
"""Captions as they were written, or as reviewers saw them."""


def votes_csv(reviews: Sequence[JudgedReview]) -> str:
    """Every vote and skip, one a row, captions by name; safe to open in a spreadsheet."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    rated = [f"{place}_{scale}" for place in ("first", "second") for scale in SCALES]
    names = ["review", "event", "post", "reviewer", "first", "second", "left", "preferred", "skip", *rated]
    table.writerow([*names, "at", "changes"])
    for review in reviews:
        for vote in review.judgements:
            texts = [review.id, review.event, str(vote.item.post), vote.reviewer, *review.captioners, vote.left]
            texts += [vote.preferred or "", vote.skip or ""]
            ratings = [vote.ratings.get((name, scale), "") for name in review.captioners for scale in SCALES]
            table.writerow([*map(csv_cell, texts), *ratings, _time(vote.at_s), vote.changes])
    return buffer.getvalue()


def votes_json(reviews: Sequence[JudgedReview]) -> str:
    """Every vote and skip with the captions, by review."""
    return _json([_review(review) for review in reviews])


def results_json(results: Results) -> str:
    """The results."""
    return _json(asdict(results))


def ratings_csv(reviews: Sequence[JudgedReview]) -> str:
    """What `montage calibrate --ratings` reads: event, post, captioner, and the mean over the scales of each rating.

    Raises:
        InputError: nothing was rated.
    """
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["event", "post", "captioner", "rating"])
    rows = 0
    for review in reviews:
        for vote in review.votes:
            for name in review.captioners:
                given = [value for (captioner, _), value in vote.ratings.items() if captioner == name]
                if given:
                    # The event's name goes in as it is: calibrate looks for exactly that.
                    table.writerow([review.event, vote.item.post, name, f"{sum(given) / len(given):.6g}"])
                    rows += 1
    if not rows:
        raise InputError("no caption was rated yet: there is nothing for montage calibrate to read")
    return buffer.getvalue()


def preference_pairs(reviews: Sequence[JudgedReview], *, texts: Texts = "written", agreed: bool = False) -> str:
    """Preference pairs as JSON lines `{"prompt", "chosen", "rejected"}`, as TRL's DPO trainer reads them.

    Each vote for one of the captions makes a pair; ties, "both bad" and skips make none.

    Args:
        texts: captions as they were written, which is what a model is to write, or as reviewers saw them.
        agreed: one pair a post, and only where all votes for one of its captions are for the same one.

    Raises:
        InputError: no vote makes a pair.
    """
    lines = []
    for review in reviews:
        votes = [vote for vote in review.votes if vote.preferred in review.captioners]
        for vote in _agreed(votes) if agreed else votes:
            chosen, rejected = sorted(review.captioners, key=lambda name: name != vote.preferred)
            captions = vote.item.written if texts == "written" else vote.item.shown
            pair = {"prompt": vote.item.prompt, "chosen": captions[chosen], "rejected": captions[rejected]}
            lines.append(json.dumps(pair, ensure_ascii=False) + "\n")
    if not lines:
        raise InputError("no vote prefers one caption to the other yet: there are no preference pairs")
    return "".join(lines)


def _agreed(votes: list[Judgement]) -> list[Judgement]:
    """One vote for each item whose votes are all for the same caption."""
    by_item: dict[int, list[Judgement]] = {}
    for vote in votes:
        by_item.setdefault(vote.item.id, []).append(vote)
    return [here[0] for here in by_item.values() if len({vote.preferred for vote in here}) == 1]


def _review(review: JudgedReview) -> dict[str, Any]:
    return {
        "review": review.id,
        "title": review.title,
        "event": review.event,
        "captioners": list(review.captioners),
        "seed": review.seed,
        "items": [
            {"post": item.post, "prompt": item.prompt, "written": dict(item.written), "shown": dict(item.shown)}
            for item in review.items
        ],
        "votes": [_vote(vote) for vote in review.judgements],
    }


def _vote(vote: Judgement) -> dict[str, Any]:
    ratings: dict[str, dict[str, int]] = {}
    for (captioner, scale), value in vote.ratings.items():
        ratings.setdefault(captioner, {})[scale] = value
    return {
        "post": vote.item.post,
        "reviewer": vote.reviewer,
        "left": vote.left,
        "preferred": vote.preferred,
        "skip": vote.skip,
        "ratings": ratings,
        "at": _time(vote.at_s),
        "changes": vote.changes,
    }


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
