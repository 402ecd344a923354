"""What a model learnt, seen on one photo: the price of each token of a caption before and after, and what moved.

The price is the cross-entropy, minus the log of the probability that the model gave the token (in nats): 0 is a
certain guess, 0.69 one of two, 4.6 one of a hundred.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from core.errors import ConfigError, PhotoError
from core.photos import decode_photo
from core.settings import DecodingSettings, PipelineConfig
from core.training.moved import Moved, moved_between, moved_by_adapter
from core.training.token_loss import TokenLosses, text_batch, token_losses
from core.vlm.adapters import Adapter
from core.vlm.checkpoint import Checkpoint
from core.vlm.model import VisionLanguageModel
from core.vlm.prompts import CLUB_PROMPT

__all__ = ["Explanation", "TokenPrice", "explain", "explain_photo"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenPrice:
    """One token of the caption."""

    text: str
    base: float
    """Cross-entropy under the base model, in nats."""
    tuned: float | None = None
    """The same under the fine-tuned model; None where there is none."""

    @property
    def change(self) -> float:
        """Below 0 where the fine-tuned model expects the token more than the base did."""
        return 0.0 if self.tuned is None else self.tuned - self.base


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What one photo and its caption show of a model."""

    caption: str
    prompt: str
    base: str
    """Name of the base model."""
    tuned: str | None
    """Name of the fine-tuned model, or None."""
    tokens: tuple[TokenPrice, ...]
    """In the caption's order; the last one is the end of the caption."""
    moved: tuple[Moved, ...] = ()
    """Weights that differ, those that moved most first."""
    total_parameters: int = 0
    """Of the base model."""
    writes: dict[str, str] = field(default_factory=dict)
    """What base and fine-tuned model write of the photo themselves, by their names."""

    @property
    def base_loss(self) -> float:
        """Mean over the tokens under the base model: the loss of this caption."""
        return sum(token.base for token in self.tokens) / len(self.tokens)

    @property
    def tuned_loss(self) -> float | None:
        """The same under the fine-tuned model."""
        prices = [token.tuned for token in self.tokens if token.tuned is not None]
        return sum(prices) / len(prices) if prices else None

    @property
    def moved_parameters(self) -> int:
        """Numbers in the weights that moved."""
        return sum(one.parameters for one in self.moved)


def explain(
    base: VisionLanguageModel,
    tuned: Adapter | VisionLanguageModel | None,
    image: Image.Image,
    caption: str,
    *,
    event: str | None = None,
    labels: Sequence[str] = (),
) -> Explanation:
    """Compare two models on one photo. Both are asked with the prompt of the fine-tuned one: only weights differ.

    Args:
        base: without an adapter; with `tuned` as an adapter it holds that one afterwards.
        tuned: an adapter for the base, another checkpoint (a full fine-tune), or None to look at the base alone.
        image: upright, RGB.
        caption: the reference, as training would see it.

    Raises:
        ConfigError: the caption is empty.
        ModelError: the adapter is not for the base, or the checkpoint is of another family.
    """
    if not caption.strip():
        raise ConfigError("the caption is empty; give the one that the photo should have")
    name = None if tuned is None else tuned.name
    own = tuned.prompt or CLUB_PROMPT if isinstance(tuned, Adapter) else (tuned or base).prompt
    prompt = own.fill(event, labels)
    before = _prices(base, image, prompt, caption)
    after: TokenLosses | None = None
    moved: list[Moved] = []
    total = sum(parameter.numel() for parameter in base.model.parameters())
    if isinstance(tuned, Adapter):
        base.use_adapter(tuned)
        name = base.name  # with the adapter's
        after = _prices(base, image, prompt, caption)
        moved = moved_by_adapter(base)
    elif tuned is not None:
        after = _prices(tuned, image, prompt, caption)
        moved = moved_between(base, tuned)
    texts = _texts(base, before.tokens[0])
    prices = [*after.losses[0]] if after is not None else [None] * len(texts)
    return Explanation(
        caption=caption,
        prompt=prompt,
        base=base.checkpoint.name,
        tuned=name,
        tokens=tuple(
            TokenPrice(text=text, base=was, tuned=now)
            for text, was, now in zip(texts, before.losses[0], prices, strict=True)
        ),
        moved=tuple(moved),
        total_parameters=total,
    )


def explain_photo(
    base: Checkpoint,
    tuned: Adapter | Checkpoint | None,
    path: Path,
    caption: str,
    settings: PipelineConfig,
    *,
    event: str | None = None,
    labels: Sequence[str] = (),
) -> tuple[Explanation, Image.Image]:
    """Explain a photo's file, in float32, and let both models write what they would say of it.

    Returns:
        The explanation, and the photo as it was shown.

    Raises:
        PhotoError: the photo cannot be read.
    """
    # In bfloat16 small changes of a weight vanish.
    exact = settings.captioner.load.model_copy(update={"dtype": "float32", "quantization": "none"})
    model = VisionLanguageModel(base, exact)
    other = VisionLanguageModel(tuned, exact) if isinstance(tuned, Checkpoint) else tuned
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PhotoError("unreadable", f"{path} cannot be read: {error.strerror or error}") from None
    try:
        image = decode_photo(
            data, path.name, max_pixels=settings.ingest.max_pixels, size_px=model.reduced_size_px
        ).image
    except PhotoError as error:
        raise PhotoError(error.reason, f"{path} {error}") from None
    decoding = settings.captioner.decoding
    found = explain(model, other, image, caption, event=event, labels=labels)
    writes = {}
    if isinstance(tuned, Adapter):
        writes[found.tuned or tuned.name] = _says(model, image, found.prompt, decoding)
        model.use_adapter(None)
    elif isinstance(other, VisionLanguageModel):
        writes[other.name] = _says(other, image, found.prompt, decoding)
    own = model.prompt.fill(event, labels)  # the base is asked as it knows it
    return replace(found, writes={found.base: _says(model, image, own, decoding)} | writes), image


def _says(model: VisionLanguageModel, image: Image.Image, prompt: str, decoding: DecodingSettings) -> str:
    plain = decoding.model_copy(update={"do_sample": False})
    return model.generate(list(model.features([model.pixels(image)])), [prompt], plain)[0][0]


def _prices(model: VisionLanguageModel, image: Image.Image, prompt: str, caption: str) -> TokenLosses:
    features = model.features([model.pixels(image)])
    return token_losses(model, text_batch(model, list(features), [prompt], [caption]))


def _texts(model: VisionLanguageModel, tokens: Sequence[int]) -> list[str]:
    """Tokens as a person reads them: a space is ␣, and one of several that make up a character is �."""
    tokenizer = model.processor.tokenizer
    special = set(tokenizer.all_special_ids)
    texts = []
    for token in tokens[:-1]:
        text = tokenizer.decode([token])
        if token in special:
            texts.append(f"⟨{text.strip().strip('<>[]')}⟩")
        else:
            texts.append(text.strip() or ("⏎" if "\n" in text else "␣"))
    return [*texts, "⟨end⟩"]
