"""Near-duplicate groups and bursts: which photos to compare, which belong together, which one stays.

Candidates come from embeddings or perceptual hashes, always as blocks of pairs i < j; a comparison of two
photos (`core.geometry.compare`, usually) has the last word. Reads no files and holds no photos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from core.geometry import Comparison

__all__ = ["Groups", "PairBlock", "close_hashes", "find_groups", "perceptual_hash", "similar_pairs"]

Int = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Numbers = npt.NDArray[Any]
PairBlock = tuple[Int, Int, Float32]
"""Pairs i < j, (m,) each, and their similarity (m,), higher is closer."""

BLOCK_ROWS = 2048  # a block of 16 MB (hashes: 32 MB); 1024 and 4096 are 10 to 20 % slower
HASH_BITS = 64
QUALITY_TOLERANCE = 0.05  # of quality, 0-1: photos of one group that differ by less are equally good


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """What became of n photos.

    duplicate_of: for each photo the one that is kept in its place, None where it is kept itself;
    burst: for each kept photo the number (0-based, in input order) of its burst, None where it stands alone;
    compared: comparisons made; candidates: pairs offered.
    """

    duplicate_of: tuple[int | None, ...]
    burst: tuple[int | None, ...]
    compared: int
    candidates: int


def perceptual_hash(rgb: npt.NDArray[np.uint8]) -> int:
    """The 64-bit DCT hash (ImageHash's phash) of a photo (H, W, 3) uint8, 0 to 2**64 - 1."""
    bits = np.asarray(imagehash.phash(Image.fromarray(rgb)).hash, bool)
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big")


def similar_pairs(vectors: Float32, *, threshold: float, block_rows: int = BLOCK_ROWS) -> Iterator[PairBlock]:
    """All pairs i < j of unit vectors (n, d) with cosine >= threshold; never holds more than a block."""
    if vectors.ndim != 2:
        raise ValueError(f"expected vectors (n, d), got {vectors.shape}")
    for rows, columns, diagonal in _blocks(len(vectors), block_rows):
        cosine = vectors[rows] @ vectors[columns].T
        i, j = _at(cosine >= threshold, diagonal)
        if len(i):
            yield i + rows.start, j + columns.start, cosine[i, j]


def close_hashes(
    hashes: npt.NDArray[np.uint64], *, max_distance: int, block_rows: int = BLOCK_ROWS
) -> Iterator[PairBlock]:
    """All pairs i < j of 64-bit hashes (n,) at most max_distance apart; similarity is 1 - distance / 64."""
    if hashes.ndim != 1 or hashes.dtype != np.uint64:
        raise ValueError(f"expected hashes (n,) uint64, got {hashes.shape} {hashes.dtype}")
    # Counting the bits of XORs takes 17 ms a block, a product of +-1 vectors 27 ms.
    for rows, columns, diagonal in _blocks(len(hashes), block_rows):
        distance = np.bitwise_count(hashes[rows, None] ^ hashes[None, columns])
        i, j = _at(distance <= max_distance, diagonal)
        if len(i):
            similarity = 1 - distance[i, j].astype(np.float32) / HASH_BITS
            yield i + rows.start, j + columns.start, similarity


def _blocks(n: int, block_rows: int) -> Iterator[tuple[slice, slice, bool]]:
    """Rows, columns, and whether the block lies on the diagonal, for the upper triangle of (n, n)."""
    if block_rows < 1:
        raise ValueError(f"expected block_rows >= 1, got {block_rows}")
    for top in range(0, n, block_rows):
        for left in range(top, n, block_rows):
            yield slice(top, top + block_rows), slice(left, left + block_rows), left == top


def _at(chosen: npt.NDArray[np.bool_], diagonal: bool) -> tuple[Int, Int]:
    """Rows and columns (m,) of the chosen pairs of a block; above the diagonal where it crosses the block."""
    # Flat, then split: np.nonzero on a matrix takes ten times as long.
    i, j = np.divmod(np.flatnonzero(chosen).astype(np.int64), chosen.shape[1])
    return (i[i < j], j[i < j]) if diagonal else (i, j)


def find_groups(
    *,
    candidates: Iterable[PairBlock],
    n: int,
    compare: Callable[[int, int], Comparison] | None,
    quality: Float64,
    pixels: Numbers,
    tie_break: Sequence[str],
    captured_at_s: Float64,
    burst_gap_s: float,
) -> Groups:
    """Group n photos: duplicates by connection, of which the best stays; bursts, which are only numbered.

    compare tells how two photos are related, None takes every candidate for a duplicate. The photo that stays
    is of the best quality (n,) but for a small tolerance, then has the most pixels (n,), then the best quality,
    then the first tie_break (n strings). Photos of
    one scene captured (n,) seconds, nan where unknown, at most burst_gap_s apart are linked into a burst.
    The order of the photos does not matter: pairs across groups are always compared, and pairs within a
    group, which may be skipped, cannot change anything.
    """
    if not (len(quality) == len(pixels) == len(tie_break) == len(captured_at_s) == n):
        raise ValueError(
            f"expected {n} values of quality, pixels, tie_break and captured_at_s, "
            f"got {len(quality)}, {len(pixels)}, {len(tie_break)}, {len(captured_at_s)}"
        )
    same, linked = _Components(n), _Components(n)
    compared = offered = 0
    for i, j in _closest_first(candidates):
        offered += 1
        if same.joined(i, j):
            continue
        if compare is None:
            same.join(i, j)
            continue
        compared += 1
        relation = compare(i, j).relation
        if relation == "duplicate":
            same.join(i, j)
        elif relation == "same_scene" and abs(captured_at_s[i] - captured_at_s[j]) <= burst_gap_s:
            linked.join(i, j)  # nan compares false: no burst without two times
    best = _best(same, quality, pixels, tie_break)
    return Groups(
        duplicate_of=tuple(None if kept == photo else kept for photo, kept in enumerate(best)),
        burst=_number_bursts(best, linked),
        compared=compared,
        candidates=offered,
    )


class _Components:
    """Union-find over 0 to n - 1."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def root(self, item: int) -> int:
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def joined(self, i: int, j: int) -> bool:
        return self.root(i) == self.root(j)

    def join(self, i: int, j: int) -> None:
        self._parent[self.root(j)] = self.root(i)


def _closest_first(candidates: Iterable[PairBlock]) -> Iterator[tuple[int, int]]:
    """Pairs one by one, the most similar of each block first: they join most and spare other comparisons."""
    for i, j, similarity in candidates:
        order = np.argsort(-similarity, kind="stable")
        yield from zip(i[order].tolist(), j[order].tolist(), strict=True)


def _best(same: _Components, quality: Float64, pixels: Numbers, tie_break: Sequence[str]) -> list[int]:
    """For each photo the best of its group."""
    groups: dict[int, list[int]] = {}
    for photo in range(len(tie_break)):
        groups.setdefault(same.root(photo), []).append(photo)
    best = list(range(len(tie_break)))
    for members in groups.values():
        enough = max(quality[photo] for photo in members) - QUALITY_TOLERANCE
        good = [photo for photo in members if quality[photo] >= enough]
        kept = min(good, key=lambda p: (-pixels[p], -quality[p], tie_break[p]))
        for photo in members:
            best[photo] = kept
    return best


def _number_bursts(best: list[int], linked: _Components) -> tuple[int | None, ...]:
    """Burst numbers of the kept photos; a dropped frame still links the photo that stays in its place."""
    for photo, kept_photo in enumerate(best):
        linked.join(kept_photo, photo)
    numbers: dict[int, int] = {}
    kept = [photo for photo in range(len(best)) if best[photo] == photo]
    size = np.bincount([linked.root(photo) for photo in kept], minlength=len(best))
    burst: list[int | None] = [None] * len(best)
    for photo in kept:
        root = linked.root(photo)
        if size[root] > 1:
            burst[photo] = numbers.setdefault(root, len(numbers))
    return tuple(burst)
