"""The `captioner` section: which captioners write, with which models and decoding, and what is done with their text."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from core.settings_base import Device, Settings

__all__ = ["CaptionerSettings", "DecodingSettings", "Family", "HybridSettings", "LoadSettings", "Mode", "ModelChoice"]

Family = Literal["blip2", "git", "florence2", "blip"]
Mode = Literal["template", "blip2", "git", "florence2", "blip", "hybrid"]
ModelName = Annotated[str, Field(min_length=1)]


def _as_list(value: Any) -> Any:
    """`blip2,template` and `[blip2, template]` say the same."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class ModelChoice(Settings):
    """Which checkpoint stands behind each model family."""

    blip2: ModelName
    """BLIP-2, with a flan-t5 or opt language model."""
    git: ModelName
    """Microsoft GIT."""
    florence2: ModelName
    """Florence-2, native transformers class."""
    blip: ModelName
    """BLIP."""


class LoadSettings(Settings):
    """How vision-language models are loaded."""

    device: Device
    """Where they run: auto, cpu, cuda, cuda:N or mps."""
    dtype: Literal["auto", "float32", "bfloat16"]
    """Number format of the weights; auto takes bfloat16 where the machine computes in it, else float32."""
    quantization: Literal["none", "bnb_8bit", "bnb_4bit"]
    """8-bit or 4-bit weights by bitsandbytes: less memory, no faster."""
    batch_size: Annotated[int, Field(ge=1, le=1024)]
    """Photos a forward pass."""


class DecodingSettings(Settings):
    """How a model turns what it sees into words."""

    num_beams: Annotated[int, Field(ge=1, le=64)]
    """Beams of the search; 1 is greedy."""
    max_new_tokens: Annotated[int, Field(ge=1, le=1024)]
    """Longest caption, in tokens of the model, without the prompt."""
    length_penalty: Annotated[float, Field(ge=-10, le=10)]
    """Above 0 beam search favours longer captions, below 0 shorter ones."""
    no_repeat_ngram_size: Annotated[int, Field(ge=0, le=20)]
    """No run of this many tokens occurs twice; 0 allows any."""
    do_sample: bool
    """Draw words at random instead of taking the likeliest; needs num_beams 1."""
    temperature: Annotated[float, Field(gt=0, le=10)]
    """When sampling: below 1 safer, above 1 wilder."""
    top_p: Annotated[float, Field(gt=0, le=1)]
    """When sampling: only the likeliest words that make up this share."""
    seed: Annotated[int, Field(ge=0)] | None
    """Seed of sampling; null takes the run's."""

    @model_validator(mode="after")
    def _sampling_has_no_beams(self) -> "DecodingSettings":
        if self.do_sample and self.num_beams > 1:
            raise ValueError(f"do_sample needs num_beams 1, got {self.num_beams}: beams search, sampling draws")
        return self


class HybridSettings(Settings):
    """When the hybrid captioner takes the template instead of the model's caption."""

    model: Family
    """The model whose caption is taken otherwise."""
    clip_cosine: Annotated[float, Field(ge=-1, le=1)] | None
    """Template where the model's caption has a lower clip_cosine; null takes the embedding model's calibrated one."""
    silhouette: Annotated[float, Field(ge=-1, le=1)] | None
    """Template throughout an event whose clusters are looser than this; null does not look at it."""
    campaign: Literal["template", "model"]
    """What a post marked as campaign (an announcement, not a story) gets."""


