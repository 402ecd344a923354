"""What `posts.json` holds, as typed models; its JSON schema is published as `docs/posts.schema.json`.

Everything in it but the seconds is the same for the same photos and settings, run after run.
"""

from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from core.config import config_hash
from core.ingest import Photo
from core.posts import Post
from core.result import EventResult

__all__ = ["EventRecord", "make_record", "record_schema"]


class Record(BaseModel):
    """A part of the record."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LabelRecord(Record):
    """A label and its score."""

    label: str
    score: float
    """0-1, against the neutral prompt."""


class FileRecord(Record):
    """One file of the input."""

    file: str
    """Path within the input."""
    fingerprint: str | None
    """Checksum of the bytes; null where the file could not be read."""
    kept: bool
    """Whether the photo is in a post."""
    reason: str | None
    """Why it is not: duplicate, poor_quality, burst, not_selected, unreadable, not_an_image, empty, ..."""
    message: str | None = None
    """A sentence on the reason, where the file could not be used."""
    duplicate_of: str | None = None
    """The better photo of the same near-duplicate group."""
    burst: int | None = None
    """Number of the burst it belongs to."""
    width_px: int | None = None
    height_px: int | None = None
    captured_at: str | None = None
    """Local time, ISO 8601, as the camera wrote it."""
    camera: str | None = None
    quality: float | None = None
    """0-1, from sharpness and exposure."""
    sharpness: float | None = None
    exposure: float | None = None
    labels: tuple[LabelRecord, ...] = ()
    abstained: bool | None = None
    """True where the photo lies outside the model's world, so that no label could be given."""
    cluster: int | None = None
    post: int | None = None
    """Number of its post, from 1."""


class VariantRecord(Record):
    """One wording, without hashtags, and how well it fits the photos."""

    text: str
    clip_cosine: float | None
    """Mean raw cosine of text and photos; null where it was not computed or the model cannot judge the photos."""
    clipscore: float | None
    """Mean of 2.5 * max(cosine, 0) with the prefix "A photo depicts" (Hessel et al. 2021)."""


class CaptionRecord(VariantRecord):
    """One captioner's text, without hashtags."""

    hashtags: tuple[str, ...] = ()
    """That are published with it."""
    source: str | None = None
    """The captioner whose text it is, where that may differ: the hybrid's choice, or the template as a last resort."""
    reason: str | None = None
    """Why that one."""
    variants: tuple[VariantRecord, ...] = ()
    """All wordings, the best first, where several were asked for."""


class PostRecord(Record):
    """One post."""

    post: int
    """Number, from 1."""
    folder: str
    cluster: int
    photos: tuple[str, ...]
    """Files, the leading one first."""
    images: tuple[str, ...]
    """The exported JPEG of each photo, within the folder."""
    labels: tuple[str, ...]
    captions: dict[str, CaptionRecord]
    """By captioner."""
    published: str | None
    """The captioner whose caption is published; null without captions."""
    hashtags: tuple[str, ...]
    """That are published."""
    alt_texts: tuple[str, ...]
    """For each photo."""

    @property
    def alternatives(self) -> dict[str, CaptionRecord]:
        """The captions that are not published, without those that a hybrid took over."""
        shown = {self.published, *(caption.source for caption in self.captions.values())}
        return {name: caption for name, caption in self.captions.items() if name not in shown}


class StageRecord(Record):
    """What a stage did."""

    stage: str
    seconds: float
    counts: dict[str, int]
    measures: dict[str, Any]


class ModelRecord(Record):
    """The embedding model and the thresholds that were used with it."""

    name: str
    key: str
    """Checksum that changes whenever the model's outputs may."""
    calibrated: bool
    """Whether the thresholds were measured for this model; otherwise they are ViT-B-32's."""
    clip_threshold: float
    label_threshold: float
    caption_threshold: float
    """The model's clip_cosine under which a caption does not fit its photos."""
    notice: str | None
    """What the user must know, e.g. that the default model was replaced by mini."""


class CaptionerRecord(Record):
    """The model behind a captioner."""

    captioner: str
    model: str
    """Checkpoint and adapter, as the user knows them."""
    key: str
    """Checksum that changes whenever its captions may."""
    prompt: str
    """The template it was given, with {event} and {labels}."""


class EventInfo(Record):
    """The event."""

    name: str
    date: str | None
    place: str | None
    campaign: bool = False
    """An announcement rather than a story."""


