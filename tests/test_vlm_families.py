"""Each family writes exactly what transformers' own code writes, photo by photo."""

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from core.errors import ModelError
from core.vlm.family import IGNORED
from core.vlm.model import Example, VisionLanguageModel
from tests.vlm_helpers import FAMILIES, captions, photos

PROMPTS = ["", "a photo of", "write a caption for the club post about music. focus on stage, band."]
Models = Callable[[str], VisionLanguageModel]


@pytest.fixture(scope="session")
def published(vlm_folder: Callable[[str], Path]) -> Callable[[str], tuple[Any, Any]]:
    """Model and processor as transformers' Auto classes load them, without Montage."""

    @cache
    def load(name: str) -> tuple[Any, Any]:
        folder = vlm_folder(name)
        model = transformers.AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True).eval()
        return model, transformers.AutoProcessor.from_pretrained(folder, local_files_only=True)

    return load


def prepared(name: str, processor: Any, photo: Any, prompt: str) -> tuple[dict[str, Any], int]:
    """Inputs by the family's own processor, and how many of the answer's tokens are the prompt's."""
    inputs = dict(processor(images=photo, text=prompt, return_tensors="pt"))
    inputs.pop("token_type_ids", None)
    length = inputs["input_ids"].shape[1]
    if name == "git":  # as its documentation says: [CLS], no [SEP]
        inputs["input_ids"], inputs["attention_mask"] = inputs["input_ids"][:, :-1], inputs["attention_mask"][:, :-1]
        return inputs, length - 1
    return inputs, {"blip": length - 1, "blip2-opt": length}.get(name, 0)


def by_transformers(name: str, model: Any, processor: Any, photo: Any, prompt: str, **how: Any) -> str:
    inputs, cut = prepared(name, processor, photo, prompt)
    with torch.inference_mode():
        tokens = model.generate(**inputs, max_new_tokens=8, **how)
    return str(processor.batch_decode(tokens[:, cut:], skip_special_tokens=True)[0]).strip()


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompt_ids_are_the_processors(vlm: Models, published: Any, name: str, prompt: str) -> None:
    inputs, _ = prepared(name, published(name)[1], photos(1)[0], prompt)
    expected = inputs["input_ids"][0].tolist()
    if name == "blip":  # generate() does this: [CLS] becomes [DEC], [SEP] is cut off
        expected = [vlm(name).model.config.text_config.bos_token_id, *expected[1:-1]]
    model = vlm(name)
    assert model.family.prompt_ids(model.model, model.processor, prompt) == expected


def test_florence_prompt_may_be_a_task(vlm: Models, published: Any) -> None:
    model = vlm("florence2")
    inputs, _ = prepared("florence2", published("florence2")[1], photos(1)[0], "<CAPTION>")
    assert model.family.prompt_ids(model.model, model.processor, "<CAPTION>") == inputs["input_ids"][0].tolist()
    question = model.family.prompt_ids(model.model, model.processor, "What does the image describe?")
    assert question == inputs["input_ids"][0].tolist()


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(("beams", "ngram"), [(1, 1), (3, 0)])
def test_captions_are_those_of_transformers(vlm: Models, published: Any, name: str, beams: int, ngram: int) -> None:
    how: dict[str, Any] = {"num_beams": beams, "no_repeat_ngram_size": ngram or None, "do_sample": False}
    if beams > 1:
        how |= {"length_penalty": 1.5, "early_stopping": True}
    told = {"max_new_tokens": 8, "num_beams": beams, "no_repeat_ngram_size": ngram, "length_penalty": 1.5}
    seen = set()
    for prompt in PROMPTS:
        expected = [by_transformers(name, *published(name), photo, prompt, **how) for photo in photos(3)]
        assert captions(vlm(name), prompt, **told) == expected
        seen |= set(expected)
    assert len(seen) > 3, "nearly all photos get the same caption, so the test shows nothing"


@pytest.mark.parametrize("name", FAMILIES)
def test_another_photo_is_another_loss(vlm: Models, name: str) -> None:
    model = vlm(name)
    losses = []
    for photo in photos(3):
        batch = model.collate(
            [Example(pixel_values=model.pixels(photo), prompt="a photo of", caption="stage and band")]
        )
        losses.append(model.loss(batch).item())
    assert min(abs(a - b) for a, b in pairwise(losses)) > 1e-3


