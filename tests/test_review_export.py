"""Votes as files: for spreadsheets, for training, for `montage calibrate`."""

import csv
import io
import json
from pathlib import Path

import pytest

from core.calibrate import calibrate_hybrid
from core.errors import InputError
from core.judgements import by_ratings, read_records
from core.reviews.export import preference_pairs, ratings_csv, results_json, votes_csv, votes_json
from core.reviews.judgements import JudgedReview, read_judgements
from core.reviews.results import review_results
from core.reviews.reviewers import join
from core.reviews.schema import SCALES
from core.reviews.voting import Said, next_item, vote
from tests.review_helpers import Table, judged, table


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def reviewed(tmp_path: Path) -> tuple[Table, JudgedReview]:
    """Two people find the template better where the post's number is odd; the last post is skipped."""
    t = table(tmp_path, posts=4)
    for name, extra in (("Ann", 0), ("Ben", 1)):
        cookie = join(t.desk, t.token, name)
        while (item := next_item(t.desk, t.token, cookie)) is not None:
            number = int("".join(c for c in item.left if c.isdigit()))
            if number == 4:
                said = Said(skip="skipped")
            else:
                better = "left" if item.left.startswith("Stage") == bool(number % 2) else "right"
                good = {(better, scale): 3 + extra for scale in SCALES}
                bad = {("right" if better == "left" else "left", scale): 1 for scale in SCALES}
                said = Said(choice=better, ratings=good | bad)  # type: ignore[arg-type]
            vote(t.desk, t.token, cookie, item.item, said)
    return t, read_judgements(t.desk, t.review)


def test_ratings_feed_calibrate(tmp_path: Path) -> None:
    t, review = reviewed(tmp_path)
    path = tmp_path / "ratings.csv"
    path.write_text(ratings_csv([review]), encoding="utf-8")
    records = read_records([t.folder], "blip2")
    quality = by_ratings(path, records, "blip2").quality
    assert quality == {("Open Mic", 1): (3.5, 1.0), ("Open Mic", 2): (1.0, 3.5), ("Open Mic", 3): (3.5, 1.0)}
    assert calibrate_hybrid(records, by_ratings(path, records, "blip2"), "blip2").posts == 3


def test_an_events_name_survives_however_it_begins(tmp_path: Path) -> None:
    review = judged([(1, "R", "a", "a")], {(1, "R"): {"a": 4}})
    object.__setattr__(review, "event", '=Open, "Mic"')
    assert rows(ratings_csv([review])) == [{"event": '=Open, "Mic"', "post": "1", "captioner": "a", "rating": "4"}]


def test_every_vote_is_a_row(tmp_path: Path) -> None:
    _, review = reviewed(tmp_path)
    table_ = rows(votes_csv([review, review]))
    assert len(table_) == 16
    first = next(row for row in table_ if row["post"] == "1" and row["reviewer"] == "Ben")
    assert (first["preferred"], first["first_mood"], first["second_mood"]) == ("template", "1", "4")
    assert first["at"] == "2026-09-21T14:13:20+00:00"
    skipped = next(row for row in table_ if row["post"] == "4")
    assert (skipped["preferred"], skipped["skip"], skipped["first_mood"]) == ("", "skipped", "")


def test_no_cell_is_run_as_a_formula() -> None:
    row = rows(votes_csv([judged([(1, "=cmd()", "a", "a")])]))[0]
    assert row["reviewer"] == "'=cmd()"


def test_votes_as_json_hold_the_captions(tmp_path: Path) -> None:
    _, review = reviewed(tmp_path)
    data = json.loads(votes_json([review]))[0]
    assert data["captioners"] == ["blip2", "template"]
    assert data["items"][0]["shown"] == {"blip2": "A singer with hat number 1.", "template": "Stage 1."}
    ann = next(v for v in data["votes"] if v["reviewer"] == "Ann" and v["post"] == 2)
    assert ann["preferred"] == "blip2"
    assert ann["ratings"]["blip2"] == dict.fromkeys(SCALES, 3)


def test_preference_pairs_are_what_dpo_reads(tmp_path: Path) -> None:
    _, review = reviewed(tmp_path)
    pairs = [json.loads(line) for line in preference_pairs([review]).splitlines()]
    assert len(pairs) == 6
    assert all(list(pair) == ["prompt", "chosen", "rejected"] for pair in pairs)
    assert "'Open Mic'" in pairs[0]["prompt"]
    assert pairs[0]["chosen"] == "Highlights from Open Mic — stage 1."
    assert pairs[0]["rejected"] == "a singer with hat number 1"
    shown = json.loads(preference_pairs([review], texts="shown").splitlines()[0])
    assert (shown["chosen"], shown["rejected"]) == ("Stage 1.", "A singer with hat number 1.")


def test_agreed_pairs_leave_out_what_is_disputed() -> None:
    review = judged(
        [
            (1, "R", "a", "a"),
            (1, "S", "b", "a"),
            (2, "R", "a", "a"),
            (2, "S", "b", "b"),
            (3, "R", "a", "tie"),
            (3, "S", "a", "b"),
        ]
    )
    assert len(preference_pairs([review]).splitlines()) == 5
    agreed = [json.loads(line) for line in preference_pairs([review], agreed=True).splitlines()]
    assert [(pair["prompt"], pair["chosen"][0]) for pair in agreed] == [("Write 1", "x"), ("Write 3", "y")]


def test_nothing_to_export_is_said() -> None:
    undecided = judged([(1, "R", "a", "tie"), (2, "R", "a", None)])
    with pytest.raises(InputError, match="no vote prefers one caption"):
        preference_pairs([undecided])
    with pytest.raises(InputError, match="no caption was rated yet"):
        ratings_csv([undecided])


def test_results_are_plain_json(tmp_path: Path) -> None:
    for review in (judged([]), reviewed(tmp_path)[1]):
        data = json.loads(results_json(review_results(review, resamples=100)))
        assert set(data["agreement"]) == {*SCALES, "preference"}
    assert data["preference"]["wins"] == {"blip2": 2, "template": 4}
    assert data["agreement"]["preference"]["alpha"] == 1
