"""Bradley-Terry against published estimates and against scikit-learn."""

import numpy as np
import pytest

from core.reviews.bradley_terry import Comparisons, fit_bradley_terry

# American League East, 1987: games that the row's team won against the column's (Agresti, Categorical Data Analysis,
# table 10.10); estimates with Baltimore at 0 as published there.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WON = [
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]
PUBLISHED = [1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0]


def compared(left: list[str], right: list[str], outcome: list[float], longer: list[float] | None = None) -> Comparisons:
    return Comparisons(
        left=left,
        right=right,
        outcome=np.array(outcome, dtype=np.float64),
        longer=np.array(longer or np.zeros(len(left)), dtype=np.float64),
    )


def test_published_strengths_of_baseball_teams() -> None:
    left, right, outcome, weights = [], [], [], []
    for i, winner in enumerate(TEAMS):
        for j, loser in enumerate(TEAMS):
            for order in (
                (winner, loser, 1.0),
                (loser, winner, 0.0),
            ):  # both ways round, so that the side plays no part
                left.append(order[0])
                right.append(order[1])
                outcome.append(order[2])
                weights.append(WON[i][j] / 2)
    keep = [k for k, (a, b) in enumerate(zip(left, right, strict=True)) if a != b]
    games = compared(*([values[k] for k in keep] for values in (left, right, outcome)))
    found = fit_bradley_terry(games, np.array(weights)[None, keep], prior_sd=1000.0)
    strengths = dict(zip(found.captioners, found.strengths[0], strict=True))
    assert [round(strengths[team] - strengths["Baltimore"], 2) for team in TEAMS] == pytest.approx(PUBLISHED, abs=0.011)
    assert found.side[0] == pytest.approx(0, abs=1e-6)
    assert found.win_rate("Milwaukee", "Baltimore")[0] == pytest.approx(1 / (1 + np.exp(-1.58)), abs=0.002)


def test_the_same_as_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    n = 80
    left = [str(name) for name in rng.choice(["a", "b", "c"], n)]
    right = [{"a": "b", "b": "c", "c": "a"}[name] for name in left]
    outcome, longer = rng.integers(2, size=n).astype(float), rng.normal(size=n)
    weights = rng.integers(0, 4, size=(3, n)).astype(float)
    found = fit_bradley_terry(compared(left, right, list(outcome), list(longer)), weights, prior_sd=1.5)
    design = np.array([[(a == x) - (b == x) for x in "abc"] for a, b in zip(left, right, strict=True)], dtype=float)
    design = np.column_stack([design, longer, np.ones(n)])
    for row in range(3):
        peer = LogisticRegression(C=1.5**2, fit_intercept=False, tol=1e-10, max_iter=1000)
        peer.fit(design, outcome, sample_weight=weights[row])
        ours = [*found.strengths[row], found.length[row], found.side[row]]
        theirs = peer.coef_[0].copy()
        theirs[:3] -= theirs[:3].mean()
        assert ours == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize(
    ("outcome", "rate"),
    [([1, 1, 0, 0], 0.5), ([0.5, 0.5, 0.5, 0.5], 0.5), ([1, 1, 1, 0], 0.75), ([1, 1, 0.5, 0.5], 0.75)],
)
def test_a_tie_is_half_a_win_for_each(outcome: list[float], rate: float) -> None:
    both_sides = compared(["a"] * 4 + ["b"] * 4, ["b"] * 4 + ["a"] * 4, [*outcome, *(1 - x for x in outcome)])
    assert fit_bradley_terry(both_sides, prior_sd=1000.0).win_rate("a", "b")[0] == pytest.approx(rate, abs=1e-4)


def test_the_side_is_told_from_the_captioner() -> None:
    """The left one wins four times in five, whoever stands there; a stands there more often."""
    left = ["a"] * 30 + ["b"] * 10
    found = fit_bradley_terry(compared(left, ["b"] * 30 + ["a"] * 10, [1, 1, 1, 1, 0] * 8))
    assert found.win_rate("a", "b")[0] == pytest.approx(0.5, abs=0.02)
    assert found.side[0] == pytest.approx(np.log(4), abs=0.1)


def test_length_is_told_from_the_captioner() -> None:
    """The longer one, twice as long, wins four times in five; a is the longer one more often, on either side."""
    left, right = ["a", "b"] * 40, ["b", "a"] * 40
    longer_wins = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0] * 8
    is_longer_left = [(name == "a") == (k < 60) for k, name in enumerate(left)]
    outcome = [float(wins == is_left) for wins, is_left in zip(longer_wins, is_longer_left, strict=True)]
    doublings = [1.0 if is_left else -1.0 for is_left in is_longer_left]
    assert fit_bradley_terry(compared(left, right, outcome)).win_rate("a", "b")[0] > 0.63
    found = fit_bradley_terry(compared(left, right, outcome, doublings))
    assert found.win_rate("a", "b")[0] == pytest.approx(0.5, abs=0.02)
    assert found.length[0] == pytest.approx(np.log(4), abs=0.1)


def test_a_captioner_that_always_won_is_not_infinitely_better() -> None:
    rates = [
        fit_bradley_terry(compared(["a", "b"] * n, ["b", "a"] * n, [1.0, 0.0] * n)).win_rate("a", "b")[0]
        for n in (1, 5, 50)
    ]
    assert 0.7 < rates[0] < rates[1] < rates[2] < 0.9999


def test_what_no_vote_tells_is_as_wide_as_the_prior() -> None:
    """Intervals come from such rows: without votes they say nothing, with many they say what was voted."""
    rows = 2000
    one_vote = compared(["a"], ["b"], [1.0])
    unknown = fit_bradley_terry(one_vote, np.zeros((rows, 1)), prior_sd=2.0, seed=0)
    difference = unknown.strengths[:, 0] - unknown.strengths[:, 1]
    assert difference.std() == pytest.approx(2 * np.sqrt(2), rel=0.05)
    many = compared(["a", "b"] * 20, ["b", "a"] * 20, [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0] * 5)
    known = fit_bradley_terry(many, np.full((rows, 40), 100.0), prior_sd=2.0, seed=0)
    assert known.win_rate("a", "b") == pytest.approx(np.full(rows, 0.75), abs=0.01)
    assert known.length.std() == pytest.approx(2.0, rel=0.05), "no two captions differ in length"
