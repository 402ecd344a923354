"""Pairs are complete and small in memory; groups do not depend on the order of the photos."""

import csv
import tracemalloc
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from core.dedupe import Groups, PairBlock, close_hashes, find_groups, perceptual_hash, similar_pairs
from core.geometry import Comparison, Relation, compare, describe

DATA = Path(__file__).parents[2] / "shared" / "data"
Pair = tuple[int, int]


def found(blocks: Iterable[PairBlock]) -> dict[Pair, float]:
    pairs = [
        (pair, value)
        for i, j, s in blocks
        for pair, value in zip(zip(i.tolist(), j.tolist(), strict=True), s.tolist(), strict=True)
    ]
    assert len(pairs) == len(dict(pairs)), "a pair came twice"
    return dict(pairs)


def unit_vectors(n: int, d: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(n=st.integers(0, 40), block_rows=st.integers(1, 17), seed=st.integers(0, 99), tenths=st.integers(-5, 9))
@settings(deadline=None, max_examples=60)
def test_similar_pairs_are_those_of_brute_force(n: int, block_rows: int, seed: int, tenths: int) -> None:
    vectors = unit_vectors(n, 3, seed)
    cosine = vectors.astype(np.float64) @ vectors.T
    threshold = tenths / 10 + 1e-4
    expected = {(i, j): cosine[i, j] for i, j in combinations(range(n), 2) if cosine[i, j] >= threshold}
    assert found(similar_pairs(vectors, threshold=threshold, block_rows=block_rows)) == pytest.approx(
        expected, abs=1e-5
    )


@given(
    hashes=st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 7), max_size=40),
    distance=st.integers(0, 64),
    rows=st.integers(1, 17),
)
@settings(deadline=None, max_examples=60)
def test_close_hashes_are_those_of_brute_force(hashes: list[int], distance: int, rows: int) -> None:
    apart = {(i, j): (hashes[i] ^ hashes[j]).bit_count() for i, j in combinations(range(len(hashes)), 2)}
    expected = {pair: 1 - bits / 64 for pair, bits in apart.items() if bits <= distance}
    blocks = close_hashes(np.array(hashes, np.uint64), max_distance=distance, block_rows=rows)
    assert found(blocks) == pytest.approx(expected)


def test_pairs_never_need_the_square_of_the_photos() -> None:
    n, rows = 6000, 256
    vectors, hashes = unit_vectors(n, 16, 0), np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    tracemalloc.start()
    for blocks in (
        similar_pairs(vectors, threshold=0.95, block_rows=rows),
        close_hashes(hashes, max_distance=5, block_rows=rows),
    ):
        for _ in blocks:
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * n / 8, f"{peak} bytes: not even a bit for each of the {n} x {n} pairs is allowed"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: similar_pairs(np.zeros(4, np.float32), threshold=0.5), r"vectors \(n, d\)"),
        (lambda: similar_pairs(np.zeros((4, 2), np.float32), threshold=0.5, block_rows=0), "block_rows"),
        (lambda: close_hashes(np.zeros(4, np.int64), max_distance=1), "uint64"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], Iterable[PairBlock]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(call())


def test_perceptual_hash_is_64_bits_and_near_for_an_edit() -> None:
    coarse = np.random.default_rng(0).integers(40, 200, (6, 8, 3), dtype=np.uint8)
    photo = np.asarray(Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC))
    one, edited = perceptual_hash(photo), perceptual_hash((photo * 0.8).astype(np.uint8))
    assert 0 <= one < 2**64
    assert (one ^ edited).bit_count() <= 4
    assert (one ^ perceptual_hash(np.ascontiguousarray(photo[::-1]))).bit_count() > 10


def every_pair(n: int) -> list[PairBlock]:
    i, j = np.triu_indices(n, 1)
    return [(i, j, np.ones(len(i), np.float32))]


def told(relations: dict[Pair, Relation], calls: list[Pair] | None = None) -> Callable[[int, int], Comparison]:
    """A comparison that answers from a table; what is not in it is different."""

    def answer(i: int, j: int) -> Comparison:
        if calls is not None:
            calls.append((i, j))
        relation = relations.get((min(i, j), max(i, j)), "different")
        return Comparison(relation=relation, inliers=0, agreement=0.0, overlap=0.0)

    return answer


def grouped(n: int, relations: dict[Pair, Relation] | None, **given: Any) -> Groups:
    """find_groups over every pair, with plain photos unless given otherwise."""
    values: dict[str, Any] = {
        "candidates": every_pair(n),
        "compare": told(relations) if relations is not None else None,
        "quality": np.zeros(n),
        "pixels": np.zeros(n, np.int64),
        "tie_break": [f"{k:03d}" for k in range(n)],
        "captured_at_s": np.arange(n, dtype=np.float64),
        "burst_gap_s": 3.0,
    }
    return find_groups(n=n, **(values | given))


DUP: Relation = "duplicate"
SAME: Relation = "same_scene"


