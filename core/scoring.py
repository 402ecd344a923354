"""Score captions in files against references in files (`montage score`): match the photos, measure, compare."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.caption_files import CaptionFile, matching_keys, nearest_key, read_captions
from core.embed import Embedder, judged_photos
from core.errors import InputError
from core.ingest import ingest, load_embeddings
from core.metrics.clip import clip_items
from core.metrics.corpus import Measured, Score, TextSettings, measure, scores
from core.metrics.paired import Comparison, compare
from core.metrics.statistics import FEW_ITEMS, ItemStatistics
from core.settings import PipelineConfig
from core.sources import SourceFile
from core.store import Store, digest

__all__ = ["ClipJudge", "ScoreReport", "score_files"]

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".tif", ".tiff")
_COCO_DIGITS = 12  # of a file name: 397133 is 000000397133.jpg
_SHOWN_CHARS = 60
_MOST_JUDGED = 0.5
"""Share of photos that the model must be able to judge, as for an event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipJudge:
    """The photos, and the model that judges captions by them."""

    folder: Path
    embedder: Embedder
    store: Store
    config: PipelineConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreReport:
    """Scores of one or two files of captions, over the photos that all files have."""

    ids: tuple[str, ...]
    scores: dict[str, Score]
    scores_b: dict[str, Score] | None
    comparison: dict[str, Comparison] | None
    missing: tuple[str, ...]
    """Photos with references, but without a caption in (one of) the candidates."""
    extra: tuple[str, ...]
    """Photos with a caption, but without references."""
    items: dict[str, npt.NDArray[np.float64]]
    """Scores of the first file's captions, float64 (n,), in the order of `ids`."""
    absent: dict[str, str]
    notes: tuple[str, ...]
    signature: dict[str, Any] = field(default_factory=dict)


def score_files(
    candidates: Path,
    references: Sequence[Path],
    settings: TextSettings,
    *,
    candidates_b: Path | None = None,
    training: Path | None = None,
    clip: ClipJudge | None = None,
) -> ScoreReport:
    """Score captions, and where there are two files of them, compare the second with the first.

    Args:
        candidates: one caption for each photo.
        references: files whose captions are taken together.
        training: captions that a model was trained on.
        clip: adds `clip_cosine`, `clipscore` and `refclipscore`.

    Raises:
        InputError: a file cannot be read, the files have no photo in common, or a photo's picture is not found.
    """
    files = [read_captions(path, "candidates") for path in (candidates, candidates_b) if path is not None]
    others = [read_captions(path, "references") for path in references]
    keys = matching_keys(files[0], others)
    wanted: dict[str, list[str]] = {}
    for file, key in zip(others, keys[1:], strict=True):
        for name, own in file.texts(key).items():
            wanted.setdefault(name, []).extend(own)
    said = [files[0].texts(keys[0]), *(file.texts(nearest_key(file, wanted)) for file in files[1:])]
    ids = sorted(set(wanted).intersection(*said))
    if not ids:
        raise InputError(
            f"{files[0].path} and {files[-1].path} have captions of no photo in common that has references"
        )
    own_references = [wanted[name] for name in ids]
    known = None if training is None else _all_texts(read_captions(training, "references"))
    texts = [[captions[name][0] for name in ids] for captions in said]
    measured = [measure(own, own_references, settings, training=known, names=ids) for own in texts]
    if clip is not None:
        called = _image_names(ids, [files[0], *others], keys)
        _add_clip(measured, texts, own_references, _find_images(ids, called, clip.folder), clip)
    found = [scores(one, settings) for one in measured]
    return ScoreReport(
        ids=tuple(ids),
        scores=found[0],
        scores_b=found[1] if len(found) > 1 else None,
        comparison=compare(measured[0], measured[1], settings) if len(measured) == 2 else None,
        missing=tuple(sorted(set(wanted).difference(ids))),
        extra=tuple(sorted(set().union(*said).difference(wanted))),
        items=measured[0].items,
        absent=measured[0].absent,
        notes=_notes(texts),
        signature=_signature([*files, *others], training, settings, clip),
    )


def _all_texts(file: CaptionFile) -> list[str]:
    return [text for record in file.records for text in record.texts]


def _image_names(ids: Sequence[str], files: Sequence[CaptionFile], keys: Sequence[str]) -> list[list[str]]:
    """What the files call each photo, its id first."""
    others = [file.other_names(key) for file, key in zip(files, keys, strict=True)]
    return [[name, *(other for names in others for other in names.get(name, ()))] for name in ids]


