"""Do the pixels of two aligned photos agree everywhere? An edit does; a moment later some people have moved.

Compared window by window by the correlation of detail, so that exposure, contrast and compression do not count.
`matrix` maps points of the first thumbnail onto the second, in thumbnail pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["NOTHING_SHARED", "Agreement", "check_agreement", "corners"]

Array = npt.NDArray[Any]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
UInt8 = npt.NDArray[np.uint8]

BLUR_PX, TREND_PX = 1.2, 8.0  # the band of detail that is compared: above grain and JPEG, below lighting
WINDOW_PX = 13  # a head in a group photo
DETAIL_LEVELS = 4.0  # grey levels of deviation in a window; at 2.5 the noise of dark photos counts
AGREEING = 0.7  # correlation in a window; at 0.6 fewer small moves are seen, at no gain in plain edits
FRAME_SHARE = 0.13  # of each side: a 4:3 photo in a square has bars of 0.125; inside, black is a dark stage
BURNT_LEVEL = 235  # grey: one colour is burnt out before all three are; at 245 an exposure edit was missed
MIN_DETAIL = 0.02  # share of the overlap that must have detail to be judged by it
FLAT_LEVELS = 6.0  # photos without detail are the same only if no pixel differs by more


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Shares, 0-1: `agreement` of the windows with detail, `overlap` of the smaller photo, `breadth` of the larger."""

    agreement: float
    overlap: float
    breadth: float


NOTHING_SHARED = Agreement(agreement=0.0, overlap=0.0, breadth=0.0)


def check_agreement(one: UInt8, other: UInt8, matrix: Float64) -> Agreement:
    """Lay one thumbnail (h, w) uint8 over another and compare what both show."""
    wide, narrow = one, other
    if cv2.contourArea(corners(matrix, wide)) < narrow.size:  # b shows more: shrink a onto it instead
        wide, narrow, matrix = narrow, wide, np.asarray(np.linalg.inv(matrix), np.float64)
    laid = cv2.contourArea(corners(matrix, wide))
    shown = _warp(np.full(narrow.shape, 255, np.uint8), matrix, wide.shape) >= 250
    of_wide = float(shown.mean())
    of_narrow = min(1.0, of_wide * laid / narrow.size)
    if min(of_wide, of_narrow) < 0.1:
        return NOTHING_SHARED
    agreement = _agreement(wide, narrow, matrix, shown)
    return Agreement(agreement=agreement, overlap=max(of_wide, of_narrow), breadth=min(of_wide, of_narrow))


def _warp(image: Array, matrix: Float64, shape: tuple[int, ...]) -> Array:
    height, width = shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height), flags=flags))


def _agreement(wide: UInt8, narrow: UInt8, matrix: Float64, shown: Bool) -> float:
    """Share (0-1) of the windows with detail, in either photo, whose detail is the same in both."""
    one = _soften(wide)
    other = _warp(_soften(narrow), matrix, wide.shape)
    framed = _framed(wide) | (_warp(_framed(narrow).astype(np.uint8), matrix, wide.shape) > 0)
    weight = (shown & ~_clipped(one, other) & ~framed).astype(np.float32)
    filled = _window_mean(weight)
    judged = shown & (filled >= 0.5)
    one, other = _detail(one, weight), _detail(other, weight)
    filled = np.maximum(filled, 1e-3)
    mean_one, mean_other = _window_mean(weight * one) / filled, _window_mean(weight * other) / filled
    var_one = np.maximum(_window_mean(weight * one * one) / filled - mean_one**2, 0)
    var_other = np.maximum(_window_mean(weight * other * other) / filled - mean_other**2, 0)
    shared = _window_mean(weight * one * other) / filled - mean_one * mean_other
    detailed = judged & (np.maximum(var_one, var_other) > DETAIL_LEVELS**2)
    if detailed.sum() < MIN_DETAIL * shown.sum():
        return _flat_agreement(wide, _warp(narrow, matrix, wide.shape), shown)
    correlation = shared / np.sqrt((var_one + 1) * (var_other + 1))  # + 1: one grey level of noise
    return float((correlation[detailed] >= AGREEING).mean())


def _soften(grey: UInt8) -> Float32:
    return np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), BLUR_PX), np.float32)


def _clipped(one: Float32, other: Float32) -> Bool:
    """Where one photo is burnt out or black and the other nearly: exposure alone took the detail."""
    high, low = np.maximum(one, other), np.minimum(one, other)
    return np.asarray(((high >= BURNT_LEVEL) & (low >= 150)) | ((low <= 6) & (high <= 40)))


def _framed(grey: UInt8) -> Bool:
    """Black or white at the edge of a photo: a border, or the corners that a tilt leaves."""
    empty = (grey <= 3) | (grey >= 252)
    height, width = (round(FRAME_SHARE * side) for side in grey.shape)
    empty[height : len(empty) - height, width : empty.shape[1] - width] = False
    grown = cv2.dilate(empty.astype(np.uint8), np.ones((7, 7), np.uint8))  # soften() spreads the edge
    return np.asarray(grown > 0)


def _detail(soft: Float32, weight: Float32) -> Float32:
    """The photo less its local brightness: two gradients of sky must not count as agreement."""
    trend = cv2.GaussianBlur(soft * weight, (0, 0), TREND_PX)
    share = cv2.GaussianBlur(weight, (0, 0), TREND_PX)
    return np.asarray(soft - trend / np.maximum(share, 1e-3), np.float32)


def _window_mean(values: Float32) -> Float32:
    return np.asarray(cv2.blur(values, (WINDOW_PX, WINDOW_PX), borderType=cv2.BORDER_CONSTANT), np.float32)


def _flat_agreement(one: UInt8, other: UInt8, shown: Bool) -> float:
    """1 where two photos without detail have the same levels everywhere, else 0."""
    difference = np.abs(_soften(one) - _soften(other))[shown]
    return float(difference.max() <= FLAT_LEVELS)


def corners(matrix: Float64, frame: UInt8) -> Float32:
    """Where the frame's corners come to lie, (4, 1, 2) float32."""
    height, width = frame.shape
    square = np.array([[[0, 0]], [[width, 0]], [[width, height]], [[0, height]]], np.float32)
    return np.asarray(cv2.perspectiveTransform(square, matrix), np.float32)
