"""A post: its photos in order, labels, captions, hashtags and alt texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.categorize import LabelScore

__all__ = [
    "Caption",
    "EventDetails",
    "Post",
    "Variant",
    "alt_text",
    "choose_hashtags",
    "join_words",
    "post_labels",
    "publishable_text",
]

_LABEL_SHARE = 1 / 3
"""A label belongs to a post when at least this share of its photos has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventDetails:
    """What the editor says about the event."""

    name: str
    date: str | None = None
    """As it should be read, e.g. `14 February 2026`; never taken from the photos' metadata."""
    place: str | None = None
    campaign: bool = False
    """An announcement rather than a story: the hybrid captioner then takes the template."""

    def __post_init__(self) -> None:
        for name in ("name", "date", "place"):  # a line break would tear captions and alt texts apart
            value = getattr(self, name)
            object.__setattr__(self, name, " ".join(value.split()) or None if value else value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One wording of a caption, polished, and how well it fits the photos."""

    text: str
    clip_cosine: float | None = None
    """Mean raw CLIP cosine of the text with the post's photos, -1..1; None where the model cannot judge."""
    clipscore: float | None = None
    """Mean of 2.5 * max(cosine, 0) with the prefix "A photo depicts" (Hessel et al. 2021)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caption(Variant):
    """One captioner's text for a post, without hashtags."""

    hashtags: tuple[str, ...] = ()
    """That are published with it."""
    source: str | None = None
    """The captioner whose text it is, where that may differ: the hybrid's choice, or the template as a last resort."""
    reason: str | None = None
    """Why that one, in a sentence."""
    variants: tuple[Variant, ...] = ()
    """All wordings, the best first, where several were asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """One post."""

    photos: tuple[int, ...]
    """Indices of the photos, the leading one first."""
    cluster: int
    labels: tuple[str, ...] = ()
    captions: Mapping[str, Caption] = field(default_factory=dict)
    """Captions by captioner, the one that is published first."""
    alt_texts: tuple[str, ...] = ()
    """For each photo, in the order of `photos`."""

    @property
    def published(self) -> Caption | None:
        """The caption that is published."""
        return next(iter(self.captions.values()), None)

    @property
    def hashtags(self) -> tuple[str, ...]:
        """That are published."""
        return self.published.hashtags if self.published is not None else ()


def post_labels(given: Sequence[Sequence[LabelScore]], *, topk: int) -> tuple[str, ...]:
    """The labels of a post from those of its photos: shared by a third of them, the most frequent first."""
    votes: dict[str, list[float]] = {}
    for labels in given:
        for scored in labels:
            votes.setdefault(scored.label, []).append(scored.score)
    enough = {label: scores for label, scores in votes.items() if len(scores) >= _LABEL_SHARE * len(given)}
    best_first = sorted(enough, key=lambda label: (-len(enough[label]), -round(sum(enough[label]), 3), label))
    return tuple(best_first[:topk])


def choose_hashtags(
    labels: Sequence[str], *, base: Sequence[str], by_label: Mapping[str, Sequence[str]], most: int
) -> tuple[str, ...]:
    """The club's hashtags and those of the labels, without repeats (in any capitals), at most `most`."""
    wanted = [*base, *(tag for label in labels for tag in by_label.get(label, ()))]
    unique = {tag.casefold(): tag for tag in reversed(wanted)}
    in_order = [unique[key] for key in dict.fromkeys(tag.casefold() for tag in wanted)]
    return tuple(in_order[:most])


def publishable_text(caption: str, hashtags: Sequence[str]) -> str:
    """The caption followed by the hashtags, as it is published."""
    return "\n\n".join(part for part in (caption, " ".join(hashtags)) if part)


def alt_text(event: EventDetails, labels: Sequence[str], *, number: int, of: int) -> str:
    """Plain words for someone who cannot see the photo; says no more than is known."""
    subject = f"Photo {number} of {of} from {event.name}" if of > 1 else f"Photo from {event.name}"
    return f"{subject}: {join_words(labels)}." if labels else f"{subject}."


def join_words(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
