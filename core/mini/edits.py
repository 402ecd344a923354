"""What happens to a photo after it was taken (near-duplicates) or while it was taken (faults)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from core.mini.canvas import Image

EDITS: tuple[str, ...] = ("resize", "crop", "recompress", "exposure", "soft", "tilt")
FAULTS: tuple[str, ...] = ("blur", "dark", "bright")
LOW_QUALITY = (30, 40)  # JPEG quality of a photo that went through a messenger
QUALITY = 90


def edit(image: Image, kind: str, rng: np.random.Generator) -> tuple[Image, int]:
    """An edited copy, (H', W', 3) uint8, and the JPEG quality it is to be saved with."""
    if kind == "recompress":
        return image, int(rng.integers(*LOW_QUALITY))
    if kind == "resize":
        return _scaled(image, rng.uniform(0.65, 0.75)), QUALITY
    if kind == "crop":
        return _cropped(image, rng.uniform(0.05, 0.12, 4)), QUALITY
    if kind == "exposure":
        return _exposed(image, 1 + rng.choice([-1, 1]) * rng.uniform(0.15, 0.25)), QUALITY
    if kind == "soft":
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(1.0, 1.8)), np.uint8), QUALITY
    if kind == "tilt":
        return _tilted(image, rng.choice([-1, 1]) * rng.uniform(1.5, 4.0)), QUALITY
    raise ValueError(f"expected one of {', '.join(EDITS)}, got {kind!r}")


def spoil(image: Image, fault: str, rng: np.random.Generator) -> Image:
    """The photo as it comes out when the camera shakes, or when it measures the light wrongly."""
    if fault == "dark":
        return _exposed(image, rng.uniform(0.16, 0.28))
    if fault == "bright":
        return _exposed(image, rng.uniform(2.6, 3.6))
    if fault == "blur":
        return _shaken(image, length=max(image.shape) * rng.uniform(0.035, 0.06), angle=rng.uniform(0, 180))
    raise ValueError(f"expected one of {', '.join(FAULTS)}, got {fault!r}")


def _scaled(image: Image, factor: float) -> Image:
    height, width = image.shape[:2]
    size = (round(width * factor), round(height * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cropped(image: Image, shares: NDArray[np.float64]) -> Image:
    """Cuts the shares of (left, top, right, bottom) off."""
    height, width = image.shape[:2]
    left, top, right, bottom = (float(share) for share in shares)
    rows = slice(round(top * height), round((1 - bottom) * height))
    return np.ascontiguousarray(image[rows, round(left * width) : round((1 - right) * width)])


def _exposed(image: Image, gain: float) -> Image:
    steps = np.clip(np.arange(256) * gain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, steps), np.uint8)


def _tilted(image: Image, degrees: float) -> Image:
    """Rotates and zooms in until no corner is empty."""
    height, width = image.shape[:2]
    turn = np.radians(abs(degrees))
    zoom = np.cos(turn) + np.sin(turn) * max(width / height, height / width)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(degrees), float(zoom))
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR), np.uint8)


def _shaken(image: Image, *, length: float, angle: float) -> Image:
    """Motion blur along a line of `length` pixels."""
    side = int(length) | 1
    kernel = np.zeros((side, side), np.float32)
    middle, reach = side // 2, np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) * (side // 2)
    start, end = (middle - reach).round().astype(int), (middle + reach).round().astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0, 1, cv2.LINE_AA)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
