"""The pipeline's typed settings: what each key means and which values it may take.

The values themselves stand in `defaults.yaml`, once; `core.config` reads them and lays a club's file over them.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.settings_base import Count, Device, Settings, Share
from core.settings_captioner import (
    CaptionerSettings,
    DecodingSettings,
    Family,
    HybridSettings,
    LoadSettings,
    Mode,
    ModelChoice,
)
from core.settings_publisher import PublisherSettings

__all__ = [
    "CaptionerSettings",
    "CategorizeSettings",
    "ClusterSettings",
    "DecodingSettings",
    "DedupeSettings",
    "EmbeddingsSettings",
    "ExportSettings",
    "Family",
    "HybridSettings",
    "IngestSettings",
    "LoadSettings",
    "Mode",
    "ModelChoice",
    "PipelineConfig",
    "PublisherSettings",
    "SelectionSettings",
    "Stage",
]

Stage = Literal["ingest", "dedupe_quality", "categorize", "cluster", "captioner", "publisher"]


class IngestSettings(Settings):
    """How photos are found and decoded, and what is too much."""

    analysis_size_px: Annotated[int, Field(ge=64, le=8192)]
    """Longer side at which photos are analysed (smaller ones as they are); JPEGs are decoded straight to a reduced
    scale."""
    max_pixels: Count
    """Photos with more pixels than this are set aside unread."""
    max_file_bytes: Count
    """Files larger than this are set aside unread."""
    max_files: Count
    """An input with more files than this is refused."""
    max_unpacked_bytes: Count
    """A ZIP that unpacks to more than this is refused."""
    max_zip_ratio: Annotated[float, Field(gt=1)]
    """Members of a ZIP that unpack to more than this many times their packed size are set aside."""
    threads: Annotated[int, Field(ge=0, le=256)]
    """Decoding threads; 0 takes one per processor."""


class EmbeddingsSettings(Settings):
    """Which CLIP model turns photos and texts into vectors."""

    backend: Literal["openclip"]
    """The library that runs the model."""
    model: Annotated[str, Field(min_length=1)]
    """`mini` (shipped, offline), an OpenCLIP model name, `hf-hub:org/name`, or a local model folder."""
    pretrained: str | None
    """OpenCLIP's name for the weights; not used for `mini`, `hf-hub:` and folders."""
    device: Device
    """Where the model runs: auto, cpu, cuda, cuda:N or mps."""
    batch_size: Annotated[int, Field(ge=1, le=4096)]
    """Photos a forward pass."""


class DedupeSettings(Settings):
    """What counts as the same photo twice."""

    method: Literal["clip", "phash", "both"]
    """How candidate pairs are found: by CLIP cosine, by perceptual hash, or by either."""
    clip_threshold: Annotated[float, Field(ge=-1, le=1)] | None
    """Lowest CLIP cosine of a candidate pair; null takes the model's calibrated one."""
    near_dup_threshold: Annotated[int, Field(ge=0, le=64)]
    """Greatest Hamming distance of two 64-bit perceptual hashes of a candidate pair."""
    verify: Literal["auto", "geometry", "none"]
    """Check candidates by geometry: auto (where a photo has too few key points, by pixels), geometry (refuse
    what has too few), or none (every candidate counts)."""
    bursts: Literal["keep", "best"]
    """Photos of one burst: keep them all, or only the best of each burst."""
    burst_gap_s: Annotated[float, Field(ge=0)]
    """Longest pause between two photos of one burst, in seconds."""


