"""Krippendorff's alpha against published examples."""

import pytest

from core.reviews.agreement import krippendorff_alpha

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section E: four observers, twelve units.
FOUR = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
# The same, section A: two observers, ten units, two values.
TWO = ["0100000010", "1110010000"]


def units(rows: list[str]) -> list[tuple[int, int]]:
    return [(unit, int(value)) for row in rows for unit, value in enumerate(row) if value != "."]


@pytest.mark.parametrize(
    ("rows", "level", "alpha"),
    [
        (FOUR, "nominal", 0.743),
        (FOUR, "ordinal", 0.815),
        (FOUR, "interval", 0.849),
        (TWO, "nominal", 0.095),
        (["0123", "0123"], "ordinal", 1.0),
    ],
)
def test_published_values(rows: list[str], level: str, alpha: float) -> None:
    found = krippendorff_alpha(units(rows), values=range(6), level=level, resamples=100)  # type: ignore[arg-type]
    assert found.alpha == pytest.approx(alpha, abs=0.0006)


def test_units_that_one_person_judged_do_not_count() -> None:
    found = krippendorff_alpha(units(FOUR), values=range(6), level="nominal", resamples=200, seed=3)
    assert found.units == 11, "the twelfth was judged once"
    assert found.interval is not None
    assert found.interval[0] < 0.743 < found.interval[1]
    assert found == krippendorff_alpha(units(FOUR), values=range(6), level="nominal", resamples=200, seed=3)


@pytest.mark.parametrize(
    ("rows", "count", "reading"),
    [
        ([], 0, "nothing was judged by two reviewers"),
        (["12.", "..3"], 0, "nothing was judged by two reviewers"),
        (["33", "33"], 2, "undefined: everybody said the same everywhere"),
    ],
)
def test_what_has_no_alpha_says_so(rows: list[str], count: int, reading: str) -> None:
    found = krippendorff_alpha(units(rows), values=range(6), level="ordinal")
    assert (found.alpha, found.interval, found.units, found.reading) == (None, None, count, reading)


@pytest.mark.parametrize(
    ("rows", "reading"),
    [(["0123", "0123"], "reliable"), (FOUR, "tentative conclusions only"), (TWO, "do not agree enough")],
)
def test_the_value_is_put_into_words(rows: list[str], reading: str) -> None:
    assert reading in krippendorff_alpha(units(rows), values=range(6), level="nominal", resamples=100).reading


def test_one_unit_has_no_interval() -> None:
    assert krippendorff_alpha([("a", 1), ("a", 2)], values=range(6), level="nominal").interval is None
