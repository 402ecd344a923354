"""The loss of each token: what the families' own loss is the mean of."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from core.errors import ModelError
from core.training.token_loss import text_batch, token_losses
from core.vlm.model import Example, VisionLanguageModel
from tests.vlm_helpers import FAMILIES, photos

Models = Callable[[str], VisionLanguageModel]
CAPTIONS = ["red stage and happy band", "food", "people at night in a field"]
PROMPT = "a photo of"


def shown(model: Any) -> list[Any]:
    return list(model.features([model.pixels(photo) for photo in photos(len(CAPTIONS))]))


@pytest.mark.parametrize("name", FAMILIES)
def test_tokens_losses_average_to_the_models_own(vlm: Models, name: str) -> None:
    model = vlm(name)
    found = token_losses(model, text_batch(model, shown(model), [PROMPT] * 3, CAPTIONS))
    flat = [loss for row in found.losses for loss in row]
    assert sum(flat) / len(flat) == pytest.approx(found.mean, abs=1e-5)
    assert [len(row) for row in found.losses] == [len(row) for row in found.tokens]
    said = model.processor.batch_decode([list(row) for row in found.tokens], skip_special_tokens=True)
    assert [text.strip() for text in said] == CAPTIONS


@pytest.mark.parametrize("name", FAMILIES)
def test_a_caption_costs_the_same_alone_and_in_a_batch(vlm: Models, name: str) -> None:
    model = vlm(name)
    features = shown(model)
    together = token_losses(model, text_batch(model, features, [PROMPT] * 3, CAPTIONS))
    for i, caption in enumerate(CAPTIONS):
        alone = token_losses(model, text_batch(model, features[i : i + 1], [PROMPT], [caption]))
        assert alone.losses[0] == pytest.approx(together.losses[i], abs=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_loss_is_minus_the_log_of_the_next_tokens_probability(vlm: Models, name: str) -> None:
    """Teacher forcing by hand: the first token's probability is what `generate` would draw it with."""
    model = vlm(name)
    features = shown(model)[:1]
    found = token_losses(model, text_batch(model, features, [PROMPT], CAPTIONS[:1]))
    ids = model.family.prompt_ids(model.model, model.processor, PROMPT)
    how: dict[str, Any] = {"max_new_tokens": 1, "do_sample": False, "output_logits": True}
    rows = torch.tensor([ids])
    seen: list[Any] = []
    head = model.model.get_output_embeddings()
    if name == "blip":
        head = model.model.text_decoder.get_output_embeddings()
    handle = head.register_forward_hook(lambda module, inputs, output: seen.append(output))
    try:
        with torch.inference_mode():
            model.family.generate(model.model, torch.stack(features), rows, torch.ones_like(rows), **how)
    finally:
        handle.remove()
    first = seen[0][0, -1].float()
    assert -first.log_softmax(-1)[found.tokens[0][0]].item() == pytest.approx(found.losses[0][0], abs=1e-4)


@pytest.mark.parametrize("name", ["git", "florence2", "blip2-opt"])
def test_a_caption_without_room_is_an_error_that_says_so(vlm: Models, name: str) -> None:
    model = vlm(name)
    with pytest.raises(ModelError, match=r"has room for \d+ tokens, but prompt and caption need \d+; shorten one"):
        text_batch(model, shown(model)[:1], [PROMPT], ["stage " * 200])


def test_label_smoothing_is_in_the_training_loss_only(vlm: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    model = vlm("blip")
    batch = text_batch(model, shown(model), [PROMPT] * 3, CAPTIONS)
    plain = token_losses(model, batch)
    monkeypatch.setattr(model.model.text_decoder, "label_smoothing", 0.1)
    smoothed = token_losses(model, batch)
    assert smoothed.losses == plain.losses
    assert abs(smoothed.mean - plain.mean) > 1e-3


def test_a_training_model_is_measured_without_dropout_and_left_as_it_was(vlm: Models) -> None:
    model = vlm("git")
    batch = model.collate([Example(pixel_values=model.pixels(photos(1)[0]), prompt=PROMPT, caption=CAPTIONS[0])])
    expected = token_losses(model, batch)
    model.model.train()
    model.model.git.image_encoder.eval()
    try:
        assert token_losses(model, batch) == expected
        assert model.model.git.encoder.training
        assert not any(module.training for module in model.model.git.image_encoder.modules())
    finally:
        model.model.eval()