class CaptionerSettings(Settings):
    """What a post says, and its montage grid."""

    mode: Annotated[tuple[Mode, ...], BeforeValidator(_as_list)]
    """The captioner: template, blip2, git, florence2, blip or hybrid; or a list of them, to compare. The first one's
    caption is published."""
    strategy: Literal["lead", "grid", "merge"]
    """What a model is shown of a post: its leading photo, its montage grid, or each photo, the captions then merged."""
    models: ModelChoice
    """Checkpoint of each family: auto (the family's preset if it is on this machine, else mini), a preset, a hub id, or
    a folder."""
    adapter_path: str | None
    """Folder of a LoRA adapter, or its name in the registry (`montage adapters`); not looked for in template mode."""
    show_base: bool
    """With an adapter, also show what the model alone would write, as `blip2_base` and so on."""
    prompt: str | None
    """What a model is asked, with {event} and {labels}; null takes what the adapter or the model was trained with."""
    load: LoadSettings
    decoding: DecodingSettings
    variants: Annotated[int, Field(ge=1, le=16)]
    """Captions a model writes for each post; the one with the best CLIP score is taken, the record holds all."""
    photo_scale: Literal["reduced", "full"]
    """Decode photos at reduced scale (faster) or in full before they are shown to a model; grids always reduced."""
    keep_features: bool
    """Store what a model's vision side makes of each photo (up to a megabyte), so that other decodings are quick."""
    hybrid: HybridSettings
    montage_max_tiles: Annotated[int, Field(ge=1, le=100)]
    """Most photos in the montage grid."""
    montage_tile_px: Annotated[int, Field(ge=16, le=2048)]
    """Height of a row of the grid, and width of a tile in its fullest row."""
    max_caption_chars: Annotated[int, Field(ge=20, le=100_000)]
    """Most characters of a caption with its hashtags; the caption is cut at a sentence or word."""
    max_hashtags: Annotated[int, Field(ge=0)]
    """Most hashtags a post gets."""
    stray_hashtags: Literal["remove", "merge"]
    """Hashtags that a captioner wrote itself: remove them, or add them after the controlled ones."""
    include_swipe_hint: bool
    """End captions of posts with several photos with the swipe hint."""
    swipe_hint: str
    """The swipe hint's words."""
    calc_clipscore: bool
    """Score each caption against its photos."""
    openers: Annotated[tuple[str, ...], Field(min_length=1)]
    """First words of a template caption; the event's name follows."""
    base_hashtags: tuple[str, ...]
    """Hashtags every post gets."""
    label_hashtags: dict[str, tuple[str, ...]]
    """Hashtags a post gets for a label."""

    @model_validator(mode="after")
    def _hashtags_are_hashtags(self) -> "CaptionerSettings":
        for tag in (*self.base_hashtags, *(tag for tags in self.label_hashtags.values() for tag in tags)):
            if not tag.startswith("#") or len(tag) < 2 or any(c.isspace() or c in "#@" for c in tag[1:]):
                raise ValueError(f"a hashtag is '#' and then letters without spaces, got {tag!r}")
        return self

    @model_validator(mode="after")
    def _prompt_has_known_places(self) -> "CaptionerSettings":
        strange = set(re.findall(r"\{[^{}]*\}", self.prompt or "")) - {"{event}", "{labels}"}
        if strange:
            raise ValueError(f"prompt may hold {{event}} and {{labels}}, got {', '.join(sorted(strange))}")
        return self

    @model_validator(mode="after")
    def _variants_differ(self) -> "CaptionerSettings":
        decoding = self.decoding
        if self.variants > 1 and not decoding.do_sample and decoding.num_beams < self.variants:
            raise ValueError(
                f"{self.variants} variants need decoding.do_sample or at least {self.variants} beams, "
                f"got num_beams {decoding.num_beams}"
            )
        return self

    @model_validator(mode="after")
    def _modes_once(self) -> "CaptionerSettings":
        if not self.mode:
            raise ValueError("mode is empty; name at least one captioner, e.g. template")
        if len(set(self.mode)) < len(self.mode):
            raise ValueError(f"mode names a captioner twice: {', '.join(self.mode)}")
        return self

    @property
    def families(self) -> tuple[Family, ...]:
        """The model families that the modes need, each once."""
        wanted = (self.hybrid.model if mode == "hybrid" else mode for mode in self.mode)
        return tuple(dict.fromkeys(family for family in wanted if family != "template"))