class CategorizeSettings(Settings):
    """Zero-shot labels."""

    labels: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    """The labels to choose from."""
    threshold: Share | None
    """Lowest score of a label that is given; null takes the model's calibrated one."""
    topk: Count
    """Most labels a photo gets."""
    prompts: Annotated[tuple[str, ...], Field(min_length=1)]
    """Prompt templates, each holding {label}; their embeddings are averaged."""
    neutral_prompt: str
    """The text every label is scored against."""

    @model_validator(mode="after")
    def _prompts_hold_the_label(self) -> "CategorizeSettings":
        for prompt in self.prompts:
            try:
                holds_label = "\0" in prompt.format(label="\0")
            except (KeyError, IndexError, ValueError):
                holds_label = False
            if not holds_label:
                raise ValueError(f"every prompt must hold {{label}} and no other braces, got {prompt!r}")
        return self


class SelectionSettings(Settings):
    """How many photos of an event are worth posting."""

    k: Count | None
    """Keep the best and most varied k photos; null keeps all."""
    min_quality: Share
    """Photos of lower quality (blurred all over, nearly black or white) are not posted; 0 lets all through."""


class ClusterSettings(Settings):
    """How photos are grouped into posts."""

    use_clip: bool
    """Group by CLIP embeddings; without it label features must be on."""
    k: Literal["auto"] | Count
    """Number of clusters; auto takes the one with the best silhouette."""
    k_max: Annotated[int, Field(ge=2)]
    """Largest k that auto tries."""
    max_images_per_post: Count
    """Clusters larger than this are cut into several posts."""
    silhouette_sample: Annotated[int, Field(ge=10)]
    """Photos on which the silhouette is computed when there are more."""
    use_label_features: bool
    """Join the label scores to the embedding before clustering."""
    label_weight: Annotated[float, Field(ge=0)]
    """Weight of the label features in the joined vector."""
    label_norm: Literal["zscore", "l2", "none"]
    """How label scores are scaled before they are joined."""
    fuse_normalize: bool
    """Scale the joined vector to unit length."""

    @model_validator(mode="after")
    def _something_to_cluster_on(self) -> "ClusterSettings":
        if not (self.use_clip or self.use_label_features):
            raise ValueError("use_clip and use_label_features are both off: there is nothing to group photos by")
        return self


class ExportSettings(Settings):
    """The JPEGs that are written for the platform (Instagram's limits by default)."""

    width_px: Annotated[int, Field(ge=320, le=4096)]
    """Greatest width."""
    jpeg_quality: Annotated[int, Field(ge=40, le=98)]
    """JPEG quality."""
    min_aspect: Annotated[float, Field(gt=0)]
    """Narrowest width / height; narrower photos are set on a blurred ground, never cropped."""
    max_aspect: Annotated[float, Field(gt=0)]
    """Widest width / height."""
    zip: bool
    """Also write all posts into one ZIP."""

    @model_validator(mode="after")
    def _aspects_in_order(self) -> "ExportSettings":
        if self.min_aspect > self.max_aspect:
            raise ValueError(f"min_aspect ({self.min_aspect}) is larger than max_aspect ({self.max_aspect})")
        return self


class PipelineConfig(Settings):
    """All settings of one run."""

    pipeline: tuple[Stage, ...]
    """The stages to run; one that is left out is skipped. They run in this order."""
    seed: Annotated[int, Field(ge=0)]
    """Seed of everything that chooses: openers, sampling."""
    ingest: IngestSettings
    embeddings: EmbeddingsSettings
    dedupe: DedupeSettings
    categorize: CategorizeSettings
    cluster: ClusterSettings
    selection: SelectionSettings
    captioner: CaptionerSettings
    export: ExportSettings
    publisher: PublisherSettings

    @model_validator(mode="after")
    def _stages_in_order(self) -> "PipelineConfig":
        order: tuple[Stage, ...] = (
            "ingest",
            "dedupe_quality",
            "categorize",
            "cluster",
            "captioner",
            "publisher",
        )
        wanted = [stage for stage in order if stage in self.pipeline]
        if list(self.pipeline) != wanted or "ingest" not in self.pipeline:
            raise ValueError(
                f"stages must start with ingest and keep the order {', '.join(order)} without repeats, "
                f"got {', '.join(self.pipeline)}"
            )
        return self
