"""The built-in captioners: what ships, what their tokenizers know, and that training moves the right way."""

import json
import string
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from core.mini.captioner_init import start_seeing
from core.mini.captioner_learner import Learner
from core.mini.captioner_measure import MiniCaptioner, Sayings, Shown, figures
from core.mini.captioner_models import FAMILIES, IMAGE_SIZE, vision_tower, whole_words
from core.mini.scenes import TOPICS, render, sample_scene
from core.mini.train_captioner import SMOKE, looked_at, make_learner, save, train
from core.mini.training_scenes import (
    UNASKED,
    CaptionedScenes,
    facts_of,
    is_kept_back,
    make_captioned_scenes,
    squashed,
)

MINI = Path(__file__).parents[1] / "core" / "mini"
UNSEEN = 81_007
LARGEST_MB = 8.0
SAID_OF_24 = {"git": 20, "blip2": 20}

families = pytest.mark.parametrize("family", sorted(FAMILIES))


@pytest.fixture(scope="module")
def scenes() -> CaptionedScenes:
    return make_captioned_scenes(40, UNSEEN)


@families
def test_it_says_what_can_be_seen(family: str) -> None:
    rng = np.random.default_rng(UNSEEN)
    drawn = [sample_scene(rng, topic) for topic in TOPICS for _ in range(2)]
    photos = [Image.fromarray(render(scene)) for scene in drawn]
    said = MiniCaptioner(MINI / family).captions(photos)
    right = sum(text == scene.caption for text, scene in zip(said, drawn, strict=True))
    assert right >= SAID_OF_24[family], list(zip(said, [scene.caption for scene in drawn], strict=True))


@families
def test_what_ships_is_a_small_checkpoint_of_the_real_class(family: str) -> None:
    folder = MINI / family
    files = {path.name for path in folder.iterdir()}
    assert {"config.json", "generation_config.json", "model.safetensors", "processor_config.json"} <= files
    assert {"tokenizer.json", "tokenizer_config.json", "montage.json", "README.md"} <= files
    assert not {path.suffix for path in folder.iterdir()} & {".bin", ".pt", ".pth", ".pkl", ".py"}
    assert sum(path.stat().st_size for path in folder.iterdir()) < LARGEST_MB * 1e6
    assert json.loads((folder / "montage.json").read_text()) == {"prompt": {"text": FAMILIES[family].prompt}}
    model = AutoModelForImageTextToText.from_pretrained(folder)
    assert type(model).__name__ == {"git": "GitForCausalLM", "blip2": "Blip2ForConditionalGeneration"}[family]
    assert model.dtype == torch.float32
    assert model.config.vision_config.image_size == IMAGE_SIZE


@families
@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "shipped"])
def test_the_tokenizer_knows_any_ascii_text(family: str, fresh: bool) -> None:
    processor = FAMILIES[family].processor() if fresh else AutoProcessor.from_pretrained(MINI / family)
    tokenizer = processor.tokenizer
    rng = np.random.default_rng(0)
    printable = string.ascii_letters + string.digits + string.punctuation + " "
    texts = ["".join(rng.choice(list(printable), 60)) for _ in range(200)]
    texts += ["Zoë’s café – “Freshers Night” … 📸✨", "".join(printable.split()), string.punctuation]
    for text in texts:
        ids = tokenizer(text).input_ids
        assert tokenizer.unk_token_id not in ids, text
        back = tokenizer.decode(ids, skip_special_tokens=True)
        assert "".join(back.split()) == "".join(text.split())


@families
def test_every_listed_word_and_every_canonical_caption_is_made_of_whole_tokens(family: str) -> None:
    tokenizer = FAMILIES[family].processor().tokenizer
    ends = len(tokenizer("").input_ids)
    words = whole_words()
    assert 1500 < len(words) < 4000
    long = [word for word in words if len(tokenizer(word).input_ids) != 1 + ends]
    assert not long
    for caption in Sayings().facts:
        ids = tokenizer(caption).input_ids
        assert len(ids) == len(caption.split()) + ends
        assert tokenizer.decode(ids, skip_special_tokens=True) == caption


def test_a_caption_tells_its_facts() -> None:
    sayings = Sayings()
    rng = np.random.default_rng(5)
    for topic in TOPICS:
        scene = sample_scene(rng, topic)
        assert sayings.facts[scene.caption] == facts_of(scene)
        assert all(sayings.rights(scene.caption, scene.caption).values())
    assert not any(sayings.rights("no such caption", scene.caption).values())
    told = sayings.rights("two plates of soup on a blue table", "two plates of cake on a blue table")
    assert {name for name, right in told.items() if not right} == {"food.dish"}


def test_no_scene_of_a_combination_that_is_kept_back_is_trained_on(scenes: CaptionedScenes) -> None:
    assert not any(is_kept_back(caption) for caption in scenes.captions)
    captions = list(Sayings().facts)
    assert 0.05 < sum(map(is_kept_back, captions)) / len(captions) < 0.15


