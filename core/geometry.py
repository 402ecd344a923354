"""Is photo B an edit of photo A, another moment of the same scene, or something else?

Key points say how one photo lies on the other; the aligned pixels then say whether *everything* agrees
(an edit) or some people moved (a burst). Knows nothing of embeddings, groups, files or capture times.
All alignments are in thumbnail pixels; `matrix` always maps points of the first view onto the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from core.agreement import NOTHING_SHARED, Agreement, check_agreement, corners

__all__ = ["Comparison", "Relation", "View", "compare", "describe"]

Relation = Literal["duplicate", "same_scene", "different"]
Array = npt.NDArray[Any]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]

WORKING_SIDE = 320  # px, longer side for key points: 480 takes twice as long
THUMBNAIL_SIDE = 192  # px: a stored view stays below 80 kB (36 kB of pixels, 41 kB of key points)
MAX_POINTS = 300
MATCH_RATIO = 0.85  # looser than Lowe's 0.75, since matches must be mutual and the pixels have the last word
MIN_INLIERS = 6  # below this an affine map, which 3 points determine, is chance
ALIGN_TOLERANCE_PX = 1.0  # at 2 px a slightly bent photo passed for a flat one and its edges disagreed
BENT_INLIERS = 20  # fewer cannot tell a bend from noise
BENT_GAIN = 0.02  # a perspective map (straightened, or shot by hand) must explain so many more points
MAX_BEND = 0.15
MAX_STRETCH = 2.0  # 16:10 squeezed into a square is 1.6
MAX_ZOOM = 2.5  # a crop of 15 % on every side is 1.43
SMALLEST_SIDE = 16  # px: no key points are sought in a sliver
LIKENESS = 0.9  # correlation of whole 16 x 16 thumbnails that is worth a check without key points

DUPLICATE_AGREEMENT = 0.97  # sample events: edits 0.991 and more, burst_bedroom at most 0.86
DUPLICATE_OVERLAP = 0.7  # of the smaller photo: a crop lies within its original, a pan does not
DUPLICATE_BREADTH = 0.3  # of the larger photo: 15 % cropped on every side leaves 0.49
SCENE_INLIERS = 20  # burst_bedroom has 34 and more; photos with like motifs (drawn lecterns) reach 16
SCENE_AGREEMENT = 0.7  # makes up for few inliers, as on a plain wall; like motifs reach 0.62
SCENE_OVERLAP = 0.5
SCENE_SPREAD = 0.1  # share of the frame inside the inliers' hull: a shared logo is not a shared scene


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What geometry needs of a photo, at most 80 kB.

    points (n, 2) float32, thumbnail px; descriptors (n, 128) uint8, RootSIFT; thumbnail (h, w) uint8, grey.
    """

    points: Float32
    descriptors: UInt8
    thumbnail: UInt8

    def __post_init__(self) -> None:
        n = len(self.points)
        if self.points.shape != (n, 2) or self.descriptors.shape != (n, 128) or self.thumbnail.ndim != 2:
            raise ValueError(
                "expected points (n, 2), descriptors (n, 128) and thumbnail (h, w), "
                f"got {self.points.shape}, {self.descriptors.shape}, {self.thumbnail.shape}"
            )

    def to_arrays(self) -> dict[str, Array]:
        """The view as named arrays, for a store."""
        return {"points": self.points, "descriptors": self.descriptors, "thumbnail": self.thumbnail}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> View:
        """The view that `to_arrays` wrote."""
        return cls(
            points=np.asarray(arrays["points"], np.float32),
            descriptors=np.asarray(arrays["descriptors"], np.uint8),
            thumbnail=np.asarray(arrays["thumbnail"], np.uint8),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two photos are related, and what was measured.

    inliers: key points that lie on each other; agreement: share of the detailed area whose pixels agree, 0-1;
    overlap: share of the smaller photo that the other shows too, 0-1.
    """

    relation: Relation
    inliers: int
    agreement: float
    overlap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alignment:
    matrix: Float64
    inliers: int
    spread: float


def describe(rgb: UInt8) -> View:
    """Key points and a grey thumbnail of a photo (H, W, 3) uint8 of any size; flat photos have no points."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ValueError(f"expected an RGB photo (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), np.uint8)
    working, thumbnail = _resize(grey, WORKING_SIDE), _resize(grey, THUMBNAIL_SIDE)
    points, descriptors = _key_points(working)
    scale = np.array(thumbnail.shape[::-1]) / np.array(working.shape[::-1])
    points = ((points + 0.5) * scale - 0.5).astype(np.float32)
    return View(points=points, descriptors=descriptors, thumbnail=thumbnail)


def _resize(grey: UInt8, side: int) -> UInt8:
    height, width = grey.shape
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def _key_points(grey: UInt8) -> tuple[Float32, UInt8]:
    """SIFT points (n, 2) and RootSIFT descriptors (n, 128), strongest first up to MAX_POINTS."""
    found: Any = ()
    if min(grey.shape) >= SMALLEST_SIDE:
        # Half the usual contrast threshold: night and fog keep some points; elsewhere the strongest win.
        sift = cv2.SIFT.create(nfeatures=MAX_POINTS, contrastThreshold=0.02, enable_precise_upscale=True)
        found, values = sift.detectAndCompute(grey, None)
    if not found:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8)
    strongest = np.argsort([-p.response for p in found], kind="stable")[:MAX_POINTS]
    points = np.array([found[i].pt for i in strongest], np.float32)
    chosen = values[strongest]
    rooted = np.sqrt(chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1e-6))
    return points, np.clip(np.round(rooted * 256), 0, 255).astype(np.uint8)


