"""The small CLIP model: what its training is made of, that it learns, and that the shipped one is good."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.mini.clip_data import CONTEXT
from core.mini.lexicon import CONCEPTS, NEUTRAL_PROMPT, PROMPTS, known_words, merges_of, write_vocabulary
from core.mini.scenes import LABELS, TOPICS, sample_scene
from core.mini.voice import VOICES
from core.mini.voiced import caption_words, voiced

FOLDER = Path(__file__).parents[1] / "core" / "mini" / "clip"
SEED, PHOTOS = 777, 70  # an event used for nothing else


def test_every_word_is_one_token(tmp_path: Path) -> None:
    open_clip = pytest.importorskip("open_clip")
    words = known_words()
    size = write_vocabulary(tmp_path / "bpe.txt.gz", words)
    tokenizer = open_clip.SimpleTokenizer(bpe_path=str(tmp_path / "bpe.txt.gz"), context_length=24)
    assert tokenizer.vocab_size == size
    assert all(len(tokenizer.encode(word)) == 1 for word in words)
    assert tokenizer.decode(tokenizer.encode("a zebra at noon")).strip() == "a zebra at noon"


def test_merges_are_the_same_each_time() -> None:
    assert merges_of(["lake", "cake"]) == merges_of(["lake", "cake"])
    assert merges_of(["at"]) == [("a", "t</w>")]


def test_known_words_cover_captions_labels_and_prompts() -> None:
    words, rng = set(known_words()), np.random.default_rng(12345)
    for topic in TOPICS:
        for _ in range(100):
            assert set(sample_scene(rng, topic).caption.split()) <= words
    for name in (*LABELS, *CONCEPTS):
        assert set(" ".join(PROMPTS).format(label=name).split()) <= words
    assert set(NEUTRAL_PROMPT.split()) <= words


def test_what_clubs_say_is_known_and_fits_the_context() -> None:
    words = set(caption_words())
    for plain, told in voiced().items():
        assert len(told) == len(VOICES)
        for text in (plain, *told):
            assert set(text.split()) <= words, text
            assert len(text.split()) + 2 <= CONTEXT, text


def test_captions_fit_the_context() -> None:
    context = json.loads((FOLDER / "open_clip_config.json").read_text())["model_cfg"]["text_cfg"]["context_length"]
    rng = np.random.default_rng(1)
    longest = max(len(sample_scene(rng, topic).caption.split()) for topic in TOPICS for _ in range(200))
    assert longest + 2 <= context


def test_textures_are_fixed_by_their_generator() -> None:
    from core.mini.textures import texture

    first = [texture(48, np.random.default_rng(seed)) for seed in range(12)]
    again = [texture(48, np.random.default_rng(seed)) for seed in range(12)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(image.shape == (48, 48, 3) and image.dtype == np.uint8 for image in first)


def test_a_view_without_strength_is_the_photo() -> None:
    torch = pytest.importorskip("torch")
    from core.mini.views import MEAN, STD, look, spoiled

    generator = torch.Generator().manual_seed(0)
    batch = torch.full((3, 3, 80, 80), 100, dtype=torch.uint8)
    seen = look(batch, 64, generator, strength=0)
    assert seen.shape == (3, 3, 64, 64)
    assert torch.allclose(seen * STD + MEAN, torch.tensor(100 / 255), atol=1e-5)
    assert torch.equal(spoiled(batch, 1e-9, generator), batch)
    assert (spoiled(batch.repeat(40, 1, 1, 1), 1.0, generator) != 100).float().mean() > 0.5


def test_losses_reward_what_they_should() -> None:
    torch = pytest.importorskip("torch")
    from core.mini.losses import caption_loss, instance_loss, likeness_loss

    eye, photo = torch.eye(4), torch.arange(4).repeat(2)
    good, bad = eye.repeat(2, 1), torch.cat([eye, eye.roll(1, 0)])
    scale = torch.tensor(20.0)
    assert caption_loss(good, eye, photo, scale) < 0.4 < 1 < caption_loss(bad, eye, photo, scale)
    assert likeness_loss(good, photo, photo) == 0 < likeness_loss(bad, photo, photo)
    one_topic = torch.zeros(8, dtype=torch.int64)
    assert likeness_loss(good, photo, one_topic) > likeness_loss(good, photo, photo)
    assert instance_loss(good, photo, torch.arange(8)) < instance_loss(bad, photo, torch.arange(8))


@pytest.mark.slow
def test_a_smoke_training_learns(tmp_path: Path) -> None:
    from core.mini.measure import MiniClip
    from core.mini.train_clip import SMOKE, train

    history = train(tmp_path / "clip", SMOKE)
    for name in ("caption", "label", "likeness"):
        values = [losses[name] for losses in history]
        assert np.mean(values[-5:]) < 0.8 * np.mean(values[:5]), name
    texts = MiniClip(tmp_path / "clip").texts(["a photo", "a photo of food"])
    assert np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)


@pytest.fixture(scope="module")
def shipped():  # type: ignore[no-untyped-def]
    from core.mini.measure import MiniClip, embedded_events

    model = MiniClip(FOLDER)
    (event,) = embedded_events(model, events=1, first_seed=SEED, photos=PHOTOS)
    return model, event, json.loads((FOLDER / "calibration.json").read_text())


def test_the_shipped_model_is_small_and_whole(shipped) -> None:  # type: ignore[no-untyped-def]
    model, _, calibration = shipped
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 12_000_000
    assert next(model.model.parameters()).dtype.is_floating_point
    assert str(next(model.model.parameters()).dtype) == "torch.float32"
    assert calibration["known_words"] == known_words()
    assert (FOLDER / calibration["bpe_path"]).is_file()
    assert (FOLDER / calibration["domain"]["file"]).is_file()


def test_the_shipped_model_labels_an_unseen_event(shipped) -> None:  # type: ignore[no-untyped-def]
    from core.mini.measure import micro_f1
    from core.mini.training_scenes import label_matrix

    model, event, calibration = shipped
    truth = label_matrix([row.labels for row in event.rows])
    assert micro_f1(model.label_scores(event.images), truth, calibration["label_threshold"]) >= 0.9


def test_the_shipped_model_groups_an_unseen_event(shipped) -> None:  # type: ignore[no-untyped-def]
    from core.mini.measure import purity

    _, event, _ = shipped
    share, _ = purity(event.images[event.distinct], [event.rows[i].topic for i in event.distinct])
    assert share >= 0.9


def test_the_shipped_model_proposes_the_copies(shipped) -> None:  # type: ignore[no-untyped-def]
    from core.mini.measure import originals, pair_cosines

    _, event, calibration = shipped
    same, other = pair_cosines(event.images, originals(event.rows))
    assert (same >= calibration["clip_threshold"]).mean() >= 0.99
    # The threshold leaves room for real photos (core/mini/calibrate.py, MARGIN); about one in six pairs lies above it.
    assert (other >= calibration["clip_threshold"]).mean() < 0.25


def test_the_gate_knows_the_rendered_world(shipped) -> None:  # type: ignore[no-untyped-def]
    from PIL import Image

    from core.mini.measure import Gate
    from core.mini.textures import texture

    model, event, calibration = shipped
    gate = Gate.load(FOLDER, calibration)
    assert gate.inside(event.images).mean() >= 0.95
    rng = np.random.default_rng(SEED)
    nothing = model.images([Image.fromarray(texture(240, rng)) for _ in range(40)])
    assert gate.inside(nothing).mean() <= 0.1
