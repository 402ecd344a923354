"""The pipeline as a whole, on small events: what goes in comes out, whatever the names, metadata and order."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from core.config import load_config
from core.errors import NoPhotosError
from core.pipeline import run_pipeline
from core.posts import EventDetails
from core.publish.folder import write_result
from core.record import EventRecord, make_record
from core.result import EventResult
from core.store import Store
from tests.fakes import ColourEmbedder, encoded, picture

EVENT = EventDetails(name="Freshers Night")
TINTS = {"red": (180, 60, 60), "green": (60, 170, 70), "blue": (60, 70, 180)}


def run(photos: Path, store: Store, *overrides: str, embedder: Any = None) -> EventResult:
    config = load_config(overrides=["categorize.labels=[red, green, blue]", *overrides]).settings
    return run_pipeline([photos], EVENT, config, store=store, embedder=embedder or ColourEmbedder())


@pytest.fixture
def colour_event(tmp_path: Path) -> Path:
    """Four different photos of each of three colours, and a darker and a smaller copy of two of them."""
    folder = tmp_path / "photos"
    folder.mkdir()
    number = 0
    for tint in TINTS.values():
        for _ in range(4):
            image = picture(number, tint=tint)
            (folder / f"IMG_{number:03d}.jpg").write_bytes(encoded(image, quality=92))
            number += 1
    original = picture(0, tint=TINTS["red"])
    darker = ImageEnhance.Brightness(original).enhance(0.8)
    (folder / "IMG_100.jpg").write_bytes(encoded(darker, quality=80))
    smaller = picture(5, tint=TINTS["green"]).resize((224, 168), Image.Resampling.LANCZOS)
    (folder / "IMG_101.jpg").write_bytes(encoded(smaller, quality=90))
    return folder


def shown(record: EventRecord) -> list[list[str]]:
    return [list(post.photos) for post in record.posts]


def test_posts_hold_each_distinct_photo_once_with_its_colour(colour_event: Path, store: Store) -> None:
    result = run(colour_event, store)
    record = make_record(result)
    files = {file.file: file for file in record.files}
    assert sorted(n for post in shown(record) for n in post) == sorted(f for f in files if files[f].kept)
    groups = [{"IMG_000.jpg", "IMG_100.jpg"}, {"IMG_005.jpg", "IMG_101.jpg"}]
    for group in groups:
        dropped = [name for name in group if files[name].reason == "duplicate"]
        assert len(dropped) == 1
        assert {files[dropped[0]].duplicate_of} == group - set(dropped)
    assert sum(file.kept for file in record.files) == 12
    assert {post.labels[0] for post in record.posts} == set(TINTS)
    assert record.stages[3].measures["k"] == 3


def test_names_and_metadata_carry_no_answers(colour_event: Path, tmp_path: Path) -> None:
    """The same pixels under random names, in another order, with and without EXIF, give the same posts."""
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    rng = np.random.default_rng(5)
    back: dict[str, str] = {}
    for path in sorted(colour_event.iterdir()):
        name = f"{rng.integers(10**9):09d}.jpg"
        back[name] = path.name
        (renamed / name).write_bytes(without_metadata(path.read_bytes()))
    before = make_record(run(with_metadata(colour_event, tmp_path / "tagged"), Store(tmp_path / "s1")))
    after = make_record(run(renamed, Store(tmp_path / "s2")))
    assert [[back[name] for name in post] for post in shown(after)] == shown(before)
    assert [post.captions for post in after.posts] == [post.captions for post in before.posts]
    assert [post.alt_texts for post in after.posts] == [post.alt_texts for post in before.posts]


def with_metadata(folder: Path, target: Path) -> Path:
    """The same compressed pixels with a camera's EXIF in front."""
    target.mkdir()
    for i, path in enumerate(sorted(folder.iterdir())):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"2026:03:14 10:{i:02d}:00"
        payload = b"Exif\x00\x00" + exif.tobytes().removeprefix(b"Exif\x00\x00")
        segment = b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload
        data = path.read_bytes()
        (target / path.name).write_bytes(data[:2] + segment + data[2:])
    return target


def without_metadata(jpeg: bytes) -> bytes:
    """The file less its APP1 segments."""
    kept, position = jpeg[:2], 2
    while jpeg[position + 1] != 0xDA:
        length = int.from_bytes(jpeg[position + 2 : position + 4], "big") + 2
        if jpeg[position + 1] != 0xE1:
            kept += jpeg[position : position + length]
        position += length
    return kept + jpeg[position:]


