"""Captions for many photos: batches, the store, and photos that cannot be read."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from PIL import Image

from core.errors import ModelError, PhotoError
from core.store import Store
from core.vlm.model import VisionLanguageModel
from core.vlm.writing import Look, Shot, Shown, Written, write_captions
from tests.vlm_helpers import FAMILIES, captions, decoding, open_model, photos

Models = Callable[[str], VisionLanguageModel]
PROMPTS = ["", "a photo of", "write a caption about music on the big stage", "a photo of", "food", "happy people"]


def fail(error: Exception) -> Image.Image:
    raise error


def shot(content: str, prompt: str, opened: Callable[[], Image.Image]) -> Shot:
    look = Look(content=content, open=lambda: Shown(image=opened()))
    return Shot(prompt=prompt, look=lambda: look)


def shots(prompts: Sequence[str] = PROMPTS) -> list[Shot]:
    images = photos(len(prompts))
    return [shot(f"photo {i}", prompt, partial(images[i].convert, "RGB")) for i, prompt in enumerate(prompts)]


def written(model: Any, asked: Sequence[Shot], store: Store, how: Any = None, **more: Any) -> list[Written]:
    results = dict(write_captions(model, asked, how or decoding(), store=store, **more))
    assert sorted(results) == list(range(len(asked))), "each shot is answered once"
    return [results[i] for i in range(len(asked))]


@pytest.mark.parametrize("name", FAMILIES)
def test_batches_write_what_each_photo_gets_alone(vlm: Models, store: Store, name: str) -> None:
    model = vlm(name)
    for how in (decoding(), decoding(num_beams=2)):
        alone = []
        for one in shots():
            features = model.features([model.pixels(one.look().open().image)])
            alone.append(model.generate(list(features), [one.prompt], how)[0][0])
        assert [result.captions for result in written(model, shots(), store, how)] == [(text,) for text in alone]


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_sampled_words_do_not_depend_on_batches(vlm: Models, vlm_folder: Any, tmp_path: Any, batch_size: int) -> None:
    how = decoding(do_sample=True)
    expected = written(vlm("git"), shots(), Store(tmp_path / "a"), how, variants=2, seed=4)
    other = open_model(vlm_folder("git"), batch_size=batch_size)
    got = written(other, shots()[::-1], Store(tmp_path / "b"), how, variants=2, seed=4)[::-1]
    assert got == expected
    assert all(len(set(result.captions)) == 2 for result in got)
    assert written(other, shots(), Store(None), how, variants=2, seed=5) != expected
    assert written(other, shots(), Store(None), decoding(do_sample=True, seed=4), variants=2, seed=5) == expected


def test_what_is_stored_is_not_computed_again(vlm: Models, store: Store) -> None:
    model = vlm("blip2-t5")
    first = written(model, shots(), store)
    closed = [shot(f"photo {i}", prompt, partial(fail, AssertionError("opened"))) for i, prompt in enumerate(PROMPTS)]
    assert written(model, closed, store) == first
    assert (store.found["caption"], store.computed["caption"], store.computed["features"]) == (6, 6, 6)
    beams = written(model, closed, store, decoding(num_beams=3))
    assert beams == written(model, shots(), Store(None), decoding(num_beams=3)), "from stored features"
    assert store.found["features"] == 6


def test_what_is_shown_in_part_is_not_stored(vlm: Models, store: Store) -> None:
    look = Look(content="grid", open=lambda: Shown(image=photos(1)[0], complete=False))
    written(vlm("git"), [Shot(prompt="", look=lambda: look)], store)
    assert list(store.sizes()) == []


def test_too_long_a_prompt_or_caption_is_an_error_that_says_so(vlm: Models, store: Store) -> None:
    with pytest.raises(ModelError, match=r"has room for 160 tokens, but prompt \(4\d\d\) and caption \(12\) need"):
        written(vlm("git"), [shots(["food " * 400])[0]], store)
    with pytest.raises(ModelError, match=r"caption \(1024\)"):
        written(vlm("blip"), [shots(["food"])[0]], store, decoding(max_new_tokens=1024))


def test_features_need_not_be_kept(vlm: Models, store: Store) -> None:
    written(vlm("git"), shots(), store, keep_features=False)
    assert written(vlm("git"), shots(), store) == written(vlm("git"), shots(), Store(None))
    written(vlm("git"), shots(), store, decoding(max_new_tokens=5))
    assert (store.found["caption"], store.found.get("features", 0)) == (6, 0)


@pytest.mark.parametrize("error", [PhotoError("unreadable", "is cut short"), OSError("gone"), ValueError("bad mode")])
@pytest.mark.parametrize("place", [0, 3, 5])
def test_a_photo_that_cannot_be_read_stops_nobody(vlm: Models, store: Store, error: Exception, place: int) -> None:
    model, asked = vlm("git"), shots()
    good = written(model, asked, Store(None))
    bad = [shot("bad", "", partial(fail, error)), Shot(prompt="", look=partial(fail, error))]
    for asked[place] in bad:
        for _ in range(2):  # a failure is not stored
            results = written(model, asked, store)
            told = "cannot be read" if isinstance(error, OSError) else str(error)  # an OSError may hold a path
            assert told in str(results[place].error)
            assert results[place].captions == ()
            assert [r for i, r in enumerate(results) if i != place] == [r for i, r in enumerate(good) if i != place]


def test_captions_are_kept_apart_by_all_they_depend_on(vlm: Models, vlm_folder: Any, store: Store) -> None:
    plain = shots(["food"])
    written(vlm("git"), plain, store)
    for how in (decoding(max_new_tokens=5), decoding(num_beams=2), decoding(do_sample=True)):
        written(vlm("git"), plain, store, how)
    written(vlm("git"), plain, store, decoding(num_beams=2), variants=2)
    written(vlm("git"), plain, store, decoding(do_sample=True), seed=1)
    written(vlm("blip"), plain, store)
    written(open_model(vlm_folder("git"), dtype="bfloat16"), plain, store)
    assert store.computed["caption"] == 8
    assert store.found.get("caption", 0) == 0
    assert store.computed["features"] == 3
    written(vlm("git"), plain, store, decoding(temperature=0.5))
    assert store.found["caption"] == 1, "greedy search does not look at the temperature"


@pytest.mark.parametrize("name", FAMILIES)
def test_bfloat16_features_come_back_bit_for_bit(vlm_folder: Any, store: Store, name: str) -> None:
    model = open_model(vlm_folder(name), dtype="bfloat16")
    features = model.features([model.pixels(photo) for photo in photos(2)])
    arrays = model.storable(features[0])
    store.put_arrays("features", "k", arrays)
    back = store.get_arrays("features", "k")
    assert back is not None
    assert str(model.restored(back).dtype) == "torch.bfloat16"
    assert (model.restored(back) == features[0].cpu()).all()
    direct = captions(model)
    assert [r.captions[0] for r in written(model, shots(["a photo of"] * 3), store)] == direct
    again = written(model, shots(["a photo of"] * 3), store, decoding(max_new_tokens=11))
    assert [r.captions[0][:4] for r in again] == [text[:4] for text in direct]