@pytest.mark.parametrize(
    ("n", "relations", "duplicate_of", "burst"),
    [
        (0, {}, (), ()),
        (1, {}, (None,), (None,)),
        (2, {}, (None, None), (None, None)),
        (2, {(0, 1): DUP}, (None, 0), (None, None)),
        (3, {(0, 1): DUP, (1, 2): DUP}, (None, 0, 0), (None, None, None)),
        (4, {(0, 1): SAME, (1, 2): SAME}, (None,) * 4, (0, 0, 0, None)),
        (4, {(2, 3): SAME, (0, 1): SAME}, (None,) * 4, (0, 0, 1, 1)),
        (3, {(0, 1): DUP, (1, 2): SAME}, (None, 0, None), (0, None, 0)),  # the dropped frame links the kept one
        (4, {(0, 1): DUP, (0, 2): SAME, (2, 3): DUP}, (None, 0, None, 2), (0, None, 0, None)),
        (3, {(0, 1): DUP, (1, 2): DUP, (0, 2): SAME}, (None, 0, 0), (None, None, None)),
    ],
)
def test_groups_and_bursts(
    n: int, relations: dict[Pair, Relation], duplicate_of: tuple[int | None, ...], burst: tuple[int | None, ...]
) -> None:
    result = grouped(n, relations)
    assert (result.duplicate_of, result.burst) == (duplicate_of, burst)


@pytest.mark.parametrize(
    ("quality", "pixels", "names", "kept"),
    [
        ([0.1, 0.9, 0.5], [9, 1, 5], ["a", "b", "c"], 1),
        ([0.5, 0.5, 0.5], [4, 4, 8], ["a", "b", "c"], 2),
        ([0.5, 0.5, 0.5], [4, 4, 4], ["c", "a", "b"], 1),
    ],
)
def test_the_best_photo_stays(quality: list[float], pixels: list[int], names: list[str], kept: int) -> None:
    result = grouped(3, None, quality=np.array(quality), pixels=np.array(pixels), tie_break=names)
    assert result.duplicate_of == tuple(None if k == kept else kept for k in range(3))


@pytest.mark.parametrize(
    ("times", "burst"),
    [
        ([0.0, 3.0, 6.0], (0, 0, 0)),  # chained: 0 and 6 are too far apart, but 3 links them
        ([0.0, 3.1, 6.2], (None, None, None)),
        ([np.nan, 1.0, 2.0], (None, 0, 0)),
        ([np.nan, np.nan, np.nan], (None, None, None)),
    ],
)
def test_a_burst_needs_two_times_close_together(times: list[float], burst: tuple[int | None, ...]) -> None:
    relations: dict[Pair, Relation] = dict.fromkeys(combinations(range(3), 2), SAME)
    assert grouped(3, relations, captured_at_s=np.array(times)).burst == burst


def test_connected_pairs_are_not_compared_again_and_the_most_similar_come_first() -> None:
    calls: list[Pair] = []
    i, j = np.array([0, 0, 1]), np.array([1, 2, 2])
    blocks = [(i, j, np.array([0.8, 0.9, 0.95], np.float32))]
    result = grouped(3, None, candidates=blocks, compare=told({(0, 2): DUP, (1, 2): DUP}, calls))
    assert calls == [(1, 2), (0, 2)]
    assert (result.compared, result.candidates) == (2, 3)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="expected 3 values"):
        grouped(3, None, quality=np.zeros(2))


@given(data=st.data(), n=st.integers(1, 9))
@settings(deadline=None, max_examples=150)
def test_the_order_of_the_photos_does_not_matter(data: st.DataObject, n: int) -> None:
    """Whatever the relations, equal or not: the same photos stay and the same ones share a burst."""
    pairs = list(combinations(range(n), 2))
    kinds = st.sampled_from(["duplicate", "same_scene", "different", "different"])
    relations = {pair: data.draw(kinds) for pair in pairs}
    quality, pixels = (np.array([data.draw(st.integers(0, 2)) for _ in range(n)]) for _ in range(2))
    times = np.array([data.draw(st.sampled_from([0.0, 2.0, 4.0, 9.0, np.nan])) for _ in range(n)])
    order = data.draw(st.permutations(range(n)))
    place = {photo: k for k, photo in enumerate(order)}
    moved = {tuple(sorted((place[i], place[j]))): kind for (i, j), kind in relations.items()}
    names = [f"{k:03d}" for k in range(n)]
    one = grouped(n, relations, quality=quality, pixels=pixels, captured_at_s=times)
    two = grouped(
        n,
        moved,
        quality=quality[order],
        pixels=pixels[order],
        captured_at_s=times[order],
        tie_break=[names[k] for k in order],
    )
    back = [two.duplicate_of[place[k]] for k in range(n)]
    assert one.duplicate_of == tuple(None if b is None else order[b] for b in back)
    together = [{(i, j) for i, j in pairs if g[i] is not None and g[i] == g[j]} for g in (one.burst, _by(place, two))]
    assert together[0] == together[1]


def _by(place: dict[int, int], groups: Groups) -> list[int | None]:
    return [groups.burst[place[k]] for k in range(len(place))]


@pytest.mark.skipif(not (DATA / "event_campus_day").exists(), reason="shared/data is absent")
def test_a_real_event_is_deduplicated() -> None:
    folder = DATA / "event_campus_day"
    with (folder / "truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[:44]  # two topics and a part of a third; all 85 take twice as long
    views = []
    for row in rows:
        with Image.open(folder / "photos" / row["file"]) as image:
            views.append(describe(np.asarray(ImageOps.exif_transpose(image).convert("RGB"))))
    groups = grouped(len(rows), None, compare=lambda i, j: compare(views[i], views[j]))
    roots = [groups.duplicate_of[k] if groups.duplicate_of[k] is not None else k for k in range(len(rows))]
    true_roots = [row["duplicate_of"] or row["file"] for row in rows]
    pairs = list(combinations(range(len(rows)), 2))
    predicted, true = ({p for p in pairs if r[p[0]] == r[p[1]]} for r in (roots, true_roots))
    assert 2 * len(predicted & true) / (len(predicted) + len(true)) >= 0.99
