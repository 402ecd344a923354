"""The hybrid rule: the model's caption, unless something speaks for the template. Pure policy, no text."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.settings import Family, HybridSettings

__all__ = ["Choice", "choose", "template_mask"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Whose caption a post gets, and why."""

    source: Literal["template"] | Family
    reason: str
    """In words, with the numbers that decided."""


def choose(
    *,
    clip_cosine: float | None,
    silhouette: float | None,
    campaign: bool,
    settings: HybridSettings,
    caption_threshold: float,
) -> Choice:
    """Choose between the model's caption of a post and the template's.

    Args:
        clip_cosine: of the model's caption and the post's photos; None where the embedding model cannot judge them.
        silhouette: of the event's clusters; None where there is none (one cluster), which is not loose.
        campaign: whether the post is an announcement; this mark decides alone.
        caption_threshold: the embedding model's, for a `clip_cosine` that is null in the settings.
    """
    model = settings.model
    if campaign:
        source: Literal["template"] | Family = "template" if settings.campaign == "template" else model
        return Choice(source=source, reason=f"the post is marked as campaign, and campaigns get the {_of(source)}")
    least = caption_threshold if settings.clip_cosine is None else settings.clip_cosine
    if silhouette is not None and settings.silhouette is not None and _loose(silhouette, settings.silhouette):
        why = _pair("silhouette", silhouette, settings.silhouette)
        reason = f"the event's photos are too mixed to trust the model ({why})"
        return Choice(source="template", reason=reason)
    if clip_cosine is None:
        reason = f"the embedding model does not know such photos, so nothing shows that {model}'s caption fits them"
        return Choice(source="template", reason=reason)
    if _unfit(clip_cosine, least):
        reason = f"{model}'s caption does not fit the photos ({_pair('clip_cosine', clip_cosine, least)})"
        return Choice(source="template", reason=reason)
    return Choice(
        source=model,
        reason=f"it fits the photos ({_pair('clip_cosine', clip_cosine, least)})",
    )


def template_mask(
    clip_cosines: np.ndarray, silhouettes: np.ndarray, *, clip_cosine: Any, silhouette: float | None
) -> np.ndarray:
    """The same rule for many posts, none of them campaign: bool, True where the template is taken.

    Args:
        clip_cosines: float, NaN where the embedding model cannot judge.
        silhouettes: of each post's event, NaN where there is none; broadcast against the others.
        clip_cosine: the threshold, or an array of thresholds to try.
        silhouette: the threshold; None does not look at it.
    """
    loose = np.zeros_like(silhouettes, dtype=bool) if silhouette is None else _loose(silhouettes, silhouette)
    return np.asarray(loose | _unfit(clip_cosines, clip_cosine) | np.isnan(clip_cosines))


def _loose(silhouette: Any, least: float) -> Any:
    return silhouette < least


def _unfit(clip_cosine: Any, least: Any) -> Any:
    return clip_cosine < least


def _of(source: str) -> str:
    return "template" if source == "template" else f"caption of {source}"


def _pair(name: str, value: float, threshold: float) -> str:
    """Both numbers, with as many digits as it takes to tell them apart, three at least."""
    digits = next((d for d in range(3, 12) if value == threshold or f"{value:.{d}f}" != f"{threshold:.{d}f}"), 12)
    return f"{name} {value:.{digits}f}, at least {threshold:.{digits}f} needed"
