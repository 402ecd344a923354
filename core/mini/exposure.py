"""What the camera was set to: values that fit the light of a scene, as a camera writes them into a photo."""

from dataclasses import dataclass

import numpy as np

from core.mini.scenes import Scene

__all__ = ["Exposure", "exposure_of"]

ISO = (100, 200, 400, 800, 1600, 3200, 6400, 12800)
# Topic → lowest and highest ISO, seconds are 1 / (low..high), aperture, focal lengths in mm.
LIGHT: dict[str, tuple[tuple[int, int], tuple[int, int], tuple[float, ...], tuple[int, ...]]] = {
    "stage": ((1600, 6400), (125, 320), (1.8, 2.8), (50, 85, 135)),
    "speaker": ((800, 3200), (125, 250), (2.8, 4.0), (50, 85, 135)),
    "award": ((800, 3200), (125, 250), (2.8, 4.0), (35, 50)),
    "audience": ((1600, 6400), (60, 160), (2.0, 2.8), (24, 35)),
    "portrait": ((100, 800), (160, 500), (1.4, 1.8, 2.0), (50, 85)),
    "group photo": ((100, 800), (125, 320), (5.6, 8.0), (28, 35)),
    "food": ((400, 1600), (80, 160), (2.8, 4.0), (35, 50)),
    "night": ((1600, 6400), (15, 60), (1.8, 2.0), (24, 35)),
    "landscape": ((100, 200), (160, 500), (8.0, 11.0), (16, 24)),
    "sports": ((400, 1600), (800, 2000), (2.8, 4.0), (135, 200)),
    "exhibition": ((800, 1600), (80, 160), (2.8, 4.0), (28, 35)),
    "campus": ((100, 400), (160, 500), (5.6, 8.0), (16, 24)),
}
DIM_HOURS = frozenset({"sunset", "in the evening"})
FAULTY_TIME = {"blur": 12.0, "bright": 3.0, "dark": 1 / 4}  # times as long as it should have been


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """`time_s` in seconds, `aperture` as f-number, `focal_mm` the true focal length."""

    time_s: float
    aperture: float
    iso: int
    focal_mm: int


def exposure_of(scene: Scene, *, fault: str = "") -> Exposure:
    """The same for all photos of a scene, but those whose fault was a wrong exposure."""
    rng = np.random.default_rng([scene.seed, 5])
    (low, high), (slow, fast), apertures, focals = LIGHT[scene.topic]
    if getattr(scene, "hour", "") in DIM_HOURS:
        low, high, slow, fast = 800, 3200, slow // 4, fast // 4
    steps = [iso for iso in ISO if low <= iso <= high]
    return Exposure(
        time_s=FAULTY_TIME.get(fault, 1.0) / int(rng.integers(slow, fast + 1)),
        aperture=apertures[rng.integers(len(apertures))],
        iso=steps[rng.integers(len(steps))],
        focal_mm=focals[rng.integers(len(focals))],
    )
