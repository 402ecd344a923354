"""Fitting the hybrid rule's thresholds: by hand, and against every threshold of a grid."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from core.captioners.hybrid import choose
from core.settings import HybridSettings
from core.thresholds import JudgedPosts, Thresholds, fit_thresholds


def rows(cosines: list[float], silhouettes: list[float], gains: list[float], event: list[int]) -> JudgedPosts:
    return JudgedPosts(
        event=np.array(event),
        clip_cosine=np.array(cosines),
        silhouette=np.array(silhouettes),
        template=np.array(gains),
        model=np.zeros(len(gains)),
    )


@pytest.mark.parametrize(
    ("cosines", "gains", "present", "expected"),
    [
        ([0.1, 0.2, 0.3], [1, 1, -1], 0.18, 0.25),  # between the last gain and the first loss
        ([0.1, 0.2, 0.3], [1, -1, -1], 0.18, 0.18),  # as good as any: the present one stays
        ([0.1, 0.2, 0.3], [0, 0, 0], 0.18, 0.18),
        ([0.1, 0.2, 0.3], [1, 1, 1], 0.18, 1.0),  # always
        ([0.1, 0.2, 0.3], [-1, -1, -1], 0.18, -1.0),  # never
        ([0.1, 0.1, 0.3], [1, -2, 1], 0.05, 0.05),
        ([], [], 0.18, 0.18),
    ],
)
def test_fit_of_the_cosine(cosines: list[float], gains: list[float], present: float, expected: float) -> None:
    posts = rows(cosines, [0.3] * len(cosines), gains, [0] * len(cosines))
    assert fit_thresholds(posts, Thresholds(clip_cosine=present, silhouette=0.15)) == Thresholds(
        clip_cosine=expected, silhouette=0.15
    )


def test_fit_of_the_silhouette_needs_three_events() -> None:
    present = Thresholds(clip_cosine=-1, silhouette=None)
    posts = rows([0.3, 0.3, 0.3], [0.1, 0.2, 0.4], [1, 1, -1], [0, 1, 2])
    assert fit_thresholds(posts, present) == Thresholds(clip_cosine=-1, silhouette=0.3)
    unknown = rows([0.3, 0.3, 0.3], [0.1, 0.2, np.nan], [1, 1, -1], [0, 1, 2])
    assert fit_thresholds(unknown, present).silhouette is None


def quality_under(posts: JudgedPosts, thresholds: Thresholds) -> float:
    """One post at a time, by the rule that captions are chosen with."""
    settings = HybridSettings(model="blip2", campaign="template", **vars_of(thresholds))
    total = 0.0
    for i in range(len(posts)):
        choice = choose(
            clip_cosine=float(posts.clip_cosine[i]),
            silhouette=float(posts.silhouette[i]),
            campaign=False,
            settings=settings,
            caption_threshold=0,
        )
        total += float((posts.template if choice.source == "template" else posts.model)[i])
    return total


def vars_of(thresholds: Thresholds) -> dict[str, Any]:
    return {"clip_cosine": thresholds.clip_cosine, "silhouette": thresholds.silhouette}


@given(
    st.lists(
        st.tuples(st.integers(-9, 9), st.integers(0, 3), st.integers(-3, 3)).map(
            lambda t: (t[0] / 10, (0.05, 0.1, 0.2, 0.4)[t[1]], t[2], t[1])
        ),
        min_size=1,
        max_size=8,
    )
)
@tries(max_examples=60, deadline=None)
def test_no_thresholds_on_a_grid_do_better_than_the_fitted(cases: list[tuple[float, float, int, int]]) -> None:
    cosines, silhouettes, gains, event = map(list, zip(*cases, strict=True))
    posts = rows(cosines, silhouettes, gains, event)
    present = Thresholds(clip_cosine=0.18, silhouette=0.15)
    fitted = quality_under(posts, fit_thresholds(posts, present))
    grid = [n / 20 - 1.01 for n in range(43)]
    tried = grid if len(set(event)) >= 3 else [0.15]
    for cosine, silhouette in itertools.product(grid, tried):
        bounded = Thresholds(clip_cosine=min(max(cosine, -1), 1), silhouette=min(max(silhouette, -1), 1))
        assert quality_under(posts, bounded) <= fitted + 1e-9
