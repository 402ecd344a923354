"""CLIP metrics of captions of photos: by hand, with photos of one colour and an embedder that sees colours."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.errors import InputError
from core.metrics.corpus import TextSettings
from core.scoring import ClipJudge, ScoreReport, score_files
from core.settings import PipelineConfig
from core.store import Store
from tests.fakes import ColourEmbedder

SEEN = (1 + 0.2 * 0.3) / math.sqrt(1.04 * 1.09)  # a photo and the name of its colour
UNSEEN = 0.2 * 0.3 / math.sqrt(1.04 * 1.09)  # of another colour
APART = 0.3 * 0.3 / 1.09  # the names of two colours


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / ".photos"  # a hidden folder above a photo does not hide it
    (folder / "deep").mkdir(parents=True)
    for name, colour in {"000000000007.jpg": "#ff0000", "deep/b.png": "#0000ff"}.items():
        Image.new("RGB", (64, 64), colour).save(folder / name, quality=100, subsampling=0)
    return folder


def score(photos: Path, references: Any, *captions: dict[str, str], embedder: ColourEmbedder) -> ScoreReport:
    files = []
    for name, content in {"refs": references, **{f"c{i}": own for i, own in enumerate(captions)}}.items():
        files.append(photos.parent / f"{name}.json")
        files[-1].write_text(json.dumps(content))
    clip = ClipJudge(folder=photos, embedder=embedder, store=Store(photos.parent / "s"), config=_config())
    other = files[2] if len(files) > 2 else None
    return score_files(files[1], files[:1], TextSettings(resamples=50), candidates_b=other, clip=clip)


def _config() -> PipelineConfig:
    from core.config import load_config

    return load_config(overrides=["embeddings.model=mini"]).settings


def test_both_units_and_the_one_with_references(photos: Path) -> None:
    references = {"7": ["a red wall"], "deep/b": ["a red wall", "something blue"]}
    report = score(photos, references, {"7": "all red", "deep/b": "a green sea"}, embedder=ColourEmbedder())
    assert report.ids == ("7", "deep/b")
    values = {name: report.items[name].tolist() for name in ("clip_cosine", "clipscore", "refclipscore")}
    expected = {
        "clip_cosine": [SEEN, UNSEEN],
        "clipscore": [2.5 * SEEN, 2.5 * UNSEEN],
        "refclipscore": [2 * 2.5 * SEEN / (2.5 * SEEN + 1), 2 * 2.5 * UNSEEN * APART / (2.5 * UNSEEN + APART)],
    }
    for name, own in expected.items():
        assert values[name] == pytest.approx(own, abs=3e-3), name  # JPEG's red is not quite pure
        assert report.scores[name].value == pytest.approx(sum(own) / 2, abs=3e-3)
        assert report.scores[name].details == {"captions": 2}
    assert report.signature["clip_model"] == {"name": "colours", "key": "colours-1"}


def test_photos_are_embedded_once_for_two_files(photos: Path) -> None:
    embedder = ColourEmbedder()
    references = {"000000000007.jpg": ["red"], "b.png": ["blue"]}
    (photos / "deep" / "b.png").rename(photos / "b.png")
    right = {"000000000007.jpg": "red", "b.png": "blue"}
    wrong = {"000000000007.jpg": "blue", "b.png": "red"}
    report = score(photos, references, wrong, right, embedder=embedder)
    assert embedder.photos_embedded == 2
    assert report.comparison is not None
    assert report.comparison["clip_cosine"].difference == pytest.approx(SEEN - UNSEEN, abs=5e-3)


def test_a_model_that_cannot_judge_the_photos_gives_no_number(photos: Path) -> None:
    captions = {"7": "red"}
    report = score(photos, {"7": ["red"]}, captions, embedder=ColourEmbedder(knows_world=False))
    assert "clip_cosine" not in report.scores
    assert "colours cannot judge these photos" in report.absent["clip_cosine"]


@pytest.mark.parametrize("name", ["x" * 5000, "9" * 5000, "a/" * 3000 + "b", "a\x00b"])
def test_an_id_that_no_file_can_have_is_no_photo(photos: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"has no photo for 1 of 1 captions: .{1,61}; a photo is found by its id"):
        score(photos, {name: ["red"]}, {name: "red"}, embedder=ColourEmbedder())


@pytest.mark.parametrize("name", ["../outside.png", "nowhere"])
def test_a_photo_must_lie_in_the_folder(photos: Path, name: str) -> None:
    Image.new("RGB", (64, 64)).save(photos.parent / "outside.png")
    with pytest.raises(InputError, match="has no photo for 1 of 1 captions"):
        score(photos, {name: ["red"]}, {name: "red"}, embedder=ColourEmbedder())


def test_a_photo_that_cannot_be_read_is_named(photos: Path) -> None:
    (photos / "bad.jpg").write_bytes(b"\xff\xd8\xff no photo")
    with pytest.raises(InputError, match=r"1 of 1 photos cannot be used: bad\.jpg ends in"):
        score(photos, {"bad": ["red"]}, {"bad": "red"}, embedder=ColourEmbedder())
