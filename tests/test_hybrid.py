"""The hybrid rule: what decides between the model's caption and the template's, and why."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.captioners.hybrid import choose, template_mask
from core.settings import HybridSettings

UNIT = st.floats(-1, 1).map(lambda value: round(value, 3))


def rule(**changes: object) -> HybridSettings:
    values = {"model": "blip2", "clip_cosine": None, "silhouette": 0.15, "campaign": "template"} | changes
    return HybridSettings.model_validate(values)


@pytest.mark.parametrize(
    ("cosine", "silhouette", "campaign", "changes", "source", "reason"),
    [
        (0.25, 0.2, False, {}, "blip2", "it fits the photos (clip_cosine 0.250, at least 0.180 needed)"),
        (0.18, 0.15, False, {}, "blip2", "it fits the photos (clip_cosine 0.180, at least 0.180 needed)"),
        (
            0.123,
            0.2,
            False,
            {},
            "template",
            "does not fit the photos (clip_cosine 0.123, at least 0.180 needed)",
        ),
        (0.1799, 0.2, False, {}, "template", "clip_cosine 0.1799, at least 0.1800 needed"),
        (0.25, 0.2, False, {"clip_cosine": 0.3}, "template", "clip_cosine 0.250, at least 0.300 needed"),
        (-0.5, 0.2, False, {"clip_cosine": -1}, "blip2", "clip_cosine -0.500, at least -1.000 needed"),
        (0.25, 0.149, False, {}, "template", "too mixed to trust the model (silhouette 0.149, at least 0.150 needed)"),
        (0.1, 0.1, False, {}, "template", "too mixed"),
        (None, 0.1, False, {}, "template", "too mixed"),
        (0.25, None, False, {}, "blip2", "it fits the photos"),
        (0.25, -0.9, False, {"silhouette": None}, "blip2", "it fits the photos"),
        (None, 0.2, False, {}, "template", "the embedding model does not know such photos"),
        (0.9, 0.9, True, {}, "template", "the post is marked as campaign, and campaigns get the template"),
        (0.0, 0.0, True, {"campaign": "model"}, "blip2", "campaigns get the caption of blip2"),
        (None, None, True, {"campaign": "model", "model": "git"}, "git", "campaigns get the caption of git"),
    ],
)
def test_choice_and_reason(
    cosine: float | None,
    silhouette: float | None,
    campaign: bool,
    changes: dict[str, object],
    source: str,
    reason: str,
) -> None:
    settings = rule(**changes)
    choice = choose(
        clip_cosine=cosine, silhouette=silhouette, campaign=campaign, settings=settings, caption_threshold=0.18
    )
    assert choice.source == source
    assert reason in choice.reason


@given(
    cosines=st.lists(st.none() | UNIT, min_size=1, max_size=8),
    silhouette=st.none() | UNIT,
    least=UNIT,
    tight=st.none() | UNIT,
)
def test_the_rule_over_many_posts_is_the_same_rule(
    cosines: list[float | None], silhouette: float | None, least: float, tight: float | None
) -> None:
    settings = rule(clip_cosine=least, silhouette=tight)
    one_by_one = [
        choose(clip_cosine=c, silhouette=silhouette, campaign=False, settings=settings, caption_threshold=0).source
        for c in cosines
    ]
    known = np.array([np.nan if c is None else c for c in cosines])
    loose = np.full(len(cosines), np.nan if silhouette is None else silhouette)
    mask = template_mask(known, loose, clip_cosine=least, silhouette=tight)
    assert mask.tolist() == [source == "template" for source in one_by_one]
