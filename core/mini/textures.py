"""Pictures of nothing: procedural images outside the rendered world.

They teach the image side two things that scenes cannot: to tell apart photos of any kind, and to know what
it does not know. Dead leaves and 1/f noise have the statistics of natural images (Lee, Mumford & Huang 2001;
Baradad et al. 2021, "Learning to see by looking at noise").
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from core.mini.canvas import Image

Float = NDArray[np.float32]


def texture(side: int, rng: np.random.Generator) -> Image:
    """One procedural picture (side, side, 3) uint8."""
    kind = int(rng.integers(6))
    if kind == 0:
        image = _pink(side, rng)
    elif kind == 1:
        image = _leaves(side, rng, _pink(side, rng))
    elif kind == 2:
        image = _waves(side, rng)
    elif kind == 3:
        image = _room(side, rng)
    elif kind == 4:
        mask = (_pink(side, rng, channels=1) > rng.uniform(0.35, 0.65)).astype(np.float32)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 2)), np.float32)[:, :, None]
        image = mask * _leaves(side, rng, _waves(side, rng)) + (1 - mask) * _pink(side, rng)
    else:
        image = _leaves(side, rng, _room(side, rng))
    return _expose(image, rng)


def _expose(image: Float, rng: np.random.Generator) -> Image:
    """Uneven light, saturation, a tone curve, depth of field."""
    side = len(image)
    if rng.random() < 0.6:
        image = image * (0.5 + _pink(side, rng, channels=1, slope=rng.uniform(1.6, 2.4))[:, :, None])
    grey = image.mean(axis=2, keepdims=True)
    image = grey + rng.uniform(0.1, 1.4) * (image - grey)
    image = np.clip(image, 0, 1) ** rng.uniform(0.5, 1.8)
    if rng.random() < 0.5:
        fine = _pink(side, rng, channels=1, slope=rng.uniform(0.6, 1.2))[:, :, None] - 0.5
        image = image + rng.uniform(0.05, 0.5) * fine
    if rng.random() < 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.5)), np.float32)
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)


def _palette(rng: np.random.Generator, count: int) -> Float:
    """Colours (count, 3) around a common cast, in 0..1."""
    cast, spread = rng.uniform(0.15, 0.8, 3), rng.uniform(0.05, 0.35)
    light = rng.uniform(-0.35, 0.35, (count, 1))
    return np.clip(cast + light + rng.normal(0, spread, (count, 3)), 0, 1).astype(np.float32)


def _pink(side: int, rng: np.random.Generator, *, channels: int = 3, slope: float | None = None) -> Float:
    """Noise with a 1/f spectrum, (side, side, channels) in 0..1; one channel comes without its axis."""
    slope = rng.uniform(0.8, 2.0) if slope is None else slope
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    stretch = rng.uniform(0.5, 2)
    fall = np.maximum(np.hypot(fy * stretch, fx / stretch), 1 / side) ** -slope
    spectrum = np.fft.rfft2(rng.normal(size=(channels, side, side))) * fall
    noise = np.fft.irfft2(spectrum, s=(side, side))
    noise /= noise.std(axis=(1, 2), keepdims=True) + 1e-6
    if channels == 1:
        return np.asarray(np.clip(0.5 + 0.2 * noise[0], 0, 1), np.float32)
    blend = rng.normal(size=(3, 3)) * 0.3 + rng.uniform(0, 1.5) * np.ones((3, 3)) / 3
    colors = rng.uniform(0.25, 0.7) + 0.2 * np.einsum("cd,dyx->yxc", blend, noise)
    return np.asarray(np.clip(colors, 0, 1), np.float32)


def _leaves(side: int, rng: np.random.Generator, image: Float) -> Float:
    """Dead leaves: shapes of all sizes, one over the other."""
    image = np.ascontiguousarray(image, np.float32)
    count = int(rng.integers(6, 120))
    colors = _palette(rng, count)
    sizes = np.sort(side * rng.uniform(0.02, 0.08) / rng.uniform(0.08, 1, count) ** 0.8)[::-1]
    for color, size in zip(colors.tolist(), sizes.tolist(), strict=True):
        x, y = rng.integers(0, side, 2).tolist()
        turn, flat = rng.uniform(0, 360), rng.uniform(0.3, 1)
        if rng.random() < 0.4:
            cv2.ellipse(
                image,
                (x, y),
                (max(1, int(size)), max(1, int(size * flat))),
                turn,
                0,
                360,
                color,
                -1,
                cv2.LINE_AA,
            )
            continue
        corners = int(rng.integers(3, 7))
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        points = np.stack([x + size * np.cos(angles), y + size * flat * np.sin(angles)], axis=1)
        cv2.fillPoly(image, [np.round(points).astype(np.int32)], color, cv2.LINE_AA)
    return image


def _waves(side: int, rng: np.random.Generator) -> Float:
    """Warped stripes, checks and cells in a few colours."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    warp = _pink(side, rng, channels=1, slope=2.0) * rng.uniform(0, 0.6)
    field = np.zeros((side, side), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        angle, pitch = rng.uniform(0, np.pi), rng.uniform(2, 24)
        field += np.sin(2 * np.pi * (pitch * (x * np.cos(angle) + y * np.sin(angle) + warp) + rng.random()))
    levels = int(rng.integers(2, 6))
    index = np.clip((field - field.min()) / (np.ptp(field) + 1e-6) * levels, 0, levels - 1).astype(int)
    return np.asarray(_palette(rng, levels)[index], np.float32)


def _room(side: int, rng: np.random.Generator) -> Float:
    """A few planes with gradients and boxes on them, as indoors or in a street."""
    image = np.zeros((side, side, 3), np.float32)
    top, low = _palette(rng, 2)
    image[:] = top + (low - top) * np.linspace(0, 1, side, dtype=np.float32)[:, None, None]
    corner = rng.uniform(0.2, 0.8, 2) * side
    for _ in range(int(rng.integers(1, 4))):
        along = rng.uniform(0, side, 2)
        edge = np.array([corner, (0, along[0]), (0, side), (side, side), (side, along[1])])
        cv2.fillPoly(image, [np.round(edge).astype(np.int32)], _palette(rng, 1)[0].tolist(), cv2.LINE_AA)
        corner = corner + rng.uniform(-0.2, 0.3, 2) * side
    for color in _palette(rng, int(rng.integers(2, 25))).tolist():
        x, y, w, h = (rng.uniform(0, 1, 4) * (1, 1, 0.35, 0.4) * side).astype(int).tolist()
        cv2.rectangle(image, (x, y), (x + w, y + h), color, -1 if rng.random() < 0.7 else 1, cv2.LINE_AA)
    if rng.random() < 0.7:
        image += 0.25 * (_pink(side, rng) - 0.5)
    return np.clip(image, 0, 1)
