"""Records as examples to learn from, the same for the same seed, epoch and record, whoever reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageEnhance

from core.errors import ConfigError
from core.store import digest
from core.training.augment import augment_caption
from core.training.collate import cut_caption
from core.training.features import FrozenFeatures, TrainingPhotos
from core.training.record import Record
from core.training.settings import ImageChangeSettings, Recipe
from core.vlm.model import Example, VisionLanguageModel
from core.vlm.prompts import CLUB_PROMPT, PromptTemplate

__all__ = [
    "Captions", "CutCaptions", "change_image", "check_room", "count_tokens", "learnt_captions", "prompt_template",
]  # fmt: skip
References = Literal["first", "all", "random"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CutCaptions:
    """How long captions are, in tokens of the model, without their end."""

    lengths: tuple[int, ...]
    """Before any is cut."""
    cut: int
    """How many are longer than `train.max_seq_len`."""

    @property
    def total(self) -> int:
        """Tokens of all captions."""
        return sum(self.lengths)


class Captions:
    """Examples of a set of records, as `torch.utils.data.Dataset` has them.

    Args:
        records: cleaned.
        features: the stored ones; None decodes and preprocesses the photo each time.
        training: whether captions and photos are changed at random, as the recipe says.
    """

    def __init__(
        self,
        records: Sequence[Record],
        model: VisionLanguageModel,
        recipe: Recipe,
        photos: TrainingPhotos,
        *,
        features: FrozenFeatures | None = None,
        training: bool = True,
    ) -> None:
        self._model = model
        self._recipe = recipe
        self._photos = photos
        self._features = features
        self._training = training
        self._epoch = 0
        self._items = [(record, record.captions) for record in records]
        if training and recipe.train.references == "all":
            self._items = [(record, (caption,)) for record in records for caption in record.captions]

    def set_epoch(self, epoch: int) -> None:
        """Random changes are others in each epoch; workers that read ahead begin after this."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Example:
        record, captions = self._items[index]
        generator = np.random.default_rng(int(digest(self._recipe.train.seed, self._epoch, index)[:15], 16))
        caption = captions[0]
        if self._training:
            if self._recipe.train.references == "random":
                caption = captions[int(generator.integers(len(captions)))]
            caption = augment_caption(caption, self._recipe.augment_captions, generator)
        return Example(
            prompt=self._model.prompt.fill(record.event or None, record.labels),
            caption=cut_caption(caption, self._model.processor.tokenizer, self._recipe.train.max_seq_len),
            **self._seen(record, generator),
        )

    def _seen(self, record: Record, generator: np.random.Generator) -> dict[str, Any]:
        if self._features is not None:
            return {"features": self._features.get(record.image)}
        image = self._photos.open(record.image, self._model)
        if self._training:
            image = change_image(image, self._recipe.augment_images, generator)
        return {"pixel_values": self._model.pixels(image)}


def change_image(image: Image.Image, settings: ImageChangeSettings, generator: np.random.Generator) -> Image.Image:
    """A photo as it is shown this time: cropped, mirrored, lit; draws in the same way whatever the photo."""
    left, top, right, bottom = generator.uniform(0, settings.crop, 4)
    mirrored, light = generator.random() < 0.5, 1 + generator.uniform(-settings.light, settings.light)
    width, height = image.size
    if settings.crop:
        box = (left * width, top * height, width - right * width, height - bottom * height)
        image = image.crop((round(box[0]), round(box[1]), round(box[2]), round(box[3])))
    if settings.mirror and mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return ImageEnhance.Brightness(image).enhance(light) if settings.light else image


def learnt_captions(records: Sequence[Record], references: References) -> list[str]:
    """The captions that training by `train.references` sees: of each record the first, or every one."""
    if references == "first":
        return [record.caption for record in records]
    return [caption for record in records for caption in record.captions]


def count_tokens(
    records: Sequence[Record], tokenizer: Any, most: int, *, references: References = "first"
) -> CutCaptions:
    """How many tokens the captions have that are learnt from, and how many captions are cut."""
    captions = learnt_captions(records, references)
    lengths = [len(tokenizer(caption, add_special_tokens=False)["input_ids"]) for caption in captions]
    return CutCaptions(lengths=tuple(lengths), cut=sum(length >= most for length in lengths))


def check_room(model: VisionLanguageModel, records: Sequence[Record], recipe: Recipe) -> None:
    """Hold the longest prompt and caption against the positions that a model has learnt.

    Raises:
        ConfigError: they are too long.
    """
    room = model.family.positions(model.model)
    if room is None:
        return
    prompts = {model.prompt.fill(record.event or None, record.labels) for record in records}
    prompt = max(len(model.family.prompt_ids(model.model, model.processor, text)) for text in prompts)
    caption = max(recipe.train.max_seq_len, recipe.eval.max_new_tokens if recipe.eval.generate else 0)
    needed = model.family.tokens_needed(model.model, prompt, caption)
    if needed > room:
        raise ConfigError(
            f"{model.name} has room for {room} tokens, but the longest prompt ({prompt}) and caption ({caption}) need "
            f"{needed}; shorten train.prompt, or lower train.max_seq_len and eval.max_new_tokens"
        )


def prompt_template(recipe: Recipe, base_prompt: PromptTemplate) -> PromptTemplate:
    """The prompt that a recipe asks for, saved with what is trained and used again with it."""
    asked = recipe.train.prompt
    template = CLUB_PROMPT if asked is None else base_prompt if asked == "base" else PromptTemplate(text=asked)
    tail = recipe.train.prompt_tail
    if not tail:
        return template
    without_event = template.without_event
    return template.model_copy(
        update={
            "text": f"{template.text} {tail}".strip(),
            "without_event": None if without_event is None else f"{without_event} {tail}".strip(),
        }
    )
