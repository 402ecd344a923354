"""The hybrid rule's thresholds, and their fit to posts of which the quality of both captions is known."""

from dataclasses import dataclass

import numpy as np

from core.captioners.hybrid import template_mask

__all__ = ["FEW_EVENTS", "JudgedPosts", "Thresholds", "fit_thresholds", "known_silhouettes"]

_NEVER, _ALWAYS = -1.0, 1.0  # thresholds under which no post falls, and all do
FEW_EVENTS = 3
"""Fewer silhouettes than this say nothing of silhouettes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """Of the hybrid rule, as in the settings."""

    clip_cosine: float
    silhouette: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedPosts:
    """Posts with the quality of both captions, a row each."""

    event: np.ndarray
    """Number of the event."""
    clip_cosine: np.ndarray
    silhouette: np.ndarray
    """Of the event; NaN where there is none."""
    template: np.ndarray
    """Quality of the template's caption."""
    model: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "JudgedPosts":
        return JudgedPosts(**{name: getattr(self, name)[rows] for name in self.__slots__})

    def __len__(self) -> int:
        return len(self.event)

    def mask(self, thresholds: Thresholds) -> np.ndarray:
        """Which posts get the template: bool (n,)."""
        return template_mask(
            self.clip_cosine, self.silhouette, clip_cosine=thresholds.clip_cosine, silhouette=thresholds.silhouette
        )

    def chosen(self, to_template: np.ndarray) -> np.ndarray:
        """Quality of the caption each post gets: float (n,)."""
        return np.where(to_template, self.template, self.model)


def fit_thresholds(posts: JudgedPosts, present: Thresholds) -> Thresholds:
    """The thresholds of the best mean quality; of equally good ones those nearest the present."""
    if not len(posts):
        return present
    silhouettes = [present.silhouette]
    if known_silhouettes(posts) >= FEW_EVENTS:
        silhouettes += [None, *_candidates(posts.silhouette)]
    cosines = np.array([present.clip_cosine, _NEVER, *_candidates(posts.clip_cosine)])
    gains = posts.template - posts.model
    tried: list[tuple[float, float, Thresholds]] = []
    for silhouette in silhouettes:
        masks = template_mask(
            posts.clip_cosine[:, None], posts.silhouette[:, None], clip_cosine=cosines, silhouette=silhouette
        )
        for cosine, gain in zip(cosines, gains @ masks, strict=True):
            thresholds = Thresholds(clip_cosine=float(cosine), silhouette=silhouette)
            tried.append((round(float(gain), 9), _distance(thresholds, present), thresholds))
    return max(tried, key=lambda found: (found[0], -found[1]))[2]


def known_silhouettes(posts: JudgedPosts) -> int:
    """How many events of these posts have a silhouette."""
    return len(np.unique(posts.event[~np.isnan(posts.silhouette)]))


def _candidates(values: np.ndarray) -> list[float]:
    """Between each two neighbouring values, and above all."""
    known = np.unique(values[~np.isnan(values)])
    return [*np.round((known[1:] + known[:-1]) / 2, 6).tolist(), _ALWAYS]


def _distance(one: Thresholds, other: Thresholds) -> float:
    a, b = (_NEVER if t.silhouette is None else t.silhouette for t in (one, other))
    return abs(one.clip_cosine - other.clip_cosine) + abs(a - b)