def test_scenes_are_kept_in_a_cache(scenes: CaptionedScenes, tmp_path: Path) -> None:
    made = make_captioned_scenes(4, UNSEEN, cache=tmp_path / "scenes.npz")
    kept = make_captioned_scenes(4, UNSEEN, cache=tmp_path / "scenes.npz")
    assert np.array_equal(made.images, kept.images)
    assert (made.captions, made.facts, made.labels) == (kept.captions, kept.facts, kept.labels)
    with pytest.raises(ValueError, match="expected 5 scenes"):
        make_captioned_scenes(5, UNSEEN, cache=tmp_path / "scenes.npz")


def test_figures_count_photos_and_facts() -> None:
    truth, wrong = "two plates of cake on a blue table", "two plates of soup on a blue table"
    shown = [
        Shown(topic="food", kind="crop", truth=truth, said=said) for said in (truth, wrong, "nothing at all", truth)
    ]
    made = figures(shown, Sayings())
    assert made["exact"]["value"] == 0.5
    assert made["attributes"]["value"] == pytest.approx((1 + 0.8 + 0 + 1) / 4)
    assert made["canonical"] == 0.75
    assert made["by_kind"] == {"crop": {"photos": 4, "exact": 0.5, "attributes": 0.7}}
    assert made["by_fact"]["food.dish"] == 0.5


def test_training_pictures_are_what_an_image_processor_gives() -> None:
    photo = Image.fromarray(render(sample_scene(np.random.default_rng(3), "stage")))
    processor = FAMILIES["git"].processor().image_processor
    given = processor(photo, return_tensors="pt").pixel_values[0]
    stored = torch.from_numpy(squashed(np.asarray(photo)))[None]
    trained = looked_at(stored.repeat(6, 1, 1, 1), torch.Generator().manual_seed(0), 0)
    gaps = [min((view - given).abs().mean(), (view.flip(-1) - given).abs().mean()).item() for view in trained[2:]]
    assert max(gaps) < 0.12  # in units of the processor's standard deviation, 64 grey levels


def test_answers_point_at_the_values_of_questions(scenes: CaptionedScenes) -> None:
    answers, questions = scenes.answers(), scenes.questions
    assert answers.shape == (40, len(questions))
    for row, facts in zip(answers, scenes.facts, strict=True):
        told = {name: values[i] for i, (name, values) in zip(row, questions.items(), strict=True) if i != UNASKED}
        assert told == facts


@families
def test_a_short_training_lowers_both_losses_and_survives_reloading(
    family: str, scenes: CaptionedScenes, tmp_path: Path
) -> None:
    settings = replace(SMOKE, batch=8, seeing_steps=12, telling_steps=28, strength=0.0, threads=1)
    learner, generator = make_learner(family, scenes, settings)
    history = train(learner, scenes, settings, generator)
    facts, captions = ([step[name] for step in history if name in step] for name in ("facts", "caption"))
    assert np.mean(facts[-5:]) < 0.8 * np.mean(facts[:5])
    assert np.mean(captions[-5:]) < 0.7 * np.mean(captions[:2])
    save(learner, tmp_path / "made")
    assert_same_loss(learner.eval(), tmp_path / "made", scenes)


def assert_same_loss(learner: Learner, folder: Path, scenes: CaptionedScenes) -> None:
    """The saved folder gives the loss of the weights in memory, rounded to half precision as they are on disk."""
    model = AutoModelForImageTextToText.from_pretrained(folder).eval()
    processor = AutoProcessor.from_pretrained(folder)
    pictures = [Image.fromarray(image.transpose(1, 2, 0)) for image in scenes.images[:4]]
    pixel_values = processor.image_processor(pictures, return_tensors="pt").pixel_values
    texts = learner.texts(scenes.captions[:4])
    for weight in learner.model.parameters():
        weight.data = weight.data.half().float()
    with torch.no_grad():
        before, after = (m(pixel_values=pixel_values, **texts).loss for m in (learner.model, model))
    assert after.item() == pytest.approx(before.item(), abs=1e-6)


def test_a_git_begins_with_the_eyes_of_a_blip2(scenes: CaptionedScenes) -> None:
    learner, _ = make_learner("git", scenes, SMOKE, MINI / "blip2")
    other, _ = make_learner("git", scenes, SMOKE)
    blip2 = AutoModelForImageTextToText.from_pretrained(MINI / "blip2")
    pixel_values = looked_at(torch.from_numpy(scenes.images[:8].copy()), torch.Generator().manual_seed(0), 0)
    with torch.no_grad():
        seen, copied, fresh = (
            tower(pixel_values).last_hidden_state.flatten(1)
            for tower in (blip2.vision_model, vision_tower(learner.model), vision_tower(other.model))
        )
    near, far = (torch.cosine_similarity(seen, x).mean().item() for x in (copied, fresh))
    assert near > 0.6
    assert near > far + 0.3


def test_a_fresh_tower_starts_with_tokens_of_about_unit_size(scenes: CaptionedScenes) -> None:
    generator = torch.Generator().manual_seed(0)
    pixel_values = looked_at(torch.from_numpy(scenes.images.copy()), generator, 0)
    model = FAMILIES["blip2"].model(FAMILIES["blip2"].processor())
    start_seeing(vision_tower(model), pixel_values, generator)
    with torch.no_grad():
        tokens = model.vision_model.embeddings(pixel_values)
    assert 0.3 < tokens.std().item() < 3
