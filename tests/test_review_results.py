"""What votes say, and what they are too few to say."""

import itertools
import random

import pytest

from core.reviews.results import review_results
from tests.review_helpers import judged

SIDES = ("a", "b")


def votes(posts: int, reviewers: int, say: object = "a") -> list[tuple[int, str, str, str | None]]:
    """Everybody votes on everything, the sides in turn."""
    pairs = itertools.product(range(1, posts + 1), range(reviewers))
    return [(p, f"R{r}", SIDES[(p + r) % 2], say(p, r) if callable(say) else str(say)) for p, r in pairs]


def test_a_clear_preference_is_said() -> None:
    found = review_results(judged(votes(12, 4)), resamples=200)
    assert found.verdict == "a is preferred to b."
    assert found.notes == ()
    preferred = found.preference
    assert (preferred.wins, preferred.ties, preferred.both_bad) == ({"a": 48, "b": 0}, 0, 0)
    assert preferred.win_rate is not None
    assert preferred.win_rate > 0.95
    assert (preferred.left_share, preferred.share) == (0.5, 1.0)
    assert (found.reviewers, found.items, found.votes) == (4, 12, 48)


def test_the_other_way_round_is_the_mirror_image() -> None:
    one, other = (review_results(judged(votes(12, 4, name)), resamples=200) for name in SIDES)
    assert one.preference.win_rate == pytest.approx(1 - (other.preference.win_rate or 0))
    assert other.verdict == "b is preferred to a."


def test_votes_by_chance_show_no_preference() -> None:
    draw = random.Random(4)
    found = review_results(judged(votes(15, 4, lambda p, r: draw.choice(SIDES))), resamples=300)
    assert found.verdict.startswith("No preference shown between a and b")
    low, high = found.preference.win_rate_interval or (1, 0)
    assert low < 0.5 < high


def test_votes_of_one_post_are_not_many_posts() -> None:
    """The same share of wins; where all of a post's votes agree, there is less to know."""
    by_post = review_results(judged(votes(12, 6, lambda p, r: SIDES[p % 3 == 0])), resamples=400)
    mixed = review_results(judged(votes(12, 6, lambda p, r: SIDES[(p + r) % 3 == 0])), resamples=400)
    assert by_post.preference.wins == mixed.preference.wins == {"a": 48, "b": 24}
    widths = [r.preference.win_rate_interval[1] - r.preference.win_rate_interval[0] for r in (by_post, mixed)]  # type: ignore[index]
    assert widths[0] > 1.3 * widths[1]


@pytest.mark.parametrize(
    ("posts", "reviewers", "said"),
    [
        (
            4,
            2,
            [
                "8 votes: too few to conclude from (fewer than 30).",
                "4 posts judged: too few",
                "2 reviewers: others may",
            ],
        ),
        (12, 3, []),
        (30, 1, ["1 reviewer: others may see it otherwise (fewer than 3)."]),
    ],
)
def test_too_few_votes_say_so(posts: int, reviewers: int, said: list[str]) -> None:
    found = review_results(judged(votes(posts, reviewers)), resamples=100)
    assert [note.startswith(start) for note, start in zip(found.notes, said, strict=True)] == [True] * len(said)
    assert ("Too few votes" in found.verdict) == (posts < 10)


def test_ties_count_half() -> None:
    words = ["a", "tie", "both_bad", "b"]
    found = review_results(judged(votes(8, 1, lambda p, r: words[p % 4 if p < 8 else 0])), resamples=100)
    assert found.preference.share == pytest.approx((2 + 4 / 2) / 8)
    assert found.preference.wins == {"a": 2, "b": 2}


def test_no_votes_and_only_skips_are_no_error() -> None:
    for rows in ([], [(1, "R", "a", None)]):
        found = review_results(judged(rows), resamples=100)
        assert found.verdict == "No votes yet."
        assert found.preference.win_rate is None
        assert [mean.mean for mean in found.means] == [None] * 6
        assert found.skipped == len(rows)


def test_one_vote_has_figures_and_no_intervals() -> None:
    found = review_results(judged([(1, "R", "a", "a")], {(1, "R"): {"a": 4, "b": 1}}), resamples=100)
    assert found.preference.win_rate_interval is None
    mood = next(d for d in found.differences if d.scale == "mood")
    assert (mood.mean, mood.interval, mood.p_value, mood.pairs) == (3.0, None, None, 1)


