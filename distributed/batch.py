"""A whole archive captioned and embedded by a pool of workers on Ray: `python -m distributed.batch`.

The photos are listed once, in shards. Each worker makes a shard at a time, by the functions that `montage describe`
uses, and writes it as one parquet file; a run that was killed goes on with the shards that are not there.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from core.captioners.models import choose_adapter, choose_model
from core.config import LoadedConfig
from core.described import description_signature
from core.embed import choose_embedder
from core.errors import ConfigError, InputError, ModelError, ModelUnavailableError, MontageError, OutputError
from core.settings_base import Settings
from core.store import digest
from core.vlm.loading import choose_dtype
from core.vlm.names import find_named
from distributed.batch_listing import Listed, Root, list_photos, open_roots
from distributed.batch_output import BatchOutput
from distributed.batch_pool import PoolSettings, run_pool
from distributed.batch_worker import ShardJob, ShardWorker
from distributed.places import absolute, is_uri

__all__ = ["BatchResult", "BatchSettings", "run_batch"]

Progress = Callable[[str, int, int | None], None]
"""Called with (what is done, photos done, photos in all)."""
_LISTED_EACH = 1000
_ERRORS: dict[str, type[MontageError]] = {
    kind.__name__: kind for kind in (ConfigError, InputError, ModelError, ModelUnavailableError, OutputError)
}


class BatchSettings(Settings):
    """What a batch does, and how it is shared out."""

    photos: Annotated[tuple[str, ...], Field(min_length=1)]
    """Folders (nested) or photos, by path or URI."""
    out: str
    """Folder to write to, by path or URI."""
    model: str
    """As `montage describe` takes it."""
    adapter: str | None = None
    """Folder of a LoRA adapter."""
    event: str | None = None
    """Named in the prompt, where it has a place for it."""
    labels: tuple[str, ...] = ()
    """Named in the prompt, where it has a place for them."""
    embed: bool = True
    """Also write the CLIP embedding of each photo."""
    store: str | None = None
    """Folder of the store, seen by all nodes; None keeps nothing but the shards."""
    shard_photos: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Photos in one file: what a worker that is lost has to begin anew, but for what is stored."""
    overwrite: bool = False
    """Replace an earlier batch that was written in another way."""
    retry_failed: bool = False
    """Make shards again that hold photos without a caption."""
    pool: PoolSettings = PoolSettings()


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchResult:
    """What a run did."""

    out: str
    model: str
    photos: int
    written: int
    """Captions written by this run."""
    already: int
    """Photos of shards that earlier runs had made."""
    failed: int
    """Photos without a caption, in all shards."""
    shards_left: int
    """Shards on which too many workers died."""
    failed_path: str
    """Table of the photos without a caption, with reasons."""
    notices: tuple[str, ...] = ()


def run_batch(
    settings: BatchSettings, loaded: LoadedConfig, *, progress: Progress = lambda what, done, total: None
) -> BatchResult:
    """Caption an archive; to be called while connected to Ray.

    Args:
        loaded: how photos are decoded, captioned and embedded.

    Raises:
        InputError: there are no photos.
        ConfigError, ModelError: a setting or the model is amiss.
        OutputError: the folder cannot be written, or holds something else.
    """
    settings = settings.model_copy(update={"out": _place(settings.out)})
    roots = tuple(open_roots(settings.photos))
    job, name, notices = _job(settings, loaded, roots)
    output = BatchOutput(settings.out)
    with output.alone():
        about = _begin(output, settings, job, name, progress)
        photos, shard_photos = int(about["photos"]), int(about["shard_photos"])
        finished = output.finished(job.signature, photos, shard_photos)
        kept = {shard for shard, failed in finished.items() if not (settings.retry_failed and failed)}
        todo = [shard for shard in range(int(about["shards"])) if shard not in kept]
        already = sum(_size(shard, photos, shard_photos) for shard in kept)
        done, written = already, 0
        progress("photos", done, photos)
        for row in run_pool(ShardWorker, job, todo, settings.pool) if todo else ():
            if row["error"]:
                kind = _ERRORS.get(row["kind"], ModelError)
                raise kind(f"shard {row['piece']}: {row['error']} (what is done is kept; the same command goes on)")
            if row["left"]:
                continue
            finished[row["piece"]] = row["failed"]
            done, written = done + row["photos"], written + row["photos"] - row["failed"]
            progress("photos", done, photos)
        failed = output.write_failed(sorted(shard for shard, count in finished.items() if count))
    return BatchResult(
        out=settings.out,
        model=name,
        photos=photos,
        written=written,
        already=already,
        failed=failed,
        shards_left=int(about["shards"]) - len(finished),
        failed_path=output.failed_path,
        notices=notices,
    )


