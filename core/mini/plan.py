"""What a camera will hold, drawn before anything is rendered: cheap, and the same however the work is shared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from core.mini.canvas import Image
from core.mini.edits import EDITS, FAULTS
from core.mini.scenes import TOPICS, Scene, render, sample_scene

__all__ = ["CAMERAS", "Shot", "plan_event"]

START = datetime(2026, 3, 14, 10, 0, 0)
CAMERAS = (("ClubCam", "C-100"), ("ClubCam", "C-200"), ("Lumora", "P7"))
SIZES = ((800, 600), (800, 600), (800, 534))
BURST_SHARE, FAULT_SHARE, COPY_SHARE, SECOND_COPY_SHARE = 0.05, 0.05, 0.36, 0.35
RENAMED_SHARE = 0.1  # of the copies: programs that edit photos put a word into the name
RENAMED = ("_edit", "_édité", "-copy (2)")
# Where people move their limbs. A face or a plate that shifts as a whole is, to a person, the same photo again.
LIVELY = frozenset({"stage", "speaker", "award", "audience", "group photo", "night", "sports"})
LEAST_MOVED = 0.02  # of the picture, between two frames of a burst; with less a person would call it the same photo
MOTION_SCALE = 4  # frames of a burst are compared this much smaller
FIRST_NUMBER = 4100


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """One photo to be rendered; `offset` counts back to the photo that it copies, 0 for an original."""

    file: str
    scene: Scene
    size: tuple[int, int]
    camera: tuple[str, str]
    taken: datetime
    seed: int
    moment: int = 0
    edit: str = "original"
    offset: int = 0
    burst: str = ""
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class _Idea:
    """A shot before it has a number; `gap` in seconds since the one before."""

    gap: float
    moment: int = 0
    edit: str = "original"
    offset: int = 0
    burst: str = ""
    fault: str = ""


def plan_event(photos: int, seed: int, topics: Sequence[str] | None = None) -> Iterator[tuple[Shot, ...]]:
    """The shots of an event, in the order they are taken, those of one scene together.

    `topics` come one after another; without them five to seven (fewer in small events) are drawn.
    """
    rng = np.random.default_rng([seed, FIRST_NUMBER])
    camera = CAMERAS[rng.integers(len(CAMERAS))]
    size = SIZES[rng.integers(len(SIZES))]
    time = START + timedelta(days=int(rng.integers(200)))
    drawn = rng.permutation(list(TOPICS))[: int(rng.integers(5, 8))].tolist()
    chosen = list(topics or drawn)[: max(1, photos // 3)]
    digits = 4 if photos < 5900 else 6
    done = 0
    for scene, ideas in _scenes(photos, chosen, size, rng):
        shots = []
        for idea in ideas:
            time += timedelta(seconds=idea.gap)
            extra = RENAMED[rng.integers(len(RENAMED))] if idea.offset and rng.random() < RENAMED_SHARE else ""
            shots.append(
                Shot(
                    file=f"IMG_{FIRST_NUMBER + done:0{digits}d}{extra}.jpg",
                    scene=scene,
                    size=size,
                    camera=camera,
                    taken=time,
                    seed=int(rng.integers(2**31)),
                    moment=idea.moment,
                    edit=idea.edit,
                    offset=idea.offset,
                    burst=idea.burst,
                    fault=idea.fault,
                )
            )
            done += 1
        yield tuple(shots)


def _scenes(
    photos: int, topics: Sequence[str], size: tuple[int, int], rng: np.random.Generator
) -> Iterator[tuple[Scene, list[_Idea]]]:
    """Topic by topic, scenes and what is shot of each: alone, with copies, in a burst, or badly."""
    shares = np.cumsum(rng.uniform(0.8, 1.2, len(topics)))
    ends = np.round(np.round(shares / shares[-1], 6) * photos).astype(int)
    done, bursts = 0, 0
    for topic, end in zip(topics, ends.tolist(), strict=True):
        told: set[str] = set()
        while done < end:
            scene = _unlike(rng, topic, told)
            wish = rng.random()
            if wish < BURST_SHARE and topic in LIVELY and end - done >= 2:
                bursts += 1
                ideas = _burst(scene, size, f"b{bursts:03d}", rng)
            elif wish < BURST_SHARE + FAULT_SHARE:
                ideas = [_Idea(fault=FAULTS[rng.integers(len(FAULTS))], gap=rng.uniform(15, 90))]
            else:
                ideas = _with_copies(rng)
            ideas = ideas[: end - done]
            if len(ideas) == 1:
                ideas = [replace(ideas[0], burst="")]
            done += len(ideas)
            yield scene, ideas


def _unlike(rng: np.random.Generator, topic: str, told: set[str]) -> Scene:
    """A scene whose caption has not been used, if a few tries find one."""
    for _ in range(12):
        scene = sample_scene(rng, topic)
        if scene.caption not in told:
            break
    told.add(scene.caption)
    return scene


def _burst(scene: Scene, size: tuple[int, int], name: str, rng: np.random.Generator) -> list[_Idea]:
    """Frames of one scene in which something clearly moved; fewer where little can move, at least one."""
    small = (size[0] // MOTION_SCALE, size[1] // MOTION_SCALE)
    wanted, frames = int(rng.integers(2, 5)), {0: render(scene, size=small)}
    for moment in range(1, 3 * wanted):
        if len(frames) < wanted:
            frame = render(scene, moment=moment, size=small)
            if all(_moved(frame, other) >= LEAST_MOVED for other in frames.values()):
                frames[moment] = frame
    return [
        _Idea(moment=moment, burst=name, gap=rng.uniform(0.3, 1.0) if moment else rng.uniform(15, 90))
        for moment in frames
    ]


def _moved(one: Image, other: Image) -> float:
    """Share of the picture that differs plainly between two frames, 0 to 1."""
    change = np.abs(one.astype(np.int16) - other).max(axis=2)
    return float((change > 30).mean())


def _with_copies(rng: np.random.Generator) -> list[_Idea]:
    ideas = [_Idea(gap=rng.uniform(15, 90))]
    if rng.random() < COPY_SHARE:
        count = 2 if rng.random() < SECOND_COPY_SHARE else 1
        for offset, kind in enumerate(rng.permutation(EDITS)[:count], start=1):
            ideas.append(_Idea(edit=str(kind), offset=offset, gap=rng.uniform(0.4, 3)))
    return ideas
