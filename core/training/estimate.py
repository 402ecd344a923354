"""What a run will take, before it begins: parameters, tokens, steps, memory, time. Needs no weights (meta device)."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import InputError, MontageError
from core.training.base_model import Shape, empty_model, find_shape
from core.training.data import TrainingData, training_data
from core.training.dataset import learnt_captions, prompt_template
from core.training.features import why_features_are_off
from core.training.freeze import set_trainable, trained_parts
from core.training.lora import lora_config
from core.training.optim import warmup_steps
from core.training.settings import Recipe
from core.training.work import Work
from core.vlm.loading import load_processor, quiet
from core.vlm.prompts import PromptTemplate

__all__ = ["Estimate", "estimate"]

_CHARS_A_TOKEN = 4.0
"""Of English in a published model's vocabulary, where no tokenizer is at hand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Numbers about a run; None where the data that they need is not on this machine."""

    model: str
    trainable_parameters: int
    total_parameters: int
    """With the adapter, where there is one."""
    trainable_percent: float
    adapted_layers: int | None
    """Layers that the adapter sits on; None for a full fine-tune."""
    features_stored: bool
    """Whether the vision side is run once a photo instead of at each step."""
    train_records: int | None
    validation_records: int | None
    caption_tokens: int | None
    """Of the captions of an epoch, cut at `train.max_seq_len`; one a photo, or with `references: all` every one."""
    tokens_per_epoch: int | None
    """Prompt and caption tokens, without image tokens."""
    steps_per_epoch: int | None
    steps: int | None
    warmup_steps: int | None
    examples_per_step: int
    """On one device."""
    memory_gb: dict[str, float]
    """Of the device, in 10⁹ bytes: weights, gradients, optimizer, activations (of a full-length batch), total."""
    seconds_per_step: float | None
    seconds: float | None
    """Of training without evaluation, from this machine's speed just measured; about right."""
    notices: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The gist, before training begins."""
        trained = f"{self.trainable_parameters:,} of {self.total_parameters:,} parameters are trained"
        steps = "" if self.steps is None else f" in {self.steps:,} steps of {self.examples_per_step} captions"
        time = "" if self.seconds is None else f" and {max(1, round(self.seconds)):,} s of training"
        return f"{trained}{steps}. Expected: about {self.memory_gb['total']:.2f} GB{time} on this machine."

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def estimate(recipe: Recipe, *, data: TrainingData | None = None, measure_speed: bool = True) -> Estimate:
    """Estimate a run without loading a weight.

    Args:
        data: the recipe's, where it has been read already.
        measure_speed: time a product of matrices, a tenth of a second, to predict the run's time.

    Raises:
        ConfigError, ModelError: the recipe does not fit the model, or the model is not known.
    """
    shape = find_shape(recipe.base_model)
    notices: list[str] = []
    model, layers = _prepared(shape, recipe)
    counts = _counts(model, shape)
    off = why_features_are_off(recipe, shape.family, trained_parts(model, shape.family))
    if off is not None:
        notices.append(off)
    data = data or _data(recipe, notices)
    tokens, prompt_tokens, longest = _tokens(shape, recipe, data, notices)
    per_step = recipe.train.per_device_train_batch_size * recipe.train.gradient_accumulation_steps
    per_epoch, steps = _steps(recipe, data, per_step)
    work = Work(model, shape, recipe, counts, features_stored=off is None, prompt_tokens=prompt_tokens)
    step_s = work.seconds_per_step(longest) if measure_speed else None
    return Estimate(
        model=shape.name,
        trainable_parameters=counts["trainable"],
        total_parameters=counts["total"],
        trainable_percent=round(100 * counts["trainable"] / counts["total"], 4),
        adapted_layers=layers,
        features_stored=off is None,
        train_records=None if data is None else len(data.train),
        validation_records=None if data is None else len(data.validation),
        caption_tokens=tokens,
        tokens_per_epoch=None if data is None or tokens is None else tokens + prompt_tokens * _examples(recipe, data),
        steps_per_epoch=per_epoch,
        steps=steps,
        warmup_steps=None if steps is None else warmup_steps(recipe.train, steps),
        examples_per_step=per_step,
        memory_gb=work.memory_gb(),
        seconds_per_step=None if step_s is None else float(f"{step_s:.3g}"),
        seconds=None if step_s is None or steps is None else float(f"{step_s * steps:.3g}"),
        notices=tuple(notices),
    )


def _prepared(shape: Shape, recipe: Recipe) -> tuple[Any, int | None]:
    """The model on the meta device as training has it, and how many layers got an adapter."""
    import torch
    from peft import get_peft_model

    model = empty_model(shape)
    if not recipe.lora.enabled:
        set_trainable(model, shape.family, recipe.freeze)
        return model, None
    with torch.device("meta"), quiet():
        adapted = get_peft_model(model, lora_config(model, shape.family, recipe.lora))
    return adapted, len(adapted.targeted_module_names)


def _counts(model: Any, shape: Shape) -> dict[str, int]:
    counts = {"vision": 0, "bridge": 0, "language": 0, "trainable": 0, "total": 0}
    for name, parameter in model.named_parameters():
        counts[shape.family.parts.of(name)] += parameter.numel()
        counts["trainable"] += parameter.numel() if parameter.requires_grad else 0
        counts["total"] += parameter.numel()
    return counts


def _data(recipe: Recipe, notices: list[str]) -> TrainingData | None:
    if recipe.train.train_jsonl is None:
        notices.append("No data is named yet (train.train_jsonl): tokens, steps and time are not known.")
        return None
    try:
        data = training_data(recipe)
        notices.extend(data.notices)
        return data
    except InputError as error:
        notices.append(f"The data cannot be read ({error}): tokens, steps and time are not known.")
        return None


def _tokens(shape: Shape, recipe: Recipe, data: TrainingData | None, notices: list[str]) -> tuple[int | None, int, int]:
    """Tokens of all captions, of a prompt on average, and of a caption on average (the most allowed if unknown)."""
    most = recipe.train.max_seq_len
    base_prompt = PromptTemplate(text=shape.family.base_prompt) if shape.checkpoint is None else shape.checkpoint.prompt
    template = prompt_template(recipe, base_prompt)
    length = _length(shape, notices)
    if data is None:
        return None, length(template.fill("an event of the club", ["stage", "audience"])), most
    prompts = [length(template.fill(record.event or None, record.labels)) for record in data.train]
    learnt = learnt_captions(data.train, "all" if recipe.train.references == "all" else "first")
    captions = [min(length(caption) + 1, most) for caption in learnt]
    return sum(captions), round(sum(prompts) / len(prompts)), max(1, round(sum(captions) / len(captions)))


def _length(shape: Shape, notices: list[str]) -> Any:
    """Counts tokens of a text: by the model's tokenizer where it is here."""
    if shape.checkpoint is not None:
        try:
            tokenizer = load_processor(shape.checkpoint).tokenizer
            return lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])
        except MontageError as error:
            notices.append(str(error))
    notices.append(f"The tokenizer of {shape.name} is not on this machine: tokens are guessed from characters.")
    return lambda text: math.ceil(len(text) / _CHARS_A_TOKEN)


def _steps(recipe: Recipe, data: TrainingData | None, per_step: int) -> tuple[int | None, int | None]:
    """Steps of an epoch, and in all, as the Trainer counts them."""
    limit = recipe.train.steps_limit
    if data is None:
        return None, limit if limit > 0 else None
    batches = math.ceil(_examples(recipe, data) / recipe.train.per_device_train_batch_size)
    per_epoch = max(1, math.ceil(batches / recipe.train.gradient_accumulation_steps))
    return per_epoch, limit if limit > 0 else math.ceil(recipe.train.num_train_epochs * per_epoch)


def _examples(recipe: Recipe, data: TrainingData) -> int:
    """Pairs of photo and caption in an epoch."""
    return sum(len(r.captions) for r in data.train) if recipe.train.references == "all" else len(data.train)
