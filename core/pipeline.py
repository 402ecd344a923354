"""The stages of an event, in order: ingest, dedupe_quality, categorize, cluster, captioner.

Each stage is a function from its input and its section of the config to its output and a `StageReport`. The last
stage, publisher, works on the written result and lives in `core.publish`.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.captioners.compose import Scene, caption_posts
from core.captioners.models import Captioners
from core.categorize import Labels, categorize
from core.cluster import Clusters, cluster_photos, cut_into_posts, fuse_features
from core.embed import Embedder
from core.errors import NoPhotosError
from core.ingest import IngestResult, Photo, ingest, load_embeddings
from core.neardup import Selection, dedupe_and_select
from core.posts import Caption, EventDetails, Post, alt_text, post_labels
from core.result import EventResult, Progress, StageReport
from core.settings import PipelineConfig
from core.sources import open_sources
from core.store import Store, digest

__all__ = ["run_pipeline"]

_CLUSTER_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """What every stage is given, and where its report goes."""

    config: PipelineConfig
    store: Store
    embedder: Embedder
    progress: Progress
    reports: list[StageReport] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[tuple[dict[str, int], dict[str, Any]]]:
        """Time a stage; it fills in its counts and measures. `total` photos are announced and ticked off."""
        counts: dict[str, int] = {}
        measures: dict[str, Any] = {}
        if total is not None:
            self.progress(name, 0, total)
        start = time.perf_counter()
        yield counts, measures
        seconds = round(time.perf_counter() - start, 3)
        self.reports.append(StageReport(stage=name, seconds=seconds, counts=counts, measures=measures))
        if total is not None:
            self.progress(name, total, total)


def run_pipeline(
    paths: Sequence[Path],
    event: EventDetails,
    config: PipelineConfig,
    *,
    store: Store,
    embedder: Embedder,
    captioners: Captioners | None = None,
    notice: str | None = None,
    exclude: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> EventResult:
    """Turn photos into captioned posts, in memory.

    Args:
        paths: folders, ZIPs and photos.
        event: its name, and date and place if given.
        embedder: from `core.embed.choose_embedder`.
        captioners: from `core.captioners.models.choose_captioners`; None where only the template writes.
        exclude: a folder within the photos that is skipped, such as the output folder.

    Raises:
        InputError: the input cannot be used at all; NoPhotosError: none of its files is a readable photo.
    """
    captioners = captioners or Captioners()
    run = _Run(config=config, store=store, embedder=embedder, progress=progress)
    ingested = _ingest(run, paths, exclude)
    photos = ingested.photos
    embeddings = load_embeddings(photos, config.ingest, store, embedder) if _needs_embeddings(config) else None
    selection = _dedupe(run, photos, embeddings)
    kept = np.array(selection.selected)
    labels = _categorize(run, embeddings)
    clusters, posts = _cluster(run, photos, kept, embeddings, labels)
    scene = Scene(
        event=event,
        photos=photos,
        embeddings=embeddings if _needs_scores(config) else None,
        silhouette=clusters.silhouette if clusters else None,
        config=config,
        embedder=embedder,
        store=store,
    )
    posts = _caption(run, posts, scene, labels, captioners)
    assignment = clusters.assignment if clusters else (0,) * len(kept)
    return EventResult(
        event=event,
        photos=photos,
        set_aside=ingested.set_aside,
        selection=selection,
        labels=labels,
        clusters=clusters,
        cluster_of={int(i): cluster for i, cluster in zip(kept, assignment, strict=True)},
        posts=tuple(posts),
        reports=tuple(run.reports),
        config=config,
        embedder=embedder,
        captioners=captioners,
        notice=notice,
    )


def _needs_embeddings(config: PipelineConfig) -> bool:
    clip_dedupe = "dedupe_quality" in config.pipeline and config.dedupe.method != "phash"
    chosen = "dedupe_quality" in config.pipeline and config.selection.k is not None
    return clip_dedupe or _needs_scores(config) or chosen or bool({"categorize", "cluster"} & set(config.pipeline))


def _needs_scores(config: PipelineConfig) -> bool:
    settings = config.captioner
    return "captioner" in config.pipeline and (
        settings.calc_clipscore or "hybrid" in settings.mode or settings.variants > 1
    )


def _ingest(run: _Run, paths: Sequence[Path], exclude: Path | None) -> IngestResult:
    with run.stage("ingest") as (counts, _):
        files = open_sources(paths, run.config.ingest, exclude=exclude)
        result = ingest(
            files,
            run.config.ingest,
            run.store,
            run.embedder if _needs_embeddings(run.config) else None,
            batch_size=run.config.embeddings.batch_size,
            progress=lambda done, total: run.progress("ingest", done, total),
        )
        counts.update(files=len(files), photos=len(result.photos), set_aside=len(result.set_aside))
    if not result.photos:
        where = ", ".join(str(path) for path in paths)
        reasons = "; ".join(f"{x.name} {x.message}" for x in result.set_aside[:3])
        raise NoPhotosError(f"no readable photo in {where}" + (f": {reasons}" if reasons else ": it holds no files"))
    return result


def _dedupe(run: _Run, photos: Sequence[Photo], embeddings: np.ndarray | None) -> Selection:
    if "dedupe_quality" not in run.config.pipeline:
        return Selection.everything(len(photos))
    with run.stage("dedupe_quality", total=len(photos)) as (counts, measures):
        found = dedupe_and_select(
            photos,
            embeddings,
            run.config,
            run.store,
            run.embedder,
            progress=lambda done, total: run.progress("dedupe_quality", done, total),
        )
        counts.update(found.counts())
        measures.update(found.measures)
    return found


def _categorize(run: _Run, embeddings: np.ndarray | None) -> Labels | None:
    if "categorize" not in run.config.pipeline or embeddings is None:
        return None
    with run.stage("categorize", total=len(embeddings)) as (counts, measures):
        labels = categorize(embeddings, run.config.categorize, run.embedder, run.store)
        labelled = sum(1 for given in labels.given if given)
        counts.update(photos=len(embeddings), labelled=labelled, outside_the_models_world=sum(labels.abstained))
        measures.update(threshold=labels.threshold, unknown_labels=list(labels.unknown_labels))
    return labels


def _cluster(
    run: _Run,
    photos: Sequence[Photo],
    kept: np.ndarray,
    embeddings: np.ndarray | None,
    labels: Labels | None,
) -> tuple[Clusters | None, list[Post]]:
    settings = run.config.cluster
    strength = np.array([photos[i].quality.score for i in kept])
    if "cluster" not in run.config.pipeline or embeddings is None:
        features = strength[:, None]
        groups = cut_into_posts([0] * len(kept), features, strength, max_images=settings.max_images_per_post)
        return None, [Post(photos=tuple(int(kept[i]) for i in group), cluster=0) for group in groups]
    with run.stage("cluster", total=len(kept)) as (counts, measures):
        scores = labels.scores[kept] if labels is not None else None
        features = fuse_features(embeddings[kept], scores, settings)
        # Rounded, so that the key does not change with the last bit of another processor's arithmetic.
        key = digest("cluster", _CLUSTER_VERSION, features.round(6), settings.model_dump(), run.config.seed)
        stored = run.store.json(
            "cluster",
            key,
            lambda: _clusters_to_json(cluster_photos(features, settings, seed=run.config.seed)),
        )
        clusters = _clusters_from_json(stored)
        groups = cut_into_posts(clusters.assignment, features, strength, max_images=settings.max_images_per_post)
        posts = [Post(photos=tuple(int(kept[i]) for i in g), cluster=clusters.assignment[g[0]]) for g in groups]
        counts.update(photos=len(kept), clusters=clusters.k, posts=len(posts))
        measures.update(k=clusters.k, silhouette=clusters.silhouette, silhouette_by_k=clusters.tried)
    return clusters, posts


def _clusters_to_json(clusters: Clusters) -> dict[str, Any]:
    return {
        "assignment": clusters.assignment,
        "k": clusters.k,
        "silhouette": clusters.silhouette,
        "tried": sorted(clusters.tried.items()),
    }


def _clusters_from_json(data: dict[str, Any]) -> Clusters:
    return Clusters(
        assignment=tuple(data["assignment"]),
        k=data["k"],
        silhouette=data["silhouette"],
        tried=dict(data["tried"]),
    )


def _caption(
    run: _Run,
    posts: Sequence[Post],
    scene: Scene,
    labels: Labels | None,
    captioners: Captioners,
) -> list[Post]:
    given = labels.given if labels is not None else None
    topk = run.config.categorize.topk
    labelled = [
        replace(post, labels=post_labels([given[i] for i in post.photos], topk=topk)) if given else post
        for post in posts
    ]
    if "captioner" not in run.config.pipeline:
        return labelled
    with run.stage("captioner", total=len(posts)) as (counts, measures):
        captioned = caption_posts(
            labelled,
            scene,
            captioners,
            progress=lambda captioner, done, total: run.progress(f"captioner {captioner}", done, total),
        )
        counts.update(posts=len(posts))
        for name in captioned[0].captions if captioned else ():
            measures[name] = _caption_measures([post.captions[name] for post in captioned])
    return [replace(post, alt_texts=_alt_texts(post, scene.event, given)) for post in captioned]


def _caption_measures(captions: Sequence[Caption]) -> dict[str, Any]:
    cosines = [caption.clip_cosine for caption in captions if caption.clip_cosine is not None]
    scores = [caption.clipscore for caption in captions if caption.clipscore is not None]
    return {
        "scored": len(cosines),
        "mean_clip_cosine": round(float(np.mean(cosines)), 4) if cosines else None,
        "mean_clipscore": round(float(np.mean(scores)), 4) if scores else None,
        "from_template": sum(caption.source == "template" for caption in captions),
    }


def _alt_texts(post: Post, event: EventDetails, given: Any) -> tuple[str, ...]:
    of = len(post.photos)
    return tuple(
        alt_text(event, [scored.label for scored in given[i]] if given else [], number=number, of=of)
        for number, i in enumerate(post.photos, start=1)
    )