def _find_images(ids: Sequence[str], names: Sequence[Sequence[str]], folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"--images {folder}: expected a folder of photos")
    found = [_find_image(own, folder) for own in names]
    lost = [name for name, path in zip(ids, found, strict=True) if path is None]
    if lost:
        named = ", ".join(name if len(name) <= _SHOWN_CHARS else f"{name[:_SHOWN_CHARS]}…" for name in lost[:5])
        raise InputError(
            f"{folder} has no photo for {len(lost)} of {len(ids)} captions: {named}; a photo is found by its id, with "
            "or without an ending, or by its COCO file name"
        )
    return [path for path in found if path is not None]


def _find_image(names: Sequence[str], folder: Path) -> Path | None:
    """The first file that a name leads to, within the folder only."""
    root = folder.resolve()
    for name in dict.fromkeys(names):
        stems = [name, Path(name).name, *([name.zfill(_COCO_DIGITS)] if name.isdecimal() else [])]
        for path in (root / f"{stem}{suffix}" for stem in stems for suffix in ("", *_SUFFIXES)):
            if os.path.isfile(path) and path.resolve().is_relative_to(root):
                return path
    return None


def _add_clip(
    measured: Sequence[Measured],
    texts: Sequence[Sequence[str]],
    references: Sequence[Sequence[str]],
    paths: Sequence[Path],
    clip: ClipJudge,
) -> None:
    """Add the CLIP metrics to what was measured, or say why not."""
    photos, judged = _embed_photos(paths, clip)
    name = clip.embedder.name
    if judged.mean() < _MOST_JUDGED:
        reason = f"{name} cannot judge these photos: they lie outside what it was trained on"
        for one in measured:
            one.absent.update(dict.fromkeys(("clip_cosine", "clipscore", "refclipscore"), reason))
        return
    found = [clip_items(own, photos, judged, clip.embedder, clip.store, references=references) for own in texts]
    for metric in found[0]:
        unscored = np.isnan([values[metric] for values in found]).any(axis=0)  # in pairs, or not at all
        for one, values in zip(measured, found, strict=True):
            if unscored.all():
                one.absent[metric] = f"{name} knows no word of these captions"
                continue
            one.items[metric] = np.where(unscored, np.nan, values[metric])
            one.metrics[metric] = ItemStatistics.mean(one.items[metric])
            one.details[metric] = {"captions": int((~unscored).sum())}


def _embed_photos(paths: Sequence[Path], clip: ClipJudge) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of the photos, float32 (n, d), and which of them the model can judge, bool (n,)."""
    root = clip.folder.resolve()
    sizes = {path: path.stat().st_size for path in paths}
    files = [
        SourceFile(name=path.relative_to(root).as_posix(), size_bytes=size, packed_bytes=size, read=path.read_bytes)
        for path, size in sizes.items()
    ]
    settings = clip.config
    result = ingest(files, settings.ingest, clip.store, clip.embedder, batch_size=settings.embeddings.batch_size)
    if result.set_aside:
        first = result.set_aside[0]
        raise InputError(f"{len(result.set_aside)} of {len(files)} photos cannot be used: {first.name} {first.message}")
    vectors = load_embeddings(result.photos, settings.ingest, clip.store, clip.embedder)
    place = {photo.name: i for i, photo in enumerate(result.photos)}
    rows = np.array([place[path.relative_to(root).as_posix()] for path in paths])
    return vectors[rows], judged_photos(clip.embedder, vectors)[rows]


def _notes(texts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """What a reader of the scores must know; `texts` are the captions of one file or of two."""
    notes = []
    n, compared = len(texts[0]), len(texts) == 2
    for name, own in zip(("A", "B"), texts, strict=False):
        empty = sum(not any(c.isalnum() for c in text) for text in own)
        if empty:
            where = f"of {name} " if compared else ""
            notes.append(f"{empty} of {n} captions {where}hold no word.")
    if n < FEW_ITEMS:
        counted = "1 caption is" if n == 1 else f"{n} captions are"
        notes.append(f"{counted} too few for an interval or a test to mean much (fewer than {FEW_ITEMS}).")
    if n == 1:
        notes.append("CIDEr of a single photo is 0: no n-gram is rarer than another.")
    if compared:
        notes.append("p-values are not corrected for the number of metrics; settle on one before you look.")
    return tuple(notes)


def _signature(
    files: Sequence[CaptionFile], training: Path | None, settings: TextSettings, clip: ClipJudge | None
) -> dict[str, Any]:
    """What the numbers depend on."""
    stated = asdict(settings)
    paths = [*(file.path for file in files), *([training] if training is not None else [])]
    return {
        "tokenization": settings.tokenization,
        **stated,
        "data": {str(path): digest(path.read_bytes()) for path in paths},
        "clip_model": None if clip is None else {"name": clip.embedder.name, "key": clip.embedder.key},
        "versions": {name: version(name) for name in ("montage-captions", "pycocoevalcap", "sacrebleu", "numpy")},
    }
