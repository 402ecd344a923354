"""Examples and batches: labels, cut captions, prompts, and changes at random that are the same for the same seed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core.training.collate import Collator, cut_caption
from core.training.dataset import Captions, change_image, count_tokens, prompt_template
from core.training.features import TrainingPhotos
from core.training.learner import LearningModel
from core.training.record import Record
from core.training.settings import ImageChangeSettings, Recipe
from core.vlm.checkpoint import open_checkpoint
from core.vlm.family import IGNORED
from core.vlm.model import Example
from core.vlm.prompts import CLUB_PROMPT, PromptTemplate
from tests.train_helpers import write_data
from tests.vlm_helpers import FAMILIES, load_settings, photos


def learning(folder: Path, prompt: PromptTemplate = CLUB_PROMPT) -> LearningModel:
    return LearningModel(open_checkpoint(folder, name=folder.name), load_settings(), prompt)


@pytest.fixture
def examples(tmp_path: Path, vlm_folder: Callable[[str], Path]) -> Callable[..., Captions]:
    data = write_data(tmp_path / "data")
    model = learning(vlm_folder("git"), PromptTemplate(text="at {event}: {labels}"))

    def make(records: list[Record], *, training: bool = True, **sections: Any) -> Captions:
        recipe = Recipe.model_validate({"base_model": "git", **sections})
        return Captions(records, model, recipe, TrainingPhotos(root=data), training=training)

    return make


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_are_the_captions_alone_padded_with_minus_100(vlm_folder: Callable[[str], Path], family: str) -> None:
    model = learning(vlm_folder(family))
    captions = ["red lights", "a singer on stage with the band"]
    pixels = [model.pixels(photo) for photo in photos(2)]
    batch = Collator(model)(
        [Example(pixel_values=p, prompt="a photo of", caption=c) for p, c in zip(pixels, captions, strict=True)]
    )
    tokenizer = model.processor.tokenizer
    for row, caption in zip(batch["labels"], captions, strict=True):
        told = row[row != IGNORED].tolist()
        assert tokenizer.decode(told, skip_special_tokens=True).strip() == caption
        assert tokenizer.pad_token_id not in told
        assert len(told) > len(tokenizer(caption, add_special_tokens=False).input_ids)  # its end is learnt, too
    assert (batch["labels"][0] == IGNORED).any()
    assert batch["labels"].dtype == torch.int64
    assert {value.device.type for value in batch.values()} == {"cpu"}
    assert batch["pixel_values"].shape[0] == 2


def test_the_loss_of_a_batch_does_not_depend_on_padding(vlm: Callable[[str], Any]) -> None:
    model = vlm("git")
    pixels = [model.pixels(photo) for photo in photos(2)]
    short = Example(pixel_values=pixels[0], prompt="a photo of", caption="red lights")
    long = Example(pixel_values=pixels[1], prompt="a photo of", caption="a singer on stage with the band and lights")
    both, alone = Collator(model)([short, long]), [Collator(model)([one]) for one in (short, long)]
    with torch.no_grad():
        counts = [int((batch["labels"] != IGNORED).sum()) for batch in alone]
        apart = sum(float(model.loss(batch)) * n for batch, n in zip(alone, counts, strict=True)) / sum(counts)
        assert float(model.loss(both)) == pytest.approx(apart, rel=1e-5)


@pytest.mark.parametrize("family", ["git", "blip2-t5", "florence2"])
def test_captions_are_cut_after_whole_tokens(vlm_folder: Callable[[str], Path], family: str) -> None:
    tokenizer = learning(vlm_folder(family)).processor.tokenizer
    caption = "a singer on stage with the band"
    whole = tokenizer(caption, add_special_tokens=False).input_ids
    assert cut_caption(caption, tokenizer, len(whole) + 1) == caption  # with its end it has so many
    shorter = cut_caption(caption, tokenizer, len(whole))
    assert caption.startswith(shorter)
    assert tokenizer(shorter, add_special_tokens=False).input_ids == whole[: len(whole) - 1]
    told = count_tokens([Record(image="a.jpg", caption=caption)], tokenizer, len(whole))
    assert (told.lengths, told.cut) == ((len(whole),), 1)


@pytest.mark.parametrize(("references", "captions", "cut"), [("first", 2, 0), ("all", 4, 1), ("random", 4, 1)])
def test_every_caption_that_is_learnt_from_is_counted(
    vlm_folder: Callable[[str], Path], references: Any, captions: int, cut: int
) -> None:
    tokenizer = learning(vlm_folder("git")).processor.tokenizer
    long = "a singer on stage with the band"
    records = [
        Record(image="a.jpg", caption="red lights", references=("lights", long)),
        Record(image="b.jpg", caption="red lights"),
    ]
    most = len(tokenizer(long, add_special_tokens=False).input_ids)
    told = count_tokens(records, tokenizer, most, references=references)
    assert (len(told.lengths), told.cut) == (captions, cut)


def test_the_prompt_of_each_example_is_its_events(examples: Callable[..., Captions]) -> None:
    records = [
        Record(image="0.png", caption="one", event="Freshers Night", labels=("stage", "night")),
        Record(image="1.png", caption="two"),
    ]
    made = examples(records)
    assert [made[i].prompt for i in range(2)] == [
        "at Freshers Night: stage, night",
        "at a college event: event moments",
    ]


@pytest.mark.parametrize(
    ("asked", "tail", "text"),
    [
        (None, "", CLUB_PROMPT.text),
        (None, "No hashtags.", CLUB_PROMPT.text + " No hashtags."),
        ("base", "", "as the base says"),
        ("<CAPTION>", "", "<CAPTION>"),
        ("", "", ""),
    ],
)
def test_the_prompt_is_the_clubs_the_bases_or_ones_own(asked: str | None, tail: str, text: str) -> None:
    recipe = Recipe.model_validate({"base_model": "git", "train": {"prompt": asked, "prompt_tail": tail}})
    assert prompt_template(recipe, PromptTemplate(text="as the base says")).text == text


def test_captions_change_from_epoch_to_epoch_and_are_the_same_again(examples: Callable[..., Captions]) -> None:
    records = [Record(image="0.png", caption=", ".join(f"part {i}" for i in range(8)))] * 3
    made = examples(records, augment_captions={"shuffle": True, "dropout": 0.3})

    def epoch(number: int) -> list[str]:
        made.set_epoch(number)
        return [made[i].caption for i in range(3)]

    assert epoch(0) == epoch(0)
    assert epoch(0) != epoch(1)
    assert any(caption == "" for number in range(8) for caption in epoch(number))
    still = examples(records, training=False, augment_captions={"shuffle": True, "dropout": 1.0})
    assert {still[i].caption for i in range(3)} == {records[0].caption}


@pytest.mark.parametrize(("references", "count", "seen"), [("first", 2, 1), ("all", 4, 3), ("random", 2, 3)])
def test_further_captions_of_a_photo(examples: Callable[..., Captions], references: str, count: int, seen: int) -> None:
    records = [
        Record(image="0.png", caption="one", references=("two", "three")),
        Record(image="1.png", caption="four"),
    ]
    made = examples(records, train={"references": references})
    assert len(made) == count
    found = set()
    for epoch in range(20):
        made.set_epoch(epoch)
        found |= {made[i].caption for i in range(len(made))}
    assert len(found - {"four"}) == seen


def test_changed_photos_are_cropped_mirrored_and_lit_within_bounds() -> None:
    image = Image.fromarray(np.tile(np.linspace(0, 200, 100, dtype=np.uint8)[None, :, None], (80, 1, 3)))
    settings = ImageChangeSettings(mirror=True, crop=0.1, light=0.2)
    made = [change_image(image, settings, np.random.default_rng(i)) for i in range(20)]
    assert all(80 <= one.width <= 100 and 64 <= one.height <= 80 for one in made)
    rising = [np.asarray(one)[0, -1, 0] > np.asarray(one)[0, 0, 0] for one in made]
    assert {True, False} == set(map(bool, rising))
    again = change_image(image, settings, np.random.default_rng(3))
    assert np.array_equal(np.asarray(again), np.asarray(made[3]))
    assert change_image(image, ImageChangeSettings(), np.random.default_rng(0)) is image
