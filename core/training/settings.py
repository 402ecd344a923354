"""A recipe's typed settings: what each key means and which values it may take.

The club's training YAML holds `base_model`, `quantization`, `lora`, `train`, `eval` and `clipscore`; all other keys
are additions with defaults that leave such a file's meaning as it is.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from core.settings_base import Count, Device, Settings, Share
from core.training.augment import AugmentSettings
from core.training.cleaning import CleaningSettings

__all__ = [
    "ClipScoreSettings",
    "EvalSettings",
    "FeatureSettings",
    "FreezeSettings",
    "ImageChangeSettings",
    "LoraSettings",
    "Metric",
    "NormalizeSettings",
    "Recipe",
    "RenderedSettings",
    "TrainSettings",
]

Metric = Literal[
    "rougeL", "bleu1", "bleu2", "bleu4", "cider", "wer", "distinct1", "distinct2", "clipscore", "clip_cosine",
    "val_loss", "eval_loss", "perplexity", "handle_leak_rate", "verbatim_copy_rate", "exact_match",
]  # fmt: skip
Tracker = Literal["tensorboard", "wandb", "mlflow"]


def _as_list(value: Any) -> Any:
    """`q,v` and `[q, v]` say the same."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class LoraSettings(Settings):
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685), by PEFT."""

    enabled: bool = True
    """Train an adapter; false trains the model's own weights, as `freeze` lets it."""
    r: Annotated[int, Field(ge=1, le=1024)] = 16
    """Rank."""
    alpha: Annotated[float, Field(gt=0)] = 16
    """The adapter's output is scaled by alpha / r, or alpha / √r with `rslora`."""
    dropout: Share = 0.05
    """Share of the adapter's inputs left out at random in training."""
    target_modules: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1), BeforeValidator(_as_list)
    ] = ("attention",)
    """One of the family's presets (qv, attention, attention+dense, all-linear), or names of layers."""
    rslora: bool = False
    """Scale by √r (Kalajdzievski 2023, arXiv 2312.03732)."""
    dora: bool = False
    """Train magnitude and direction apart (Liu et al. 2024, arXiv 2402.09353); slower."""
    include_vision: bool = False
    """Let names of layers also take in the vision side; stored features then do not serve."""


class FreezeSettings(Settings):
    """What a full fine-tune leaves as it is; without effect on an adapter, under which everything is frozen."""

    freeze_vision: bool = False
    """Leave what looks at pixels."""
    freeze_language: bool = False
    """Leave the language side."""
    freeze_other: bool = False
    """Leave what carries features from vision to language."""


class ImageChangeSettings(Settings):
    """Random changes to photos in training, others each epoch; stored features then do not serve."""

    mirror: bool = False
    """Mirror half of the photos."""
    crop: Annotated[float, Field(ge=0, le=0.45)] = 0.0
    """Most that is cut off each side, as a share of it."""
    light: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """Most that a photo is made brighter or darker, as a share."""

    @property
    def is_on(self) -> bool:
        """Whether anything is changed."""
        return self.mirror or self.crop > 0 or self.light > 0


class FeatureSettings(Settings):
    """What the frozen vision side makes of a photo, computed once and stored."""

    enabled: bool = True
    """Store and use it where nothing forbids it; false runs the vision side at each step."""
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 8
    """Photos a forward pass when features are computed."""
    photo_scale: Literal["reduced", "full"] = "reduced"
    """Decode photos at reduced scale (faster), as captioning does by default, or in full."""


class RenderedSettings(Settings):
    """Photos that Montage renders itself, for recipes that need no data of anybody's."""

    voice: Literal["montage", "rival"] = "montage"
    """Whose captions."""
    train_photos: Count = 600
    val_photos: Count = 120
    seed: Annotated[int, Field(ge=0)] = 11
    """The validation photos come from other seeds than the training photos."""


class TrainSettings(Settings):
    """Data, steps and optimizer."""

    image_root: str | None = None
    """Folder that the records' image paths begin at; null takes the folder of `train_jsonl`."""
    train_jsonl: str | None = None
    """Records to learn from."""
    val_jsonl: str | None = None
    """Records to validate on; null splits `train_jsonl` by event."""
    rendered: RenderedSettings | None = None
    """Render the data where `train_jsonl` is null."""
    eval_split_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of `train_jsonl` to validate on where `val_jsonl` is null."""
    split_by: Literal["event", "photo"] = "event"
    """What stays together when `train_jsonl` is split."""
    clean_captions: bool = True
    """Clean captions as `cleaning` says, in training and validation; does nothing to captions that are clean."""
    references: Literal["first", "all", "random"] = "first"
    """Of a photo with several captions: learn from its `caption` only, from each, or from another each epoch."""
    output_dir: str | None = None
    """The run's folder; `--out` wins."""
    per_device_train_batch_size: Count = 2
    per_device_eval_batch_size: Count = 4
    num_train_epochs: Annotated[float, Field(gt=0)] = 3.0
    max_steps: Annotated[int, Field(ge=-1)] | None = None
    """Steps of the optimizer in all; null, 0 or -1 goes by epochs."""
    gradient_accumulation_steps: Count = 1
    optimizer: Literal["adamw_torch", "adamw_torch_fused", "adamw_8bit", "adafactor", "came"] = "adamw_torch"
    """AdamW, its fused and its 8-bit version, Adafactor, or CAME (Luo et al. 2023, arXiv 2307.02047)."""
    lr: Annotated[float, Field(gt=0, le=1)] = 2e-4
    """Highest learning rate."""
    schedule: Literal["cosine", "linear", "constant", "rex"] = "cosine"
    """How the learning rate falls after warm-up; rex is Chen et al. 2021, arXiv 2107.04197."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the steps in which the learning rate rises."""
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    """The same as a number of steps; wins over the ratio."""
    max_grad_norm: Annotated[float, Field(ge=0)] = 1.0
    """Longer gradients are shortened to this; 0 leaves them."""
    max_seq_len: Annotated[int, Field(ge=2, le=2048)] = 96
    """Most tokens of a caption; longer ones are cut, and counted."""
    prompt: str | None = None
    """What the model is asked, with {event} and {labels}: null takes the club's prompt, `base` the checkpoint's own."""
    prompt_tail: str = ""
    """A sentence after the prompt, such as "No hashtags."."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of computing; auto takes bfloat16 where the machine computes in it. Trained weights are float32."""
    device: Device = "auto"
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    """Implementation of attention; auto takes the library's choice."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass: less memory, a third more time."""
    save_every_steps: Count | None = None
    """Write a checkpoint to resume from every so many steps; null after each epoch."""
    save_total_limit: Count | None = 2
    """Checkpoints that are kept; null keeps all."""
    load_best_model_at_end: bool = True
    """End with the weights of the best evaluation rather than the last."""
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    """Processes that read photos or features ahead."""
    log_every_steps: Count = 10
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    trackers: Annotated[tuple[Tracker, ...], BeforeValidator(_as_list)] = ()
    """Where the log goes besides training_log.csv; W&B offline unless WANDB_MODE says otherwise."""

    @property
    def steps_limit(self) -> int:
        """As transformers wants it: -1 goes by epochs."""
        return self.max_steps if self.max_steps and self.max_steps > 0 else -1