def _job(
    settings: BatchSettings, loaded: LoadedConfig, roots: tuple[Root, ...]
) -> tuple[ShardJob, str, tuple[str, ...]]:
    """What travels to the workers, the model's name, and sentences for the user."""
    config = _same_everywhere(loaded, settings.pool)
    captioner = config.settings.captioner
    checkpoint, notice = find_named(settings.model, captioner.models)
    flag = None if settings.adapter is None else Path(settings.adapter).resolve()
    adapter = choose_adapter(flag, checkpoint, captioner)
    model, template, notices = choose_model(checkpoint, captioner, adapter)
    prompt = template.fill(settings.event, settings.labels)
    asked = (("event", settings.event, "{event}"), ("labels", settings.labels, "{labels}"))
    unnamed = [what for what, given, place in asked if given and place not in template.text]
    if unnamed:
        notices.append(f"The prompt of {model.name} has no place for the {' and the '.join(unnamed)}; not named in it.")
    embedder, embed_notice = choose_embedder(config) if settings.embed else (None, None)
    captions = description_signature(model, prompt, config.settings)
    job = ShardJob(
        out=settings.out,
        roots=roots,
        model=_absolute(settings.model),
        adapter=None if adapter is None else str(adapter.folder.resolve()),
        prompt=prompt,
        loaded=config,
        captions_signature=captions,
        signature=digest(captions, None if embedder is None else embedder.key)[:12],
        embedder_key=None if embedder is None else embedder.key,
        store=settings.store,
        run=uuid.uuid4().hex,
    )
    return job, model.name, tuple(text for text in (notice, *notices, embed_notice) if text)


def _same_everywhere(loaded: LoadedConfig, pool: PoolSettings) -> LoadedConfig:
    """Settings in which nothing is left to the machine that a worker happens to run on."""
    captioner, ingest, embeddings = loaded.settings.captioner, loaded.settings.ingest, loaded.settings.embeddings
    device = "cuda" if pool.gpus_per_worker else "cpu"
    load = captioner.load.model_copy(update={"device": device})
    if load.dtype == "auto":  # a GPU that a batch is worth it on computes in bfloat16; this machine may have none
        load = load.model_copy(update={"dtype": "bfloat16" if device == "cuda" else choose_dtype(load)})
    changed: dict[str, Any] = {"load": load}
    if "captioner.keep_features" not in loaded.named:
        changed["keep_features"] = False  # up to a megabyte a photo
    if "embeddings.device" not in loaded.named:
        embeddings = embeddings.model_copy(update={"device": device})
    if not ingest.threads:
        ingest = ingest.model_copy(update={"threads": max(1, int(pool.cpus_per_worker))})
    models = captioner.models
    changed["models"] = models.model_copy(update={family: _absolute(name) for family, name in models})
    embeddings = embeddings.model_copy(update={"model": _absolute(embeddings.model)})
    captioner = captioner.model_copy(update=changed)
    sections = {"captioner": captioner, "ingest": ingest, "embeddings": embeddings}
    return replace(loaded, settings=loaded.settings.model_copy(update=sections))


def _absolute(model: str) -> str:
    """A model's name, or its folder from the root: workers have another current folder."""
    return str(Path(model).resolve()) if os.sep in model and Path(model).is_dir() else model


def _begin(
    output: BatchOutput, settings: BatchSettings, job: ShardJob, name: str, progress: Progress
) -> dict[str, Any]:
    """What the batch is: as an earlier run began it, or begun now."""
    about = output.about()
    asked = {"signature": job.signature, "photos_from": [root.place for root in job.roots]}
    if about is not None and all(about.get(key) == value for key, value in asked.items()):
        return about
    if about is not None:
        if not settings.overwrite:
            raise OutputError(
                f"{settings.out} holds a batch of {about.get('photos_from')} by {about.get('model')} "
                f"({about.get('signature')}), not with this input, prompt, decoding and model ({job.signature}); name "
                "another folder, or --overwrite it"
            )
        output.clear()
    listed = _counted(list_photos(job.roots, exclude=None if is_uri(settings.out) else settings.out), progress)
    photos, shards = output.write_listing(listed, shard_photos=settings.shard_photos)
    if not photos:
        raise InputError(f"no photos in {', '.join(settings.photos)}")
    about = {**asked, "model": name, "prompt": job.prompt, "photos": photos, "shards": shards}
    about |= {
        "shard_photos": settings.shard_photos,
        "embedded": job.embedder_key is not None,
        "captions": job.captions_signature,
    }
    output.begin(about)
    return about


def _counted(photos: Iterator[Listed], progress: Progress) -> Iterator[Listed]:
    for count, photo in enumerate(photos, start=1):
        if count % _LISTED_EACH == 0:
            progress("listing", count, None)
        yield photo


def _place(out: str) -> str:
    return out if is_uri(out) else str(absolute(out, "--out"))


def _size(shard: int, photos: int, shard_photos: int) -> int:
    return min(shard_photos, photos - shard * shard_photos)


if __name__ == "__main__":
    from distributed.batch_command import main

    main()
