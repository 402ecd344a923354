"""Intervals and tests: against scipy's, against enumeration by hand, and how often they are right."""

import numpy as np
import pytest
from scipy import stats

from core.metrics.statistics import (
    ItemStatistics,
    bootstrap_intervals,
    paired_bootstrap,
    paired_permutation,
    rate_interval,
    resample_weights,
)


def normal(seed: int, n: int = 200, mean: float = 0.0) -> ItemStatistics:
    return ItemStatistics.mean(np.random.default_rng(seed).normal(mean, 1, n))


def test_each_resample_draws_n_items() -> None:
    drawn = np.concatenate([*resample_weights(7, resamples=50, seed=0)])
    assert drawn.shape == (50, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(7), abs=0.4)


def test_chunks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate([*resample_weights(7, resamples=50, seed=0)])
    monkeypatch.setattr("core.metrics.statistics._CHUNK_CELLS", 21)
    assert (np.concatenate([*resample_weights(7, resamples=50, seed=0)]) == whole).all()


def test_interval_of_a_mean_is_that_of_theory() -> None:
    values = normal(1)
    (interval,) = bootstrap_intervals([values], resamples=4000)
    column = values.rows[:, 0]
    expected = stats.norm.interval(0.95, loc=column.mean(), scale=column.std() / np.sqrt(len(column)))
    assert interval == pytest.approx(expected, abs=0.01)


def test_a_ratio_of_sums_is_resampled_as_one() -> None:
    rows = np.array([[1.0, 10.0], [5.0, 10.0], [30.0, 80.0]])
    ratio = ItemStatistics(rows=rows, combine=lambda sums: sums[..., 0] / sums[..., 1])
    assert ratio.value == pytest.approx(0.36)
    (interval,) = bootstrap_intervals([ratio], resamples=500)
    assert interval is not None
    assert 0.1 <= interval[0] < interval[1] <= 0.5


def test_items_without_a_value_are_not_counted() -> None:
    with_gaps = ItemStatistics.mean([1.0, np.nan, 3.0])
    assert with_gaps.value == 2
    assert bootstrap_intervals([with_gaps], resamples=300) == [(1.0, 3.0)]


def test_ninety_five_percent_of_intervals_hold_the_truth() -> None:
    pairs = [(normal(2 * i, 60), normal(2 * i + 1, 60, 0.3)) for i in range(150)]
    intervals = [paired_bootstrap(a, b, resamples=300, seed=i) for i, (a, b) in enumerate(pairs)]
    assert 0.88 <= np.mean([low <= 0.3 <= high for low, high in filter(None, intervals)]) <= 0.99


def test_permutation_is_that_of_scipy() -> None:
    a, b = normal(3, 40), normal(4, 40, 0.4)
    theirs = stats.permutation_test(
        (a.rows[:, 0], b.rows[:, 0]),
        lambda x, y, axis: np.mean(y - x, axis=axis),
        permutation_type="samples",
        n_resamples=4000,
        rng=np.random.default_rng(0),
    )
    assert paired_permutation(a, b, permutations=4000) == pytest.approx(theirs.pvalue, abs=0.02)


def test_permutation_counts_ties_and_is_never_zero() -> None:
    # Three pairs that differ by 1 each: of the 8 ways to swap, 2 are as extreme.
    a, b = ItemStatistics.mean([0.0, 0, 0]), ItemStatistics.mean([1.0, 1, 1])
    assert paired_permutation(a, b, permutations=4000) == pytest.approx(0.25, abs=0.02)
    assert paired_permutation(a, a) == 1
    far = ItemStatistics.mean(np.ones(60))
    assert paired_permutation(ItemStatistics.mean(np.zeros(60)), far, permutations=99) == pytest.approx(0.01)


def test_where_nothing_differs_few_tests_say_that_something_does() -> None:
    p_values = [
        paired_permutation(normal(2 * i, 30), normal(2 * i + 1, 30), permutations=200, seed=i) for i in range(150)
    ]
    assert np.mean(np.array(p_values) < 0.05) <= 0.11


def test_rate_interval_is_wilsons() -> None:
    # (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n) for 3 of 10
    assert rate_interval([1, 1, 1, *[0] * 7]) == pytest.approx((0.107791, 0.603222), abs=1e-6)
    assert rate_interval([1]) is None


def test_too_few_items_and_unequal_items() -> None:
    one, two = ItemStatistics.mean([1.0]), ItemStatistics.mean([1.0, 2.0])
    assert bootstrap_intervals([one]) == [None]
    assert bootstrap_intervals([]) == []
    assert paired_bootstrap(one, one) is None
    with pytest.raises(ValueError, match="a paired test needs the same items"):
        paired_permutation(one, two)
    with pytest.raises(ValueError, match="a level between 0 and 1, got 10 and 95"):
        bootstrap_intervals([two], resamples=10, level=95)