@pytest.mark.parametrize("name", ["blip2-t5", "blip2-opt"])
def test_blip2_without_image_tokens_is_refused(vlm: Models, name: str) -> None:
    model = vlm(name)
    features = model.features([model.pixels(photos(1)[0])])
    ids = torch.tensor([model.processor.tokenizer("a photo of").input_ids])
    with pytest.raises(ModelError, match=r"expects 4 image tokens .* got \[0\]; .* ignore the photo"):
        model.family.generate(model.model, features, ids, torch.ones_like(ids))
    with pytest.raises(ModelError, match="expects 4 image tokens"):
        model.loss({"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids, "features": features})


@pytest.mark.parametrize("name", ["blip2-t5", "blip2-opt", "florence2"])
def test_words_cannot_pass_for_the_photo(vlm: Models, name: str) -> None:
    model = vlm(name)
    ids = model.family.prompt_ids(model.model, model.processor, "about <image> night")
    plain = model.family.prompt_ids(model.model, model.processor, "")
    image_token = model.processor.tokenizer.convert_tokens_to_ids("<image>")
    assert ids.count(image_token) == plain.count(image_token) > 1
    captions(model, "about <image> night", count=1)


@pytest.mark.parametrize("name", FAMILIES)
def test_loss_is_that_of_transformers(vlm: Models, published: Any, name: str) -> None:
    reference, processor = published(name)
    prompt, caption = "a photo of", "red stage and happy band"
    for photo in photos(2):
        inputs, _ = prepared(name, processor, photo, prompt)
        text = processor.tokenizer(caption, add_special_tokens=name == "florence2").input_ids
        if name == "blip2-t5":
            text.append(processor.tokenizer.eos_token_id)
        elif name == "blip":
            inputs["input_ids"] = inputs["input_ids"][:, :-1]
            inputs["input_ids"][:, 0] = reference.config.text_config.bos_token_id
            inputs["attention_mask"] = inputs["attention_mask"][:, :-1]
        labels = torch.tensor([text])
        if name in ("blip2-opt", "git", "blip"):
            line_break = processor.tokenizer.convert_tokens_to_ids("Ċ")
            end = torch.tensor([[line_break if name == "blip2-opt" else processor.tokenizer.sep_token_id]])
            text_ids = torch.cat([labels, end], 1)
            labels = torch.cat([torch.full_like(inputs["input_ids"], IGNORED), text_ids], 1)
            inputs["input_ids"] = torch.cat([inputs["input_ids"], text_ids], 1)
            inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        with torch.no_grad():
            expected = reference(**inputs, labels=labels).loss.item()
        model = vlm(name)
        example = Example(pixel_values=model.pixels(photo), prompt=prompt, caption=caption)
        assert model.loss(model.collate([example])).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_stored_features_give_the_same_loss_and_gradients(vlm: Models, name: str) -> None:
    model = vlm(name)
    pixels = [model.pixels(photo) for photo in photos(3)]
    stored = [model.storable(row)["features"] for row in model.features(pixels)]
    texts = [("a photo of", "red stage"), ("", "a happy band on the campus"), ("write a caption", "food")]
    results = []
    for kind, values in (("pixel_values", pixels), ("features", stored)):
        examples = [Example(**{kind: v}, prompt=p, caption=c) for v, (p, c) in zip(values, texts, strict=True)]
        model.model.zero_grad()
        loss = model.loss(model.collate(examples))
        loss.backward()
        language = {
            n: copy.deepcopy(p.grad)
            for n, p in model.model.named_parameters()
            if model.family.parts.of(n) == "language" and p.grad is not None
        }
        results.append((loss.item(), language))
    model.model.zero_grad()
    (loss_a, grads_a), (loss_b, grads_b) = results
    assert loss_a == loss_b
    assert grads_a.keys() == grads_b.keys()
    assert len(grads_a) > 10
    for n in grads_a:
        torch.testing.assert_close(grads_a[n], grads_b[n], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_loss_sees_the_caption_only(vlm: Models, name: str) -> None:
    model = vlm(name)
    examples = [
        Example(pixel_values=model.pixels(photo), prompt=prompt, caption=caption)
        for photo, prompt, caption in zip(photos(2), PROMPTS[1:], ["red", "a happy band on stage"], strict=True)
    ]
    batch = model.collate(examples)
    for i, example in enumerate(examples):
        seen = batch["labels"][i][batch["labels"][i] != IGNORED].tolist()
        assert model.processor.tokenizer.decode(seen, skip_special_tokens=True).strip() == example.caption
        assert seen[-1] not in model.processor.tokenizer(example.caption, add_special_tokens=False).input_ids
        prompt = model.family.prompt_ids(model.model, model.processor, example.prompt)
        assert batch["input_ids"][i][: len(prompt)].tolist() == prompt
    alone = [model.loss(model.collate([example])).item() for example in examples]
    counts = (batch["labels"] != IGNORED).sum(1)
    weighted = sum(a * int(n) for a, n in zip(alone, counts, strict=True)) / int(counts.sum())
    assert model.loss(batch).item() == pytest.approx(weighted, rel=1e-5), "padding changes the loss"


@pytest.mark.parametrize("name", FAMILIES)
def test_parameters_are_counted_by_part(vlm: Models, name: str) -> None:
    counts = vlm(name).parameter_counts()
    assert counts["total"] == sum(p.numel() for p in vlm(name).model.parameters())
    assert counts["vision"] + counts["bridge"] + counts["language"] == counts["total"]
    assert min(counts["vision"], counts["language"]) > 10_000
    assert (counts["bridge"] == 0) == (name == "blip")


def test_threads_may_share_a_model(vlm: Models) -> None:
    """GIT's image encoder is out of its place while it writes from stored features."""
    model, pictures = vlm("git"), photos(4)
    alone = [captions(model, prompt) for prompt in PROMPTS]
    pixels = [model.pixels(photo) for photo in pictures]
    features = model.features(pixels)
    with ThreadPoolExecutor(4) as pool:
        written = [pool.submit(captions, model, prompt) for prompt in PROMPTS * 3]
        encoded = [pool.submit(model.features, pixels) for _ in range(12)]
        assert [task.result() for task in written] == alone * 3
        assert all((task.result() == features).all() for task in encoded)
