"""What a run of the pipeline gives: the event after it, and a report for each stage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.captioners.models import Captioners
from core.categorize import Labels
from core.cluster import Clusters
from core.embed import Embedder
from core.ingest import Photo, SetAside
from core.neardup import Selection
from core.posts import EventDetails, Post
from core.settings import PipelineConfig

__all__ = ["EventResult", "Progress", "StageReport"]

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageReport:
    """What a stage did."""

    stage: str
    seconds: float
    counts: dict[str, int]
    measures: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class EventResult:
    """An event after the pipeline. Indices speak of `photos`."""

    event: EventDetails
    photos: tuple[Photo, ...]
    set_aside: tuple[SetAside, ...]
    """Files that could not be used."""
    selection: Selection
    labels: Labels | None
    clusters: Clusters | None
    cluster_of: dict[int, int]
    """Cluster of each selected photo."""
    posts: tuple[Post, ...]
    reports: tuple[StageReport, ...]
    config: PipelineConfig
    embedder: Embedder
    captioners: Captioners
    notice: str | None
    """What the user must know about the model, e.g. that the default was replaced."""
    lost: Mapping[int, str] = field(default_factory=dict)
    """Photos that could no longer be read when the result was written, and why."""