def test_both_bad_counts_as_a_tie_and_is_told() -> None:
    found = review_results(judged(votes(10, 3, "both_bad")), resamples=100)
    assert found.preference.both_bad == 30
    assert found.preference.win_rate == pytest.approx(0.5)
    assert found.preference.left_share is None
    assert "Both captions were called bad in 30 of 30 votes." in found.notes


def test_whoever_always_takes_the_left_prefers_nobody() -> None:
    found = review_results(judged([(p, r, left, left) for p, r, left, _ in votes(12, 4)]), resamples=200)
    assert found.preference.left_share == 1
    assert found.preference.win_rate == pytest.approx(0.5, abs=0.01)
    assert (found.preference.side_effect or 0) > 2
    assert "Reviewers favour the left caption; the win rate is corrected for it." in found.notes


def test_captions_that_are_always_longer_are_pointed_out() -> None:
    """Whether captioner or length decided cannot be known, and the verdict says no more than that."""
    mostly = judged(votes(12, 4, lambda p, r: SIDES[(p + r) % 5 == 0]), lengths=(40, 20))
    found = review_results(mostly, resamples=200)
    low, high = found.preference.win_rate_interval or (1, 0)
    assert low < 0.5 < high
    assert found.verdict == "a is preferred, but its lead may be owed to the length of its captions."
    assert any("Captions of a are always the longer ones" in note for note in found.notes)


def test_means_and_differences_by_hand() -> None:
    rows = votes(2, 2)
    given = {
        (1, "R0"): {"a": 5, "b": 3},
        (1, "R1"): {"a": 4, "b": 4},
        (2, "R0"): {"a": 3, "b": 1},
        (2, "R1"): {"a": 2},
    }
    found = review_results(judged(rows, given), resamples=400, seed=1)
    means = {mean.captioner: mean for mean in found.means if mean.scale == "mood"}
    assert means["a"].mean == pytest.approx(14 / 4)
    assert means["b"].mean == pytest.approx(8 / 3)
    assert (means["a"].ratings, means["b"].ratings) == (4, 3)
    # Two posts and two reviewers: the widest draws are one post and one reviewer alone.
    assert means["a"].interval == (2.0, 5.0)
    mood = next(d for d in found.differences if d.scale == "mood")
    assert (mood.pairs, mood.mean) == (3, pytest.approx(4 / 3))
    assert mood.p_value is not None
    assert mood.p_value > 0.4, "two posts can be swapped in four ways only"


def test_the_most_disputed_posts_come_first() -> None:
    rows = [
        (1, "Ann", "a", "a"), (1, "Ben", "b", "a"), (1, "Cem", "a", "a"),
        (2, "Ann", "a", "a"), (2, "Ben", "b", "b"), (2, "Cem", "a", "tie"),
        (3, "Ann", "a", "a"), (3, "Ben", "b", "b"), (3, "Cem", "a", "a"), (3, "Dee", "a", None),
        (4, "Ann", "a", "a"),
    ]  # fmt: skip
    found = review_results(judged(rows, {(1, "Ann"): {"a": 5}, (1, "Ben"): {"a": 1, "b": 2}}), resamples=100)
    assert [item.post for item in found.by_item] == [2, 3, 1, 4]
    shares = [item.disagreement for item in found.by_item]
    assert shares == [1.0, pytest.approx(2 / 3), 0.0, None]
    assert found.by_item[1].said == {"Ann": "a", "Ben": "b", "Cem": "a", "Dee": "skipped"}
    assert found.by_item[1].counts == {"a": 2, "b": 1}
    first = found.by_item[2]
    assert (first.widest, first.widest_on, first.means) == (4, "a, mood", {"a": 3.0, "b": 2.0})


def test_agreement_is_on_captioners_not_on_sides() -> None:
    """Everybody prefers a or b by post; the sides differ between reviewers."""
    found = review_results(judged(votes(12, 3, lambda p, r: SIDES[p % 2])), resamples=100)
    assert found.agreement["preference"].alpha == 1
    assert found.agreement["mood"].reading == "nothing was judged by two reviewers"


def test_the_same_votes_give_the_same_figures() -> None:
    one, again, other = (review_results(judged(votes(5, 3)), resamples=100, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.signature["votes"] == other.signature["votes"]
    assert one.signature != other.signature
    changed = review_results(judged(votes(5, 3, "b")), resamples=100, seed=1)
    assert changed.signature["votes"] != one.signature["votes"]


def test_too_few_resamples_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 100 resamples, got 99"):
        review_results(judged([]), resamples=99)
