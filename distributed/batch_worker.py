"""What one worker of a batch does: a shard's photos captioned and embedded, some at a time, and written as one file.

A photo that kills its worker (a decoder that crashes, memory that runs out) is found by what the worker wrote down
before it began: it is recorded as failed, and the others of its shard are not lost.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.captioners.models import choose_adapter, choose_model
from core.config import LoadedConfig
from core.described import DescribedPhoto, describe_files, description_signature, embed_files
from core.embed import Embedder, choose_embedder
from core.errors import ModelError, MontageError, PhotoError
from core.sources import SourceFile
from core.store import Store
from core.vlm.model import VisionLanguageModel
from core.vlm.names import find_named
from distributed.batch_listing import Root, open_listed
from distributed.batch_output import BatchOutput

__all__ = ["ShardJob", "ShardWorker"]

_CHUNK_PHOTOS = 64
_MOST_DEATHS = 20
"""Of workers on one shard in one run; then it is left to another run."""
_KEPT_BYTES = 256 * 1024 * 1024
"""Of photos that were read to be captioned, and are kept to be embedded."""
_SAME_FILES = "give all nodes the same files, in a shared folder for instance"


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardJob:
    """What is the same for all shards; travels to every worker."""

    out: str
    roots: tuple[Root, ...]
    model: str
    adapter: str | None
    prompt: str
    """Filled in already."""
    loaded: LoadedConfig
    """With the device and the number format that all workers use."""
    captions_signature: str
    """That the captions must have: a node with another copy of the model is found out."""
    signature: str
    """Of captions and embeddings: shards with another one are not of this batch."""
    embedder_key: str | None
    """Of the CLIP model; None embeds nothing."""
    store: str | None
    run: str
    """Another for each run, to count what happened in it."""


class ShardWorker:
    """Makes shards, one after the other; its models are loaded at the first photo that needs them."""

    def __init__(self, job: ShardJob) -> None:
        self._job = job
        self._output = BatchOutput(job.out)
        self._store = Store(None if job.store is None else Path(job.store))
        self._model: VisionLanguageModel | None = None
        self._embedder: Embedder | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Make the shard that a batch of one row names; an error that a user can act on becomes its row."""
        shard = int(batch["piece"][0])
        try:
            lines = self._make(shard)
        except MontageError as error:
            return _row(shard, error=str(error), kind=type(error).__name__)
        failed = sum(line.error is not None for line in lines)
        return _row(shard, photos=len(lines), failed=failed, left=not lines)

    def _make(self, shard: int) -> list[DescribedPhoto]:
        """Write a shard; no lines where too many workers died on it."""
        attempt = self._output.attempt(shard).after(self._job.run)
        if attempt.deaths > _MOST_DEATHS:
            return []
        if attempt.deaths:  # of photos, or of a model that is too large: that is no photo's fault
            self._output.begin_attempt(shard, replace(attempt, count=0))
            self._open().load()
        files = [open_listed(listed, self._job.roots) for listed in self._output.listing(shard)]
        lines: dict[int, DescribedPhoto] = {}
        vectors: dict[int, np.ndarray | None] = {}
        for piece in _pieces(len(files), attempt.suspects):
            self._output.begin_attempt(shard, attempt.at(piece))
            reading = _Reading(_KEPT_BYTES if self._job.embedder_key else 0)
            chosen = [
                replace(files[i], read=_refuse if i in attempt.deadly else partial(reading.read, files[i]))
                for i in piece
            ]
            described = describe_files(
                chosen, self._open(), self._job.prompt, self._job.loaded.settings, store=self._store
            )
            lines |= {piece.start + number: line for number, line in described}
            vectors |= dict(zip(piece, self._embed(chosen), strict=True))
        in_order = [lines[i] for i in range(len(files))]
        self._output.write_shard(shard, in_order, [vectors[i] for i in range(len(files))], self._job.signature)
        self._output.end_attempt(shard)
        return in_order

    def _embed(self, files: list[SourceFile]) -> list[np.ndarray | None]:
        if self._job.embedder_key is None:
            return [None] * len(files)
        if self._embedder is None:
            embedder, _ = choose_embedder(self._job.loaded)
            if embedder.key != self._job.embedder_key:
                raise ModelError(f"a worker's {embedder.name} is not the one that the batch began with; {_SAME_FILES}")
            self._embedder = embedder
        return embed_files(files, self._job.loaded.settings, store=self._store, embedder=self._embedder)

    def _open(self) -> VisionLanguageModel:
        if self._model is None:
            settings = self._job.loaded.settings
            checkpoint, _ = find_named(self._job.model, settings.captioner.models)
            flag = None if self._job.adapter is None else Path(self._job.adapter)
            model, _, _ = choose_model(
                checkpoint, settings.captioner, choose_adapter(flag, checkpoint, settings.captioner)
            )
            found = description_signature(model, self._job.prompt, settings)
            if found != self._job.captions_signature:
                raise ModelError(
                    f"a worker's {model.name} is not the one that the batch began with (signature {found}, expected "
                    f"{self._job.captions_signature}); {_SAME_FILES}"
                )
            self._model = model
        return self._model


class _Reading:
    """Photos that are read twice come from memory the second time, as long as there is room.

    Args:
        room_bytes: for all of them together.
    """

    def __init__(self, room_bytes: int) -> None:
        self._room_bytes = room_bytes
        self._kept: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def read(self, file: SourceFile) -> bytes:
        """The file's bytes."""
        with self._lock:
            data = self._kept.pop(file.name, None)
            if data is not None:
                return data
        data = file.read()
        with self._lock:
            if len(data) <= self._room_bytes:
                self._room_bytes -= len(data)
                self._kept[file.name] = data
        return data


def _pieces(count: int, suspects: range) -> Iterator[range]:
    """All places, some at a time; suspects each alone and first, or two deadly photos would take turns."""
    for place in range(suspects.start, min(suspects.stop, count)):
        yield range(place, place + 1)
    for stretch in (range(min(suspects.start, count)), range(min(suspects.stop, count), count)):
        for start in range(stretch.start, stretch.stop, _CHUNK_PHOTOS):
            yield range(start, min(start + _CHUNK_PHOTOS, stretch.stop))


def _row(
    shard: int, *, photos: int = 0, failed: int = 0, error: str = "", kind: str = "", left: bool = False
) -> dict[str, Any]:
    """What the driver is told, as a batch of one row."""
    told = {"piece": shard, "photos": photos, "failed": failed, "error": error, "kind": kind, "left": left}
    return {name: [value] for name, value in told.items()}


def _refuse() -> bytes:
    raise PhotoError("deadly", "ended the program that read it, and was left out; is it damaged, or huge?")
