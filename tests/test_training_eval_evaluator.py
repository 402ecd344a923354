"""The evaluator: the same records, prompts and decoding every time, from photos or from stored features."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import ModelUnavailableError
from core.store import Store
from core.training.clip_fit import ClipJudge, open_clip_judge
from core.training.evaluation import Evaluator, decoding_of
from core.training.features import FrozenFeatures, TrainingPhotos
from core.training.record import Record
from core.training.scoring import METRICS
from core.training.settings import ClipScoreSettings, EvalSettings
from core.vlm.model import VisionLanguageModel
from core.vlm.prompts import PromptTemplate
from core.weights import Calibration
from tests.vlm_helpers import FAMILIES

Models = Callable[[str], VisionLanguageModel]
PROMPT = PromptTemplate(text="caption for {event}. focus: {labels}")
CAPTIONS = ["red stage and happy band", "food", "people at night in a field", "a small band", "the big stage"]


@pytest.fixture(scope="module")
def image_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(3)
    for i in range(len(CAPTIONS)):
        noise = random.integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(noise).resize((80, 60)).save(root / f"{i}.png")
    return root


def records() -> list[Record]:
    events = ["Freshers", "", "Campus Day", "Freshers", ""]
    labels = [("stage",), (), ("night", "people"), (), ("stage",)]
    return [
        Record(image=f"{i}.png", caption=caption, event=events[i], labels=labels[i])
        for i, caption in enumerate(CAPTIONS)
    ]


def evaluator(root: Path, **changed: Any) -> Evaluator:
    plain: dict[str, Any] = {
        "settings": EvalSettings(max_new_tokens=6),
        "prompt": PROMPT,
        "photos": TrainingPhotos(root=root),
        "training_captions": ["a caption of old"],
        "batch_size": 2,
        "resamples": 50,
    }
    return Evaluator(**(plain | changed))


@pytest.mark.parametrize("name", FAMILIES)
def test_stored_features_change_nothing(vlm: Models, image_root: Path, store: Store, name: str) -> None:
    model, photos = vlm(name), TrainingPhotos(root=image_root)
    stored = FrozenFeatures(model, photos, store)
    plain = evaluator(image_root).evaluate(model, records(), step=7)
    stored.compute([record.image for record in records()], batch_size=5)
    again = evaluator(image_root, features=stored).evaluate(model, records(), step=7)
    assert again.metrics == pytest.approx(plain.metrics, rel=1e-5, abs=1e-6)
    assert [p.prediction for p in again.predictions] == [p.prediction for p in plain.predictions]
    assert plain.step == 7
    assert plain.metrics["perplexity"] == pytest.approx(np.exp(plain.metrics["eval_loss"]), rel=1e-4)
    expected = [m for m in METRICS if not m.startswith("clip")]
    assert list(plain.metrics) == expected
    assert all(low <= high for low, high in plain.intervals.values())
    assert [p.prompt for p in plain.predictions] == [PROMPT.fill(r.event, r.labels) for r in records()]


@pytest.mark.parametrize("name", ["git", "blip2-t5"])
def test_captions_are_those_of_the_model_asked_alone(vlm: Models, image_root: Path, name: str) -> None:
    model, settings = vlm(name), EvalSettings(max_new_tokens=5, num_beams=2, no_repeat_ngram_size=2)
    found = evaluator(image_root, settings=settings).evaluate(model, records(), step=0)
    for record, prediction in zip(records(), found.predictions, strict=True):
        with Image.open(image_root / record.image) as image:
            features = model.features([model.pixels(image.convert("RGB"))])
        asked = PROMPT.fill(record.event, record.labels)
        assert prediction.prediction == model.generate(list(features), [asked], decoding_of(settings))[0][0]
        assert prediction.references == (record.caption,)


def test_the_loss_is_weighted_by_tokens(vlm: Models, image_root: Path) -> None:
    model = vlm("git")
    settings = EvalSettings(generate=False)
    by_size = [
        evaluator(image_root, settings=settings, batch_size=size).evaluate(model, records(), step=0).metrics
        for size in (1, 2, 5)
    ]
    assert by_size[0].keys() == {"eval_loss", "perplexity"}
    assert by_size[1] == pytest.approx(by_size[0], rel=1e-5)
    assert by_size[2] == pytest.approx(by_size[0], rel=1e-5)
    each = [
        evaluator(image_root, settings=settings).evaluate(model, [r], step=0).metrics["eval_loss"] for r in records()
    ]
    assert by_size[0]["eval_loss"] != pytest.approx(np.mean(each), rel=1e-3), "a plain mean would not do"


def test_long_captions_cost_what_training_sees_of_them(vlm: Models, image_root: Path) -> None:
    model, settings = vlm("git"), EvalSettings(generate=False)
    long = [Record(image="0.png", caption="red stage and happy band at night")]
    short = [Record(image="0.png", caption="red stage and")]
    cut = evaluator(image_root, settings=settings, max_caption_tokens=4).evaluate(model, long, step=0)
    assert cut.metrics == evaluator(image_root, settings=settings).evaluate(model, short, step=0).metrics


def test_a_subset_is_drawn_once_by_the_seed(vlm: Models, image_root: Path) -> None:
    settings = EvalSettings(eval_subset_size=3, max_new_tokens=2)
    one = evaluator(image_root, settings=settings, seed=1)
    chosen = [record.image for record in one.subset(records())]
    assert len(chosen) == 3
    assert chosen == sorted(chosen)
    assert chosen == [record.image for record in one.subset(records())]
    others = [evaluator(image_root, settings=settings, seed=seed).subset(records()) for seed in range(9)]
    assert any([record.image for record in other] != chosen for other in others)
    found = one.evaluate(vlm("git"), records(), step=0)
    assert [p.image for p in found.predictions] == chosen
    assert (found.count, found.total) == (3, 5)
    assert "only 3 records: too few to conclude from" in found.notices


def test_dropout_is_off_and_on_again(vlm: Models, image_root: Path) -> None:
    model = vlm("git")
    expected = evaluator(image_root).evaluate(model, records(), step=0).metrics
    model.model.train()
    model.model.git.image_encoder.eval()
    try:
        assert evaluator(image_root).evaluate(model, records(), step=0).metrics == expected
        assert model.model.git.encoder.training
        assert not model.model.git.image_encoder.training
    finally:
        model.model.eval()


class FakeClip:
    """Embeds a photo by its mean colour and a text by the colours it names."""

    name = "fake"
    key = "fake"
    calibration = Calibration()
    logit_scale = 1.0
    seen = 0

    def load(self) -> None:
        pass

    def preprocess(self, image: Image.Image) -> Any:
        FakeClip.seen += 1
        return np.asarray(image, dtype=np.float32).mean((0, 1))

    def images(self, batch: Any) -> np.ndarray:
        return np.stack([v / np.linalg.norm(v) for v in batch])

    def texts(self, texts: Any) -> np.ndarray:
        return np.stack([np.eye(3, dtype=np.float32)[0] for _ in texts])

    def in_world(self, embeddings: np.ndarray) -> np.ndarray:
        return np.ones(len(embeddings), dtype=bool)


def test_clip_embeds_each_photo_once(vlm: Models, image_root: Path, store: Store) -> None:
    model, photos = vlm("git"), TrainingPhotos(root=image_root)
    judge = ClipJudge(FakeClip(), store, batch_size=2)
    FakeClip.seen = 0
    first = evaluator(image_root, clip=judge).evaluate(model, records(), step=0)
    assert FakeClip.seen == 5
    again = evaluator(image_root, clip=ClipJudge(FakeClip(), store)).evaluate(model, records(), step=1)
    assert FakeClip.seen == 5
    assert again.metrics == first.metrics
    vectors = judge.embeddings(["1.png"], photos, model)
    cosines = [p.scores["clip_cosine"] for p in first.predictions]
    assert cosines[1] == pytest.approx(float(vectors[0, 0]), abs=1e-3)
    assert first.metrics["clip_cosine"] == pytest.approx(np.mean([c for c in cosines if c is not None]))
    assert first.metrics["clipscore"] == pytest.approx(2.5 * first.metrics["clip_cosine"], abs=1e-3)


def test_clip_scores_are_never_left_out_in_silence(store: Store) -> None:
    assert open_clip_judge(ClipScoreSettings(enabled=False), store) is None
    with pytest.raises(ModelUnavailableError, match="ViT-B-32 are not on this machine"):
        open_clip_judge(ClipScoreSettings(enabled=True), store)


def test_the_random_state_of_training_is_left_alone(vlm: Models, image_root: Path) -> None:
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    evaluator(image_root).evaluate(vlm("git"), records(), step=0)
    assert torch.equal(torch.rand(3), expected)
