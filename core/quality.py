"""How good a photo is technically: sharpness and exposure, joined to one quality score in 0–1."""

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["Quality", "measure_quality"]

_WORKING_SIZE_PX = 512
_TILES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """Technical quality of a photo; every figure in 0–1, higher is better."""

    sharpness: float
    """How crisp the crispest tenth of the photo is; a sharp face before a blurred ground counts as sharp."""
    exposure: float
    """How well the tones are spread: 0 for a black or white frame, less for clipped lights."""

    @property
    def score(self) -> float:
        """Geometric mean of both: a photo that fails in one is not saved by the other."""
        return float(np.sqrt(self.sharpness * self.exposure))


def measure_quality(rgb: np.ndarray) -> Quality:
    """Measure a photo.

    Args:
        rgb: uint8 (height, width, 3), at analysis scale.

    Sharpness is the variance of the Laplacian (Pech-Pacheco et al. 2000) against the variance of the tile, so that
    contrast alone does not count; exposure is the spread between the 2nd and 98th percentile, less what is clipped.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = _WORKING_SIZE_PX / max(grey.shape)
    # Small photos are enlarged, so that a thumbnail does not look crisper than the photo it was made from.
    size = tuple(max(1, round(length * scale)) for length in reversed(grey.shape))
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return Quality(sharpness=_sharpness(grey), exposure=_exposure(grey))


def _sharpness(grey: np.ndarray) -> float:
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.0)  # grain must not pass for detail
    detail = cv2.Laplacian(smooth, cv2.CV_32F) ** 2
    contrast = (smooth - cv2.blur(smooth, (15, 15))) ** 2
    rows, columns = (max(1, min(_TILES, length // 16)) for length in grey.shape)
    energy = cv2.resize(detail, (columns, rows), interpolation=cv2.INTER_AREA)
    spread = cv2.resize(contrast, (columns, rows), interpolation=cv2.INTER_AREA)
    ratio = energy / (spread + 30.0)  # 30: squared grey levels of grain; below that a tile is flat
    best = float(np.percentile(ratio, 90))
    return best / (best + 0.35)


def _exposure(grey: np.ndarray) -> float:
    low, high = np.percentile(grey, (2, 98))
    spread = min(1.0, float(high - low) / 160.0)
    clipped = float(np.mean(grey >= 252))
    return spread * (1.0 - min(1.0, 1.5 * clipped))