class EventRecord(Record):
    """The whole record of a run."""

    schema_version: Literal[1] = 1
    montage_version: str
    event: EventInfo
    model: ModelRecord
    captioners: tuple[CaptionerRecord, ...] = ()
    """The vision-language models of the run."""
    notices: tuple[str, ...] = ()
    """What the user must know of them."""
    config: dict[str, Any]
    """Every setting of the run."""
    config_hash: str
    stages: tuple[StageRecord, ...]
    files: tuple[FileRecord, ...]
    """Every file of the input, by name."""
    posts: tuple[PostRecord, ...]

    @property
    def mostly_abstained(self) -> bool:
        """Whether most photos lie outside the model's world, so that the user needs another model for labels."""
        judged = [file.abstained for file in self.files if file.abstained is not None]
        return bool(judged) and sum(judged) * 2 >= len(judged)


def record_schema() -> dict[str, Any]:
    """The JSON schema of `posts.json`."""
    schema = EventRecord.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Montage posts.json"}


def make_record(result: EventResult) -> EventRecord:
    """The record of a run."""
    config, calibration = result.config, result.embedder.calibration
    dedupe, labels = config.dedupe, config.categorize
    post_of = {i: number for number, post in enumerate(result.posts, start=1) for i in post.photos}
    files = [_file_record(result, i, photo, post_of.get(i)) for i, photo in enumerate(result.photos)]
    files += [
        FileRecord(file=x.name, fingerprint=x.fingerprint, kept=False, reason=x.reason, message=x.message)
        for x in result.set_aside
    ]
    return EventRecord(
        montage_version=_version(),
        event=EventInfo(**asdict(result.event)),
        model=ModelRecord(
            name=result.embedder.name,
            key=result.embedder.key,
            calibrated=calibration.measured,
            clip_threshold=calibration.clip_threshold if dedupe.clip_threshold is None else dedupe.clip_threshold,
            label_threshold=calibration.label_threshold if labels.threshold is None else labels.threshold,
            caption_threshold=calibration.caption_threshold,
            notice=result.notice,
        ),
        captioners=tuple(
            CaptionerRecord(
                captioner=family, model=model.name, key=model.key, prompt=result.captioners.prompts[family].text
            )
            for family, model in result.captioners.models.items()
        ),
        notices=result.captioners.notices,
        config=config.model_dump(mode="json"),
        config_hash=config_hash(config),
        stages=tuple(
            StageRecord(stage=r.stage, seconds=r.seconds, counts=r.counts, measures=_json_keys(r.measures))
            for r in result.reports
        ),
        files=tuple(sorted(files, key=lambda file: file.file)),
        posts=tuple(_post_record(result, number, post) for number, post in enumerate(result.posts, start=1)),
    )


def _file_record(result: EventResult, i: int, photo: Photo, post: int | None) -> FileRecord:
    selection, labels = result.selection, result.labels
    original = selection.duplicate_of[i]
    return FileRecord(
        file=photo.name,
        fingerprint=photo.fingerprint,
        kept=selection.reasons[i] is None,
        reason=selection.reasons[i],
        message=result.lost.get(i),
        duplicate_of=None if original is None else result.photos[original].name,
        burst=selection.burst[i],
        width_px=photo.header.width_px,
        height_px=photo.header.height_px,
        captured_at=photo.header.captured_at,
        camera=photo.header.camera,
        quality=round(photo.quality.score, 4),
        sharpness=round(photo.quality.sharpness, 4),
        exposure=round(photo.quality.exposure, 4),
        labels=tuple(LabelRecord(label=x.label, score=round(x.score, 4)) for x in labels.given[i]) if labels else (),
        abstained=labels.abstained[i] if labels else None,
        cluster=result.cluster_of.get(i),
        post=post,
    )


def _post_record(result: EventResult, number: int, post: Post) -> PostRecord:
    return PostRecord(
        post=number,
        folder=f"post-{number:02d}",
        cluster=post.cluster,
        photos=tuple(result.photos[i].name for i in post.photos),
        images=tuple(f"{n:02d}.jpg" for n in range(1, len(post.photos) + 1)),
        labels=post.labels,
        captions={name: CaptionRecord.model_validate(asdict(caption)) for name, caption in post.captions.items()},
        published=next(iter(post.captions), None),
        hashtags=post.hashtags,
        alt_texts=post.alt_texts,
    )


def _json_keys(measures: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {str(k): v for k, v in value.items()} if isinstance(value, dict) else value
        for name, value in measures.items()
    }


def _version() -> str:
    try:
        return version("montage-captions")
    except PackageNotFoundError:
        return "unknown"