def test_a_second_run_computes_nothing_and_writes_the_same_bytes(colour_event: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    write_result(run(colour_event, store), tmp_path / "out1", store)
    embedder, again = ColourEmbedder(), Store(tmp_path / "s")
    second = run(colour_event, again, embedder=embedder)
    write_result(second, tmp_path / "out2", again)
    assert again.computed == {}
    assert (embedder.photos_embedded, embedder.texts_embedded) == (0, 0)
    first_files, second_files = tree(tmp_path / "out1"), tree(tmp_path / "out2")
    assert first_files.keys() == second_files.keys()
    for name, data in first_files.items():
        if name == "posts.json":
            assert without_seconds(data) == without_seconds(second_files[name])
        else:
            assert data == second_files[name], name


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def without_seconds(data: bytes) -> Any:
    record = json.loads(data)
    for stage in record["stages"]:
        stage.pop("seconds")
    return record


def test_bad_files_are_set_aside_and_the_event_goes_on(colour_event: Path, store: Store) -> None:
    whole = encoded(picture(50, (600, 400)))
    (colour_event / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (colour_event / "empty.jpg").write_bytes(b"")
    (colour_event / "notes.txt").write_text("buy batteries")
    (colour_event / ".DS_Store").write_bytes(b"\x00")
    (colour_event / "huge.png").write_bytes(encoded(Image.new("L", (3000, 3000))))
    record = make_record(run(colour_event, store, "ingest.max_pixels=5000000"))
    reasons = {file.file: file.reason for file in record.files if file.message}
    assert reasons == {
        "cut.jpg": "unreadable",
        "empty.jpg": "empty",
        "notes.txt": "not_an_image",
        ".DS_Store": "system_file",
        "huge.png": "too_many_pixels",
    }
    assert sum(file.kept for file in record.files) == 12


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_events(tmp_path: Path, store: Store, n: int) -> None:
    for i in range(n):
        (tmp_path / f"{i}.png").write_bytes(encoded(picture(i, tint=list(TINTS.values())[i]), "PNG"))
    record = make_record(run(tmp_path, store))
    assert sorted(name for post in shown(record) for name in post) == [f"{i}.png" for i in range(n)]


def test_identical_photos_make_one_post_of_one_photo(tmp_path: Path, store: Store) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(5):
        (photos / f"{i}.jpg").write_bytes(encoded(picture(1)))
    record = make_record(run(photos, store))
    assert [len(post) for post in shown(record)] == [1]
    assert sum(file.reason == "duplicate" for file in record.files) == 4


def test_flat_photos_without_anything_to_hold_on_to(tmp_path: Path, store: Store) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for i, tint in enumerate(TINTS.values()):
        (photos / f"{i}.png").write_bytes(encoded(Image.new("RGB", (400, 300), tint), "PNG"))
    record = make_record(run(photos, store))
    assert len(record.posts) == 1, "even an event of poor photos has a post"


def test_no_photo_at_all_is_an_error(tmp_path: Path, store: Store) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    with pytest.raises(NoPhotosError, match="it holds no files"):
        run(photos, store)
    (photos / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(NoPhotosError, match=r"a\.jpg ends in \.jpg but does not decode"):
        run(photos, store)


@pytest.mark.parametrize(
    ("pipeline", "kept", "captioned"),
    [
        ("[ingest]", 14, False),
        ("[ingest, dedupe_quality]", 12, False),
        ("[ingest, cluster, captioner]", 14, True),
        ("[ingest, dedupe_quality, captioner]", 12, True),
    ],
)
def test_stages_that_are_left_out_are_skipped(
    colour_event: Path, store: Store, pipeline: str, kept: int, captioned: bool
) -> None:
    record = make_record(run(colour_event, store, f"pipeline={pipeline}"))
    assert sum(file.kept for file in record.files) == kept
    assert all(bool(post.captions) == captioned for post in record.posts)
    assert [stage.stage for stage in record.stages] == pipeline.strip("[]").split(", ")


def test_selection_keeps_the_best_k(colour_event: Path, store: Store) -> None:
    record = make_record(run(colour_event, store, "selection.k=5"))
    assert sum(file.kept for file in record.files) == 5
    assert sum(file.reason == "not_selected" for file in record.files) == 7


def test_perceptual_hashes_need_no_model_for_duplicates(colour_event: Path, store: Store) -> None:
    overrides = ("pipeline=[ingest, dedupe_quality]", "dedupe.method=phash", "selection.k=null")
    embedder = ColourEmbedder()
    record = make_record(run(colour_event, store, *overrides, "dedupe.near_dup_threshold=10", embedder=embedder))
    assert sum(file.kept for file in record.files) == 12
    assert embedder.photos_embedded == 0


def test_unverified_candidates_are_all_taken(colour_event: Path, store: Store) -> None:
    record = make_record(run(colour_event, store, "dedupe.verify=none", "dedupe.clip_threshold=0.5"))
    assert sum(file.kept for file in record.files) < 12


def test_captions_are_scored_only_where_the_model_can_judge(colour_event: Path, tmp_path: Path) -> None:
    inside = run(colour_event, Store(tmp_path / "a"))
    assert all(post.captions["template"].clip_cosine is not None for post in inside.posts)
    outside = run(colour_event, Store(tmp_path / "b"), embedder=ColourEmbedder(knows_world=False))
    assert all(post.captions["template"].clip_cosine is None for post in outside.posts)
    assert all(post.labels == () for post in outside.posts)


def test_limits_hold_with_a_warm_store(colour_event: Path, store: Store) -> None:
    """The same settings give the same result, whatever the store knows from other runs."""
    run(colour_event, store)
    with pytest.raises(NoPhotosError, match=r"more than ingest\.max_pixels \(1000\)"):
        run(colour_event, store, "ingest.max_pixels=1000")


def test_a_photo_that_trips_a_measure_is_set_aside(
    colour_event: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    import core.ingest

    def trip(pixels: np.ndarray) -> Any:
        if pixels.shape[1] == 224:  # the smaller copy
            raise ValueError("tripped")
        return describe(pixels)

    describe = core.ingest.describe
    monkeypatch.setattr(core.ingest, "describe", trip)
    files = {file.file: file for file in make_record(run(colour_event, store)).files}
    assert files["IMG_101.jpg"].reason == "unreadable"
    assert files["IMG_101.jpg"].message == "cannot be read: tripped"
    assert sum(file.kept for file in files.values()) == 12


def test_a_thumbnail_never_stays_in_place_of_its_original(tmp_path: Path, store: Store) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    original = picture(7, (1600, 1200))
    for name, size in {"large": (1600, 1200), "half": (800, 600), "tiny": (160, 120)}.items():
        data = encoded(original.resize(size, Image.Resampling.LANCZOS), quality=92)
        (photos / f"{name}.jpg").write_bytes(data)
    record = make_record(run(photos, store, "dedupe.clip_threshold=0.9"))
    assert shown(record) == [["large.jpg"]]