def compare(a: View, b: View) -> Comparison:
    """How two photos are related; the order of the two does not matter."""
    if _content(b) < _content(a):
        a, b = b, a
    alignment = _align(a, b)
    check = check_agreement(a.thumbnail, b.thumbnail, alignment.matrix) if alignment else NOTHING_SHARED
    if not _is_duplicate(check):
        whole = _whole_frame(a, b)
        unaligned = check_agreement(a.thumbnail, b.thumbnail, whole) if whole is not None else NOTHING_SHARED
        if _is_duplicate(unaligned):
            check = unaligned
    return Comparison(
        relation=_relation(alignment, check),
        inliers=alignment.inliers if alignment else 0,
        agreement=check.agreement,
        overlap=check.overlap,
    )


def _content(view: View) -> tuple[bytes, bytes]:
    return view.thumbnail.tobytes(), view.points.tobytes()


def _is_duplicate(check: Agreement) -> bool:
    return (
        check.agreement >= DUPLICATE_AGREEMENT
        and check.overlap >= DUPLICATE_OVERLAP
        and check.breadth >= DUPLICATE_BREADTH
    )


def _relation(alignment: _Alignment | None, check: Agreement) -> Relation:
    if _is_duplicate(check):
        return "duplicate"
    if (
        alignment
        and (alignment.inliers >= SCENE_INLIERS or check.agreement >= SCENE_AGREEMENT)
        and alignment.spread >= SCENE_SPREAD
        and check.overlap >= SCENE_OVERLAP
    ):
        return "same_scene"
    return "different"


def _match(a: View, b: View) -> tuple[Float32, Float32]:
    """Points (m, 2) of a and of b whose descriptors are each other's nearest by a clear margin."""
    first, second = (v.descriptors.astype(np.float32) for v in (a, b))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    similarity = first @ second.T
    nearest, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    i = np.flatnonzero(back[nearest] == np.arange(len(first)))
    j = nearest[i]
    best = similarity[i, j]
    similarity[i, j] = -1.0
    runner_up = np.maximum(similarity[i].max(axis=1), similarity[:, j].max(axis=0))
    clear = (1 - best) <= MATCH_RATIO**2 * (1 - runner_up)  # squared distances of unit vectors, halved
    return a.points[i[clear]], b.points[j[clear]]


def _align(a: View, b: View) -> _Alignment | None:
    """The map that lays a's key points onto b's, if enough of them agree on a plausible one."""
    if min(len(a.points), len(b.points)) < MIN_INLIERS:
        return None
    points, images = _match(a, b)
    if len(points) < MIN_INLIERS:
        return None
    cv2.setRNGSeed(0)  # the same answer whatever was compared before
    tolerance = ALIGN_TOLERANCE_PX
    affine, chosen = cv2.estimateAffine2D(
        points, images, method=cv2.RANSAC, ransacReprojThreshold=tolerance, maxIters=500
    )
    if affine is None or int(chosen.sum()) < MIN_INLIERS:
        return None
    matrix: Float64 = np.vstack([np.asarray(affine, np.float64), [0.0, 0.0, 1.0]])
    if not _plausible(matrix[:2, :2]):
        return None
    if int(chosen.sum()) >= BENT_INLIERS:
        bent, bent_chosen = cv2.findHomography(points, images, cv2.RANSAC, tolerance, maxIters=500)
        better = bent is not None and bent_chosen.sum() >= (1 + BENT_GAIN) * chosen.sum()
        if better and _bend(matrix, np.asarray(bent, np.float64), a.thumbnail) <= MAX_BEND:
            matrix, chosen = np.asarray(bent, np.float64), bent_chosen
    hull = cv2.contourArea(cv2.convexHull(points[chosen.ravel() > 0]))
    return _Alignment(matrix=matrix, inliers=int(chosen.sum()), spread=hull / a.thumbnail.size)


def _plausible(linear: Float64) -> bool:
    long, short = np.linalg.svd(linear, compute_uv=False)
    return bool(short * MAX_ZOOM >= 1 and long <= MAX_ZOOM and long <= MAX_STRETCH * short)


def _bend(flat: Float64, bent: Float64, frame: UInt8) -> float:
    """How far apart two maps lay the frame's corners, as a share of the frame's longer side."""
    return float(np.abs(corners(flat, frame) - corners(bent, frame)).max() / max(frame.shape))


def _whole_frame(a: View, b: View) -> Float64 | None:
    """The map of a's frame onto b's whole frame, turned by quarters, if the two look alike so."""
    small_a, small_b = _small(a.thumbnail), _small(b.thumbnail)
    likeness = [float((np.rot90(small_a, turns) * small_b).mean()) for turns in range(4)]
    turns = int(np.argmax(likeness))
    flat = not small_a.any() and not small_b.any()
    if likeness[turns] < LIKENESS and not flat:
        return None
    (height_a, width_a), (height_b, width_b) = a.thumbnail.shape, b.thumbnail.shape
    # Unit frame (centres at 0): one counter-clockwise turn takes (x, y) to (y, -x), y pointing down.
    turn = np.linalg.matrix_power(np.array([[0.0, 1.0], [-1.0, 0.0]]), turns)
    linear = np.diag([width_b, height_b]) @ turn @ np.diag([1 / width_a, 1 / height_a])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    centre_a, centre_b = np.array([width_a - 1, height_a - 1]) / 2, np.array([width_b - 1, height_b - 1]) / 2
    matrix[:2, 2] = centre_b - linear @ centre_a
    return matrix


def _small(thumbnail: UInt8) -> Float32:
    """The thumbnail as (16, 16) float32 of mean 0 and deviation 1; all 0 where it is flat."""
    small = cv2.resize(thumbnail, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    deviation = float(small.std())
    return np.asarray(small / deviation if deviation >= 1 else np.zeros_like(small), np.float32)