class NormalizeSettings(Settings):
    """What is done to both texts before they are compared."""

    lowercase: bool = True
    strip_punct: bool = True
    remove_hashtags: bool = True
    remove_swipe_tokens: bool = True


class EvalSettings(Settings):
    """How a model is judged on the validation records."""

    generate: bool = True
    """Also write captions and compare them; false computes the loss only."""
    baseline: bool = True
    """Evaluate before the first step, too, to see what training changes."""
    every_steps: Count | None = None
    """Evaluate every so many steps; null after each epoch."""
    eval_subset_size: Annotated[int, Field(ge=0)] | None = None
    """Records, drawn once by the seed; null or 0 takes all."""
    metric_to_monitor: Metric = "rougeL"
    """What decides which weights are the best, and when to stop."""
    early_stopping_patience: Annotated[int, Field(ge=0)] | None = None
    """Stop after so many evaluations without a better one; null or 0 goes on to the end."""
    num_beams: Annotated[int, Field(ge=1, le=64)] = 1
    max_new_tokens: Annotated[int, Field(ge=1, le=1024)] = 48
    length_penalty: Annotated[float, Field(ge=-10, le=10)] = 1.0
    no_repeat_ngram_size: Annotated[int, Field(ge=0, le=20)] = 0
    normalize: NormalizeSettings = NormalizeSettings()
    samples: Annotated[int, Field(ge=0, le=100)] = 3
    """Captions shown after each evaluation."""


class ClipScoreSettings(Settings):
    """Whether captions are held against their photos, and by which model."""

    enabled: bool = False
    model: str = "ViT-B-32"
    """As `embeddings.model` of the pipeline: `mini`, an OpenCLIP name, `hf-hub:org/name`, or a folder."""
    pretrained: str | None = "laion2b_s34b_b79k"


class Recipe(Settings):
    """All settings of one training run."""

    base_model: Annotated[str, Field(min_length=1)]
    """A family, preset, hub id or folder; `mini-git` and `mini-blip2` are shipped."""
    quantization: Literal["none", "bnb_8bit", "bnb_4bit"] = "none"
    """8-bit or 4-bit weights under the adapter (QLoRA, arXiv 2305.14314): less memory, no faster."""
    lora: LoraSettings = LoraSettings()
    freeze: FreezeSettings = FreezeSettings()
    train: TrainSettings = TrainSettings()
    eval: EvalSettings = EvalSettings()
    clipscore: ClipScoreSettings = ClipScoreSettings()
    cleaning: CleaningSettings = CleaningSettings()
    augment_captions: AugmentSettings = AugmentSettings()
    augment_images: ImageChangeSettings = ImageChangeSettings()
    features: FeatureSettings = FeatureSettings()

    @model_validator(mode="after")
    def _something_is_trained(self) -> "Recipe":
        frozen = (self.freeze.freeze_vision, self.freeze.freeze_language, self.freeze.freeze_other)
        if not self.lora.enabled and all(frozen):
            raise ValueError("lora.enabled is false and all parts are frozen: nothing is left to train")
        return self

    @model_validator(mode="after")
    def _only_adapters_on_quantized_weights(self) -> "Recipe":
        if self.quantization != "none" and not self.lora.enabled:
            raise ValueError(f"a full fine-tune needs quantization: none, got {self.quantization}")
        return self

    @model_validator(mode="after")
    def _monitored_metric_is_computed(self) -> "Recipe":
        metric = self.eval.metric_to_monitor
        if not self.eval.generate and metric not in ("val_loss", "eval_loss", "perplexity"):
            raise ValueError(f"eval.metric_to_monitor is {metric}, which needs eval.generate: true")
        if metric in ("clipscore", "clip_cosine") and not self.clipscore.enabled:
            raise ValueError(f"eval.metric_to_monitor is {metric}, which needs clipscore.enabled: true")
        return self
