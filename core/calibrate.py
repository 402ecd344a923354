"""Fit the hybrid rule's thresholds to what people said of captions, and report what they would have done."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.judgements import Judged, PostKey
from core.record import EventRecord, PostRecord
from core.settings import Family
from core.thresholds import FEW_EVENTS, JudgedPosts, Thresholds, fit_thresholds, known_silhouettes

__all__ = ["Calibration", "Interval", "Policy", "calibrate_hybrid"]

_FEW_POSTS = 30
_MANY_EVENTS = 5
"""From here on whole events are resampled: posts of one event are alike."""
_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A way of choosing, and what it would have given."""

    name: str
    quality: float
    """Mean over the posts."""
    to_template: int
    """Posts that get the template's caption."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """How much better the fitted thresholds are than the present ones, on posts they were not fitted to."""

    mean: float
    low: float
    high: float
    """95 % paired bootstrap interval (percentile, 2,000 resamples, seed 0)."""
    resampled: str
    """posts, or events."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """What was found."""

    model: str
    posts: int
    events: int
    present: Thresholds
    fitted: Thresholds
    policies: tuple[Policy, ...]
    gain: Interval
    notes: tuple[str, ...]
    """Sentences that must be read with the figures."""
    yaml: str
    """The fitted thresholds as settings."""


def calibrate_hybrid(records: dict[str, EventRecord], judged: Judged, model: Family) -> Calibration:
    """Fit the thresholds to judged posts.

    The present thresholds are those in the records' settings. The honest estimate leaves out one post at a time, or one
    event at a time where there are three, and fits to the others.

    Raises:
        InputError: no post is judged.
    """
    keys, notes = _usable(records, judged, model)
    posts = _table(records, keys, judged, model)
    present = _present(records, notes)
    fitted = fit_thresholds(posts, present)
    left_out = np.zeros(len(posts), dtype=bool)
    events = len(np.unique(posts.event))
    folds = posts.event if events >= FEW_EVENTS else np.arange(len(posts))
    for fold in np.unique(folds):
        held = folds == fold
        left_out[held] = posts[held].mask(fit_thresholds(posts[~held], present))
    every = np.ones(len(posts), dtype=bool)
    choices = {
        "always template": every,
        "always model": ~every,
        "present thresholds": posts.mask(present),
        "fitted thresholds, on the posts they were fitted to": posts.mask(fitted),
        f"fitted thresholds, leaving one {'event' if events >= FEW_EVENTS else 'post'} out": left_out,
        "the better caption of each post (no rule can do more)": posts.template > posts.model,
    }
    gain = _gain(posts, posts.chosen(left_out) - posts.chosen(posts.mask(present)), by_event=events >= _MANY_EVENTS)
    return Calibration(
        model=model,
        posts=len(posts),
        events=events,
        present=present,
        fitted=fitted,
        policies=tuple(
            Policy(name=name, quality=round(float(posts.chosen(mask).mean()), 6), to_template=int(mask.sum()))
            for name, mask in choices.items()
        ),
        gain=gain,
        notes=(*notes, *_warnings(posts, gain)),
        yaml=_yaml(model, fitted),
    )


def _usable(records: dict[str, EventRecord], judged: Judged, model: Family) -> tuple[list[PostKey], list[str]]:
    """The judged posts that the thresholds decide, and sentences on the others."""
    notes = list(judged.notes)
    written = {(name, post.post) for name, r in records.items() for post in r.posts if not _is_template(post, model)}
    stories = {name for name, record in records.items() if not record.event.campaign}
    keys = [key for key in judged.quality if key in written and key[0] in stories]
    campaign = sum(key[0] not in stories for key in judged.quality)
    if campaign:
        notes.append(f"Left out, as marked as campaign, which decides without thresholds: {campaign}.")
    if len(keys) + campaign < len(judged.quality):
        notes.append(f"Left out, since {model} wrote nothing for them: {len(judged.quality) - len(keys) - campaign}.")
    if not keys:
        raise InputError(f"no post can be judged: none has a quality for both template and {model}. " + " ".join(notes))
    return keys, notes


def _is_template(post: PostRecord, model: Family) -> bool:
    """Whether the model wrote nothing, so that the template stands in its place."""
    return post.captions[model].source == "template"


def _table(records: dict[str, EventRecord], keys: Sequence[PostKey], judged: Judged, model: Family) -> JudgedPosts:
    names = list(records)
    captions = {(name, post.post): post.captions for name, record in records.items() for post in record.posts}
    loose = {name: _silhouette(record) for name, record in records.items()}
    quality = np.array([judged.quality[key] for key in keys])
    return JudgedPosts(
        event=np.array([names.index(name) for name, _ in keys]),
        clip_cosine=np.array([captions[key][model].clip_cosine for key in keys], dtype=float),
        silhouette=np.array([loose[name] for name, _ in keys], dtype=float),
        template=quality[:, 0],
        model=quality[:, 1],
    )


def _silhouette(record: EventRecord) -> float:
    found = next((stage.measures.get("silhouette") for stage in record.stages if stage.stage == "cluster"), None)
    return np.nan if found is None else float(found)


def _present(records: dict[str, EventRecord], notes: list[str]) -> Thresholds:
    """The thresholds in the records' settings; of different ones the first record's, with a note."""
    found = []
    for record in records.values():
        hybrid = record.config.get("captioner", {}).get("hybrid")
        if hybrid is None:
            raise InputError(f"the record of {record.event.name!r} has no hybrid settings; caption the event again")
        cosine = hybrid["clip_cosine"]
        found.append(
            Thresholds(
                clip_cosine=record.model.caption_threshold if cosine is None else cosine,
                silhouette=hybrid["silhouette"],
            )
        )
    if len(set(found)) > 1:
        notes.append(f"The records' thresholds differ; the first record's are taken as the present ones: {found[0]}.")
    return found[0]


def _gain(posts: JudgedPosts, differences: np.ndarray, *, by_event: bool) -> Interval:
    units = np.unique(posts.event, return_inverse=True)[1] if by_event else np.arange(len(posts))
    totals, sizes = np.bincount(units, weights=differences), np.bincount(units)
    drawn = np.random.default_rng(0).integers(len(sizes), size=(_RESAMPLES, len(sizes)))
    means = totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(
        mean=round(float(differences.mean()), 6),
        low=round(float(low), 6),
        high=round(float(high), 6),
        resampled="events" if by_event else "posts",
    )


def _warnings(posts: JudgedPosts, gain: Interval) -> list[str]:
    warnings = []
    if gain.low <= 0 <= gain.high:
        warnings.append("No difference shown between the fitted and the present thresholds: the interval holds 0.")
    else:
        warnings.append(f"The fitted thresholds are {'better' if gain.low > 0 else 'worse'} than the present ones.")
    if len(posts) < _FEW_POSTS:
        warnings.append(f"{len(posts)} posts: too few posts to rely on (fewer than {_FEW_POSTS}).")
    if known_silhouettes(posts) < FEW_EVENTS:
        known = known_silhouettes(posts)
        warnings.append(f"The silhouette threshold is kept: fewer than {FEW_EVENTS} events have one ({known}).")
    return warnings


def _yaml(model: str, fitted: Thresholds) -> str:
    silhouette = "null" if fitted.silhouette is None else f"{fitted.silhouette:.6g}"
    return f"captioner: {{hybrid: {{model: {model}, clip_cosine: {fitted.clip_cosine:.6g}, silhouette: {silhouette}}}}}"
