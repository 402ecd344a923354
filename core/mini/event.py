"""A whole event, written as a camera leaves it, with the truth beside it."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path

import numpy as np

from core.mini.plan import Shot, plan_event
from core.mini.shots import write_shots
from core.mini.truth import TruthRow, write_records, write_truth
from core.mini.voice import VOICES

__all__ = ["Progress", "TruthRow", "write_records", "write_sample_event", "write_truth"]

Progress = Callable[[int, int], None]
"""Photos written, and how many there will be."""

FEW_PHOTOS = 120  # with fewer, starting worker processes takes longer than they save
CHUNK = 12  # scenes that a worker takes at a time
AHEAD = 4  # chunks planned ahead for each worker, so that no event is too large for the memory


def write_sample_event(
    folder: Path,
    *,
    photos: int,
    seed: int,
    topics: Sequence[str] | None = None,
    voice: str = "montage",
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
) -> list[TruthRow]:
    """Writes `photos` JPEGs and truth.csv into the folder.

    Args:
        topics: shown one after another; None: five to seven, drawn.
        voice: one of VOICES; who wrote the `club_caption`.
        workers: processes that render; 0 renders here, None decides by the number of photos. The files are the same.

    Raises:
        ValueError: fewer than one photo, or a voice that nobody has.
    """
    if photos < 1:
        raise ValueError(f"expected at least one photo, got {photos}")
    if voice not in VOICES:
        raise ValueError(f"expected a voice of {', '.join(VOICES)}, got {voice!r}")
    if workers is None:
        workers = 0 if photos < FEW_PHOTOS else min(2, os.cpu_count() or 1)
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[TruthRow] = []
    for shots in _written(folder, plan_event(photos, seed, topics), workers):
        rows += _truth(shots, voice)
        progress(len(rows), photos)
    write_truth(folder / "truth.csv", rows)
    return rows


def _truth(shots: Sequence[Shot], voice: str) -> list[TruthRow]:
    return [
        TruthRow(
            file=shot.file,
            topic=shot.scene.topic,
            labels=shot.scene.labels,
            duplicate_of=shots[index - shot.offset].file if shot.offset else "",
            edit=shot.edit,
            caption=shot.scene.caption,
            burst=shot.burst,
            fault=shot.fault,
            club_caption=VOICES[voice].raw(shot.scene, np.random.default_rng([shot.seed, 7])),
        )
        for index, shot in enumerate(shots)
    ]


def _written(folder: Path, plan: Iterator[tuple[Shot, ...]], workers: int) -> Iterator[tuple[Shot, ...]]:
    """The plan again, each scene after its photos are written."""
    if not workers:
        for shots in plan:
            write_shots(folder, shots)
            yield shots
        return
    waiting: deque[tuple[list[tuple[Shot, ...]], Future[None]]] = deque()
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        while True:
            while len(waiting) < AHEAD * workers and (chunk := list(islice(plan, CHUNK))):
                waiting.append((chunk, pool.submit(_write_chunk, folder, chunk)))
            if not waiting:
                break
            chunk, work = waiting.popleft()
            work.result()
            yield from chunk
    finally:
        pool.shutdown(cancel_futures=True)


def _write_chunk(folder: Path, chunk: list[tuple[Shot, ...]]) -> None:
    for shots in chunk:
        write_shots(folder, shots)


def _start_worker() -> None:
    """One thread a worker; Ctrl-C is the parent's to handle, and its death, whatever the cause, is the worker's."""
    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
