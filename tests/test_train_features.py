"""Stored features: the same loss, gradients and words as with the photo; no vision side; off, aloud, where they lie."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import InputError, ModelError
from core.settings import DecodingSettings
from core.store import Store, digest
from core.training.collate import Collator
from core.training.features import FrozenFeatures, TrainingPhotos, why_features_are_off
from core.training.learner import LearningModel, learner
from core.training.settings import Recipe
from core.vlm.checkpoint import open_checkpoint
from core.vlm.model import Example
from core.vlm.presets import FAMILIES as ALL
from core.vlm.prompts import PromptTemplate
from core.vlm.writing import Look, Shot, Shown, write_captions
from tests.train_helpers import write_data
from tests.vlm_helpers import FAMILIES, decoding, load_settings

IMAGES = ["0.png", "1.png", "2.png"]
RECIPE = Recipe.model_validate({"base_model": "x", "lora": {"r": 4, "dropout": 0.0}})


def learning(folder: Path, **changed: Any) -> LearningModel:
    return LearningModel(open_checkpoint(folder, name="base"), load_settings(**changed), PromptTemplate(text="a photo"))


@pytest.fixture
def photos(tmp_path: Path) -> TrainingPhotos:
    return TrainingPhotos(root=write_data(tmp_path / "data"))


def batch(model: LearningModel, seen: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
    captions = ["a singer on stage", "red lights", "food"]
    return Collator(model)(
        [Example(prompt="a photo of", caption=c, **one) for c, one in zip(captions, seen, strict=True)]
    )


def loss_and_gradients(model: LearningModel, seen: Sequence[dict[str, Any]]) -> tuple[Any, dict[str, torch.Tensor]]:
    for name, parameter in model.model.named_parameters():  # B is zero at first, and so would be A's gradients be
        if ".lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(len(name)))
    module = learner(model).eval()  # T5's own dropout would draw
    loss = module(**batch(model, seen))["loss"]
    loss.backward()
    return loss.detach(), {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_gradients_and_words_are_those_of_the_photo_and_the_vision_side_is_not_loaded(
    vlm_folder: Callable[[str], Path], family: str, photos: TrainingPhotos, store: Store
) -> None:
    whole = learning(vlm_folder(family))
    features = FrozenFeatures(whole, photos, store)
    assert features.missing(IMAGES) == IMAGES
    assert features.compute(IMAGES, batch_size=3) == {}
    assert features.missing(IMAGES) == []
    whole.prepare(RECIPE)
    part = learning(vlm_folder(family))
    part.load_without_vision()
    part.prepare(RECIPE)
    seen = [{"pixel_values": whole.pixels(photos.open(image, whole))} for image in IMAGES]
    stored = [{"features": FrozenFeatures(part, photos, store).get(image)} for image in IMAGES]
    full_loss, full_gradients = loss_and_gradients(whole, seen)
    part_loss, part_gradients = loss_and_gradients(part, stored)
    assert torch.equal(full_loss, part_loss)
    assert full_gradients.keys() == part_gradients.keys()
    assert all(torch.equal(full_gradients[name], part_gradients[name]) for name in full_gradients)
    how = decoding(num_beams=2, max_new_tokens=8)
    prompts = ["a photo of"] * 3
    told = whole.generate(list(whole.features([one["pixel_values"] for one in seen])), prompts, how)
    assert part.generate([one["features"] for one in stored], prompts, how) == told
    parts = part.family.parts
    left = [n for n, _ in part.model.named_parameters() if parts.of(n) in part.family.features_include]
    assert set(left) <= {"base_model.model.query_tokens"}  # BLIP-2's, which is no layer
    assert part.parameter_counts() == whole.parameter_counts()
    with pytest.raises(ModelError, match="loaded without its vision side"):
        part.features([seen[0]["pixel_values"]])


class Reading:
    """A safetensors file that notes which weights are read; a header tells shapes without that."""

    def __init__(self, file: Any, read: set[str]) -> None:
        self._file = file
        self._read = read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def get_slice(self, name: str) -> Any:
        return ReadingSlice(self._file.get_slice(name), lambda: self._read.add(name))

    def get_tensor(self, name: str) -> Any:
        self._read.add(name)
        return self._file.get_tensor(name)


class ReadingSlice:
    """One weight of such a file."""

    def __init__(self, weight: Any, note: Callable[[], None]) -> None:
        self._weight = weight
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._weight, name)

    def __getitem__(self, index: Any) -> Any:
        self._note()
        return self._weight[index]


@pytest.mark.parametrize("family", ["git", "blip2-t5"])
def test_weights_of_the_vision_side_are_not_even_read(
    vlm_folder: Callable[[str], Path], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers.modeling_utils as loading

    read: set[str] = set()
    real = loading.safe_open
    monkeypatch.setattr(loading, "safe_open", lambda *args, **how: Reading(real(*args, **how), read))
    whole, part = learning(vlm_folder(family)), learning(vlm_folder(family))
    whole.load()
    every = set(read)
    with real(vlm_folder(family) / "model.safetensors", framework="pt") as file:
        assert every == set(file.keys())
    read.clear()
    part.load_without_vision()
    seen_by = whole.family.features_include
    vision = {name for name in every if whole.family.parts.of(name) in seen_by and name != "query_tokens"}
    assert len(vision) > 10
    assert read == every - vision


def test_dropping_the_vision_side_frees_it_and_training_goes_on(
    vlm_folder: Callable[[str], Path], photos: TrainingPhotos, store: Store
) -> None:
    model = learning(vlm_folder("florence2"))
    features = FrozenFeatures(model, photos, store)
    features.compute(IMAGES, batch_size=2)
    before = model.parameter_counts()
    model.drop_vision()
    after = model.parameter_counts()
    assert before["vision"] > 0
    assert {**after, "trainable": 0} == {**before, "trainable": 0}  # told of the whole model
    assert all(model.family.parts.of(name) == "language" for name, _ in model.model.named_parameters())
    model.prepare(RECIPE)
    loss, gradients = loss_and_gradients(model, [{"features": features.get(image)} for image in IMAGES])
    assert torch.isfinite(loss)
    assert gradients


def test_what_captioning_stored_serves_training(
    vlm_folder: Callable[[str], Path], photos: TrainingPhotos, store: Store
) -> None:
    model = learning(vlm_folder("git"))
    how = DecodingSettings.model_validate(decoding(max_new_tokens=2).model_dump())

    def look() -> Look:
        content = digest("file", digest((photos.root / "0.png").read_bytes()), "reduced", False)
        return Look(content=content, open=lambda: Shown(image=photos.open("0.png", model)))

    list(write_captions(model, [Shot(prompt="a photo", look=look)], how, store=store))
    assert FrozenFeatures(model, photos, store).missing(IMAGES) == ["1.png", "2.png"]


def test_features_change_with_photo_scale_model_and_format(
    vlm_folder: Callable[[str], Path], photos: TrainingPhotos, store: Store
) -> None:
    plain = FrozenFeatures(learning(vlm_folder("git")), photos, store).key("0.png")
    full = TrainingPhotos(root=photos.root, scale="full")
    assert FrozenFeatures(learning(vlm_folder("git")), full, store).key("0.png") != plain
    assert FrozenFeatures(learning(vlm_folder("blip")), photos, store).key("0.png") != plain
    assert FrozenFeatures(learning(vlm_folder("git"), dtype="bfloat16"), photos, store).key("0.png") != plain
    assert FrozenFeatures(learning(vlm_folder("git")), photos, store).key("0.png") == plain


def test_a_photo_that_cannot_be_read_is_told_and_the_others_go_on(
    vlm_folder: Callable[[str], Path], photos: TrainingPhotos, store: Store
) -> None:
    (photos.root / "1.png").write_bytes(b"no photo")
    features = FrozenFeatures(learning(vlm_folder("git")), photos, store)
    failed = features.compute(IMAGES, batch_size=2)
    assert list(failed) == ["1.png"]
    assert "1.png ends in .png but does not decode" in str(failed["1.png"])
    assert features.missing(IMAGES) == ["1.png"]
    assert features.missing(["gone.png"]) == ["gone.png"]
    assert "gone.png cannot be read" in str(features.compute(["gone.png"], batch_size=2)["gone.png"])
    with pytest.raises(ModelError, match=r"the features of 1.png are not in the store .*features.enabled=false"):
        features.get("1.png")
    with pytest.raises(InputError, match="need a store on disk"):
        FrozenFeatures(features.model, photos, Store(None))


@pytest.mark.parametrize(
    ("family", "sections", "trained", "told"),
    [
        ("git", {}, {"language"}, None),
        ("git", {}, {"language", "bridge"}, None),  # GIT's features are those before its projection
        ("blip2", {}, {"language", "bridge"}, "because the bridge side is trained"),
        ("florence2", {}, {"language", "vision", "bridge"}, "because the bridge and vision sides are trained"),
        ("git", {"augment_images": {"mirror": True}}, {"language"}, "because augment_images changes the photos"),
        ("git", {"features": {"enabled": False}}, {"language"}, "features.enabled"),
    ],
)
def test_features_turn_themselves_off_aloud(
    family: str, sections: dict[str, Any], trained: set[str], told: str | None
) -> None:
    recipe = Recipe.model_validate({"base_model": "x", **sections})
    why = why_features_are_off(recipe, ALL[family], frozenset(trained))
    assert (why is None) if told is None else told in str(why)
