"""Edits are duplicates, moved people are another moment, other photos are different."""

from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from core.geometry import Comparison, View, compare, describe

DATA = Path(__file__).parents[2] / "shared" / "data"
Photo = np.ndarray


def scene(seed: int, *, height: int = 360, width: int = 480) -> Photo:
    """A made-up photo: overlapping shapes with grain, different for each seed."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(60):
        x, y, w, h = rng.integers((0, 0, 12, 12), (width, height, 90, 90)).tolist()
        colour = rng.integers(20, 235, 3).tolist()
        if rng.random() < 0.5:
            cv2.rectangle(image, (x, y), (x + w, y + h), colour, -1)
        else:
            cv2.ellipse(image, (x, y), (w, h // 2), float(rng.uniform(0, 180)), 0, 360, colour, -1)
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def with_person(image: Photo, x: int) -> Photo:
    """The scene with a striped person, 60 px wide and 150 tall, standing at x."""
    image = image.copy()
    cv2.rectangle(image, (x, 150), (x + 60, 300), (235, 225, 30), -1)
    for y in range(160, 300, 20):
        cv2.rectangle(image, (x, y), (x + 60, y + 8), (20, 30, 90), -1)
    cv2.circle(image, (x + 30, 125), 28, (90, 60, 40), -1)
    return image


def tilted(image: Photo, degrees: float) -> Photo:
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(image, turn, (width, height))


def recompressed(image: Photo, quality: int) -> Photo:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


EDITS = {
    "none": lambda p: p,
    "half": lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "double": lambda p: cv2.resize(p, None, fx=2, fy=2),
    "cropped": lambda p: p[50:-50, 70:-70],
    "cropped on two sides": lambda p: p[:-54, 72:],
    "recompressed": lambda p: recompressed(p, 20),
    "brighter": lambda p: np.clip(p * 1.3, 0, 255).astype(np.uint8),
    "darker": lambda p: (p * 0.7).astype(np.uint8),
    "much darker": lambda p: (p * 0.3).astype(np.uint8),
    "soft": lambda p: cv2.GaussianBlur(p, (0, 0), 2),
    "tilted": lambda p: tilted(p, 4),
    "turned": lambda p: np.rot90(p),
    "upside down": lambda p: np.rot90(p, 2),
    "grey": lambda p: np.repeat(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2),
    "squeezed": lambda p: cv2.resize(p, (300, 300), interpolation=cv2.INTER_AREA),
    "framed": lambda p: cv2.copyMakeBorder(p, 24, 24, 24, 24, cv2.BORDER_CONSTANT, value=(255, 255, 255)),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("seed", [1, 2])
def test_an_edit_is_a_duplicate(name: str, seed: int) -> None:
    photo = scene(seed)
    assert compare(describe(photo), describe(EDITS[name](photo))).relation == "duplicate"


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turned_copies_without_key_points_are_found_by_their_pixels(turns: int) -> None:
    photo = cv2.resize(scene(5), (300, 200))
    one, other = describe(photo), describe(np.rot90(photo, turns))
    one, other = (View(points=v.points[:0], descriptors=v.descriptors[:0], thumbnail=v.thumbnail) for v in (one, other))
    found = compare(one, other)
    assert (found.relation, found.inliers) == ("duplicate", 0)


@pytest.mark.parametrize("shift", [30, 60, 200])
def test_a_person_who_moved_makes_another_moment(shift: int) -> None:
    room = scene(3)
    one, other = (describe(with_person(room, x)) for x in (100, 100 + shift))
    found = compare(one, other)
    assert found.relation == "same_scene"
    assert found.agreement < 0.95


def test_a_person_moving_before_black_is_seen() -> None:
    """Black must not pass for burnt-out or for a border."""
    stage = np.zeros((360, 480, 3), np.uint8)
    stage[:90], stage[310:] = scene(4)[:90], scene(4)[310:]
    one, other = (describe(with_person(stage, x)) for x in (120, 260))
    assert compare(one, other).relation != "duplicate"


def test_different_photos_are_different() -> None:
    views = [describe(scene(seed)) for seed in range(10, 22)]
    assert {compare(a, b).relation for a, b in combinations(views, 2)} == {"different"}


def test_a_shared_logo_does_not_make_a_shared_scene() -> None:
    logo = cv2.resize(scene(30), (110, 90))
    photos = [scene(31), scene(32)]
    for photo in photos:
        photo[20:110, 20:130] = logo
    assert compare(*map(describe, photos)).relation == "different"


def test_two_skies_are_not_duplicates() -> None:
    """A smooth gradient looks alike everywhere: only the same levels make the same photo."""
    ramp = np.linspace(90, 220, 300)[:, None, None]
    sky = np.broadcast_to(ramp, (300, 400, 3)).astype(np.uint8)
    dusk = np.broadcast_to(ramp * 0.6 + 30, (300, 400, 3)).astype(np.uint8)
    assert compare(describe(sky), describe(sky)).relation == "duplicate"
    assert compare(describe(sky), describe(dusk)).relation == "different"


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [(0, 0, "duplicate"), (0, 3, "duplicate"), (0, 255, "different"), (120, 150, "different")],
)
def test_flat_photos_are_the_same_if_their_level_is(one: int, other: int, relation: str) -> None:
    photos = [describe(np.full((60, 80, 3), level, np.uint8)) for level in (one, other)]
    assert compare(*photos).relation == relation


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (3, 2), (17, 4000), (40, 30)])
def test_any_size_can_be_described_and_equals_itself(shape: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    view = describe(photo)
    assert view.points.shape[0] == view.descriptors.shape[0] <= 300
    assert isinstance(compare(view, view), Comparison)
    assert isinstance(compare(view, describe(scene(1))), Comparison)


def test_a_view_is_small_repeatable_and_survives_storage() -> None:
    photo = scene(7, height=800, width=800)
    view, again = describe(photo), describe(photo)
    stored = View.from_arrays(view.to_arrays())
    for name, values in view.to_arrays().items():
        assert np.array_equal(values, again.to_arrays()[name])
        assert np.array_equal(values, stored.to_arrays()[name])
    assert sum(values.nbytes for values in view.to_arrays().values()) <= 80_000
    assert compare(view, stored) == compare(view, view)


def test_the_order_of_the_two_and_of_the_calls_does_not_matter() -> None:
    room = scene(3)
    photos = [room, with_person(room, 100), with_person(room, 180), tilted(room, 3), room[40:, 60:], scene(8)]
    views = [describe(photo) for photo in photos]
    pairs = list(combinations(range(len(views)), 2))
    forth = {pair: compare(views[pair[0]], views[pair[1]]) for pair in pairs}
    back = {pair: compare(views[pair[1]], views[pair[0]]) for pair in reversed(pairs)}
    assert forth == back


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_photo_is_refused(wrong: Photo) -> None:
    with pytest.raises(ValueError, match="expected an RGB photo"):
        describe(wrong)


def test_a_view_of_mismatched_arrays_is_refused() -> None:
    with pytest.raises(ValueError, match="expected points"):
        View(
            points=np.zeros((2, 2), np.float32),
            descriptors=np.zeros((3, 128), np.uint8),
            thumbnail=np.zeros((4, 4), np.uint8),
        )


def load(path: Path) -> View:
    with Image.open(path) as image:
        image.draft("RGB", (1024, 1024))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((1024, 1024))
    return describe(np.asarray(upright))


@pytest.mark.skipif(not (DATA / "neardup_bridge").exists(), reason="shared/data is absent")
def test_every_edit_and_turn_of_the_bridge_is_a_duplicate() -> None:
    edits = sorted((DATA / "neardup_bridge" / "bridge-mods").glob("*.jpg"))
    turns = sorted((DATA / "neardup_bridge" / "reg-test-input" / "dih").glob("*-rotate-*.jpg"))
    original = load(edits[0])
    assert len(edits) == 12
    assert len(turns) == 3
    assert [p.name for p in edits[1:] + turns if compare(original, load(p)).relation != "duplicate"] == []


@pytest.mark.skipif(not (DATA / "burst_bedroom").exists(), reason="shared/data is absent")
def test_the_frames_of_a_real_burst_are_moments_of_one_scene() -> None:
    frames = [load(path) for path in sorted((DATA / "burst_bedroom").glob("*.jpg"))[:8]]
    assert {compare(a, b).relation for a, b in combinations(frames, 2)} == {"same_scene"}
