"""Ready sample events: each with a name, a line about it, and what was shot there."""

from dataclasses import dataclass

from core.config import nearest
from core.errors import InputError

__all__ = ["SAMPLES", "SampleEvent", "find_sample"]


@dataclass(frozen=True, kw_only=True)
class SampleEvent:
    """What `write_sample_event` needs for it; the topics come in the order of the day.

    `cover` names the topics of which a small picture of the event shows one photo each.
    """

    name: str
    line: str
    seed: int
    photos: int
    topics: tuple[str, ...]
    cover: tuple[str, ...]


SAMPLES: tuple[SampleEvent, ...] = (
    SampleEvent(
        name="Freshers Night",
        line="Speeches, awards, a band, and a street lit by lamps.",
        seed=7,
        photos=48,
        topics=("speaker", "award", "group photo", "food", "audience", "stage", "night"),
        cover=("stage", "award", "night"),
    ),
    SampleEvent(
        name="Campus Day",
        line="Buildings, games, faces, and a shared lunch.",
        seed=11,
        photos=44,
        topics=("campus", "sports", "portrait", "food", "group photo", "landscape"),
        cover=("campus", "sports", "landscape"),
    ),
    SampleEvent(
        name="Annual Exhibition",
        line="Framed pictures, visitors, a talk, and the walk home.",
        seed=23,
        photos=40,
        topics=("speaker", "exhibition", "portrait", "award", "night"),
        cover=("exhibition", "portrait", "speaker"),
    ),
)


def find_sample(name: str) -> SampleEvent:
    """The sample event of this name, whatever its capitals.

    Raises:
        InputError: there is none; the message names the closest.
    """
    for sample in SAMPLES:
        if sample.name.casefold() == name.strip().casefold():
            return sample
    raise InputError(f"no sample event is called {name!r}; {nearest(name, [sample.name for sample in SAMPLES])}")
