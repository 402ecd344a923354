"""A whole event, written as a camera leaves it, with the truth beside it."""

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from core.mini.canvas import Image
from core.mini.edits import EDITS, FAULTS, QUALITY, edit, spoil
from core.mini.scenes import TOPICS, Scene, render, sample_scene

START = datetime(2026, 3, 14, 10, 0, 0)
CAMERAS = (("ClubCam", "C-100"), ("ClubCam", "C-200"), ("Lumora", "P7"))
SIZES = ((800, 600), (800, 600), (800, 534))
BURST_SHARE, FAULT_SHARE, COPY_SHARE, SECOND_COPY_SHARE = 0.05, 0.05, 0.36, 0.35
GPS_SHARE, ROTATED_SHARE = 0.25, 0.12
# Where people move their limbs. A face or a plate that shifts as a whole is, to a person, the same photo again.
LIVELY = frozenset({"stage", "speaker", "award", "audience", "group photo", "night", "sports"})
LEAST_MOVED = 0.02  # of the picture, between two frames of a burst; with less a person would call it the same photo
STORED_TURNS = {6: 1, 8: -1, 3: 2}  # EXIF orientation → quarter turns (anticlockwise) of the stored pixels


@dataclass(frozen=True, kw_only=True)
class TruthRow:
    """What is known of one photo; `duplicate_of` is a file name or empty, so are `burst` and `fault`."""

    file: str
    topic: str
    labels: tuple[str, ...]
    duplicate_of: str
    edit: str
    caption: str
    burst: str
    fault: str


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One photo before it is written; `offset` counts back to the photo that it copies, 0 for an original."""

    scene: Scene
    image: Image
    quality: int = QUALITY
    edit: str = "original"
    offset: int = 0
    burst: str = ""
    fault: str = ""
    gap: float


def write_sample_event(folder: Path, *, photos: int, seed: int) -> list[TruthRow]:
    """Writes `photos` JPEGs and truth.csv into the folder; one photo is held in memory at a time."""
    if photos < 1:
        raise ValueError(f"expected at least one photo, got {photos}")
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, 4100])
    camera = CAMERAS[rng.integers(len(CAMERAS))]
    digits = 4 if photos < 5900 else 6
    time = START + timedelta(days=int(rng.integers(200)))
    rows: list[TruthRow] = []
    for index, shot in enumerate(shots(photos, rng)):
        time += timedelta(seconds=shot.gap)
        name = f"IMG_{4100 + index:0{digits}d}.jpg"
        _save(shot, folder / name, time, camera, rng)
        rows.append(
            TruthRow(
                file=name,
                topic=shot.scene.topic,
                labels=shot.scene.labels,
                duplicate_of=rows[index - shot.offset].file if shot.offset else "",
                edit=shot.edit,
                caption=shot.scene.caption,
                burst=shot.burst,
                fault=shot.fault,
            )
        )
    write_truth(folder / "truth.csv", rows)
    return rows


def write_truth(path: Path, rows: list[TruthRow]) -> None:
    """Writes the truth as CSV, labels joined by semicolons."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(TruthRow)])
        writer.writeheader()
        writer.writerows(asdict(row) | {"labels": ";".join(row.labels)} for row in rows)


def shots(photos: int, rng: np.random.Generator) -> Iterator[Shot]:
    """The photos of an event one after another: topic by topic, with copies, bursts and faulty shots."""
    topics = rng.permutation(list(TOPICS))[: min(int(rng.integers(5, 8)), max(1, photos // 3))]
    size = SIZES[rng.integers(len(SIZES))]
    ends = np.round(np.cumsum(rng.uniform(0.8, 1.2, len(topics))), 6)
    ends = np.round(ends / ends[-1] * photos).astype(int)
    done, bursts = 0, 0
    for topic, end in zip(topics, ends.tolist(), strict=True):
        told: set[str] = set()
        while done < end:
            scene = _unlike(rng, str(topic), told)
            wish = rng.random()
            if wish < BURST_SHARE and topic in LIVELY and end - done >= 2:
                bursts += 1
                made = _burst(scene, size, f"b{bursts:03d}", rng)
            elif wish < BURST_SHARE + FAULT_SHARE:
                made = _faulty(scene, size, rng)
            else:
                made = _with_copies(scene, size, rng)
            for shot in made:
                if done == end:
                    break
                yield shot
                done += 1


def _unlike(rng: np.random.Generator, topic: str, told: set[str]) -> Scene:
    """A scene whose caption has not been used, if a few tries find one."""
    for _ in range(12):
        scene = sample_scene(rng, topic)
        if scene.caption not in told:
            break
    told.add(scene.caption)
    return scene


def _burst(scene: Scene, size: tuple[int, int], name: str, rng: np.random.Generator) -> Iterator[Shot]:
    """Frames of one scene in which something clearly moved; fewer where little can move, at least one."""
    wanted, frames = int(rng.integers(2, 5)), [render(scene, size=size)]
    for moment in range(1, 3 * wanted):
        if len(frames) < wanted:
            frame = render(scene, moment=moment, size=size)
            if all(_moved(frame, other) >= LEAST_MOVED for other in frames):
                frames.append(frame)
    for position, frame in enumerate(frames):
        gap = rng.uniform(0.3, 1.0) if position else rng.uniform(15, 90)
        yield Shot(scene=scene, image=frame, burst=name if len(frames) > 1 else "", gap=gap)


def _moved(one: Image, other: Image) -> float:
    """Share of the picture that differs plainly between two frames, 0 to 1."""
    change = np.abs(one.astype(np.int16) - other).max(axis=2)
    return float((change > 30).mean())


def _faulty(scene: Scene, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Shot]:
    fault = FAULTS[rng.integers(len(FAULTS))]
    yield Shot(scene=scene, image=spoil(render(scene, size=size), fault, rng), fault=fault, gap=rng.uniform(15, 90))


def _with_copies(scene: Scene, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Shot]:
    image = render(scene, size=size)
    yield Shot(scene=scene, image=image, gap=rng.uniform(15, 90))
    if rng.random() < COPY_SHARE:
        count = 2 if rng.random() < SECOND_COPY_SHARE else 1
        for offset, kind in enumerate(rng.permutation(EDITS)[:count], start=1):
            copy, quality = edit(image, str(kind), rng)
            yield Shot(
                scene=scene,
                image=copy,
                quality=quality,
                edit=str(kind),
                offset=offset,
                gap=rng.uniform(0.4, 3),
            )


def _save(shot: Shot, path: Path, time: datetime, camera: tuple[str, str], rng: np.random.Generator) -> None:
    exif, image = Pillow.Exif(), shot.image
    exif[0x010F], exif[0x0110] = camera
    exif[0x0132] = f"{time:%Y:%m:%d %H:%M:%S}"
    exif.get_ifd(0x8769).update({0x9003: exif[0x0132], 0x9291: f"{time.microsecond // 10000:02d}"})
    if shot.offset == 0 and rng.random() < GPS_SHARE:
        north, east = rng.uniform(0, 60, 2).round(1)
        exif.get_ifd(0x8825).update({1: "N", 2: (26.0, 11.0, float(north)), 3: "E", 4: (91.0, 41.0, float(east))})
    if shot.offset == 0 and rng.random() < ROTATED_SHARE:
        orientation = tuple(STORED_TURNS)[rng.integers(len(STORED_TURNS))]
        exif[0x0112] = orientation
        image = np.ascontiguousarray(np.rot90(image, STORED_TURNS[orientation]))
    Pillow.fromarray(image).save(path, quality=shot.quality, exif=exif)
