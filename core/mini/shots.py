"""From planned shots to JPEG files as a camera, or a program that edited them, leaves them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL.TiffImagePlugin import IFDRational

from core.mini.canvas import Image
from core.mini.edits import QUALITY, edit, spoil
from core.mini.exposure import exposure_of
from core.mini.plan import Shot
from core.mini.scenes import render

__all__ = ["write_shots"]

GPS_SHARE, ROTATED_SHARE = 0.25, 0.12
STORED_TURNS = {6: 1, 8: -1, 3: 2}  # EXIF orientation → quarter turns (anticlockwise) of the stored pixels
MAKE, MODEL, CHANGED, ORIENTATION, DETAILS, PLACE = 0x010F, 0x0110, 0x0132, 0x0112, 0x8769, 0x8825
TIME_S, APERTURE, SENSITIVITY, TAKEN, TAKEN_CENTIS, FOCAL_MM = 0x829A, 0x829D, 0x8827, 0x9003, 0x9291, 0x920A


def write_shots(folder: Path, shots: Sequence[Shot]) -> None:
    """Renders the shots of one scene and writes them; copies are made from the first."""
    original: Image | None = None
    for shot in shots:
        rng, quality = np.random.default_rng([shot.seed, 6]), QUALITY
        if shot.offset and original is not None:
            image, quality = edit(original, shot.edit, rng)
        else:
            image = original = render(shot.scene, moment=shot.moment, size=shot.size)
            if shot.fault:
                image = spoil(image, shot.fault, rng)
        _save(shot, image, quality, folder / shot.file, rng)


def _save(shot: Shot, image: Image, quality: int, path: Path, rng: np.random.Generator) -> None:
    light = exposure_of(shot.scene, fault=shot.fault)
    exif = Pillow.Exif()
    exif[MAKE], exif[MODEL] = shot.camera
    exif[CHANGED] = f"{shot.taken:%Y:%m:%d %H:%M:%S}"
    exif.get_ifd(DETAILS).update(
        {
            TIME_S: IFDRational(1, round(1 / light.time_s)),
            APERTURE: IFDRational(round(light.aperture * 10), 10),
            SENSITIVITY: light.iso,
            TAKEN: exif[CHANGED],
            TAKEN_CENTIS: f"{shot.taken.microsecond // 10000:02d}",
            FOCAL_MM: IFDRational(light.focal_mm, 1),
        }
    )
    if not shot.offset and rng.random() < GPS_SHARE:
        north, east = rng.uniform(0, 60, 2).round(1)
        exif.get_ifd(PLACE).update({1: "N", 2: (26.0, 11.0, float(north)), 3: "E", 4: (91.0, 41.0, float(east))})
    if not shot.offset and rng.random() < ROTATED_SHARE:
        exif[ORIENTATION] = tuple(STORED_TURNS)[rng.integers(len(STORED_TURNS))]
        image = np.ascontiguousarray(np.rot90(image, STORED_TURNS[exif[ORIENTATION]]))
    Pillow.fromarray(image).save(path, quality=quality, exif=exif)
