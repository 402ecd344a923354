"""The records of a sweep in three parts, and all that is ever looked at in their photos: once, into the store."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from filelock import FileLock

from core.errors import InputError, PhotoError
from core.mini.event import write_records, write_sample_event
from core.mini.rendered import with_rendered_data
from core.mini.scenes import TOPICS
from core.quality import measure_quality
from core.store import Store, digest, write_atomic
from core.training.clip_fit import ClipJudge
from core.training.data import TrainingData, records_checksum, training_data
from core.training.features import FrozenFeatures, TrainingPhotos
from core.training.record import Record
from core.training.settings import Recipe, RenderedSettings
from core.vlm.model import VisionLanguageModel
from distributed.sweep_settings import DataSettings

__all__ = ["SweepData", "look_at_photos", "open_data", "photo_strengths"]

Progress = Callable[[str, int, int], None]
_TEST_APART = 2_000_003
"""Between the seed of the rendered training photos and that of the test's."""
_STRENGTH_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepData:
    """What every trial learns from and is judged on, and what only the winner is."""

    recipe: Recipe
    """Names the files to learn from and to validate on."""
    train: tuple[Record, ...]
    val: tuple[Record, ...]
    test: tuple[Record, ...]
    photos: TrainingPhotos
    notices: tuple[str, ...] = ()

    def checksum(self, part: str) -> str:
        """Of `train`, `val` or `test`: records and the photos' contents, wherever they lie."""
        return records_checksum(getattr(self, part), self.photos)

    @property
    def checksums(self) -> dict[str, str]:
        """Of all parts."""
        return {part: self.checksum(part) for part in ("train", "val", "test")}

    def without(self, unreadable: dict[str, PhotoError]) -> "SweepData":
        """The same without records whose photo cannot be read."""
        if not unreadable:
            return self

        def readable(records: tuple[Record, ...]) -> tuple[Record, ...]:
            return tuple(record for record in records if record.image not in unreadable)

        first = next(iter(unreadable.values()))
        said = f"{len(unreadable)} photos cannot be read and are left out, such as {first}"
        return replace(
            self,
            train=readable(self.train),
            val=readable(self.val),
            test=readable(self.test),
            notices=(*self.notices, said),
        )


def open_data(
    recipe: Recipe, settings: DataSettings, folder: Path, *, progress: Progress = lambda what, done, total: None
) -> SweepData:
    """Read the records of all three parts, rendered first where the recipe renders its own.

    Args:
        folder: for rendered photos; sweeps of the same data share them.

    Raises:
        InputError: a part is empty, or a photo of the test is among those that trials see.
    """
    test = settings.test
    rendered = recipe.train.rendered
    if rendered is not None and recipe.train.train_jsonl is None:
        recipe, own = _render(recipe, rendered, settings.test_photos, folder, progress)
        test = test or str(own)
    assert test is not None, "load_sweep asks for it"
    seen = training_data(recipe)
    held_out = training_data(recipe.model_copy(update={"train": recipe.train.model_copy(update={"val_jsonl": test})}))
    data = SweepData(
        recipe=recipe,
        train=seen.train,
        val=seen.validation,
        test=held_out.validation,
        photos=TrainingPhotos(root=seen.image_root, scale=recipe.features.photo_scale),
        notices=_notices(seen, held_out),
    )
    _check_apart(data)
    return data


def look_at_photos(
    data: SweepData,
    model: VisionLanguageModel,
    judge: ClipJudge,
    store: Store,
    *,
    features: bool,
    progress: Progress = lambda what, done, total: None,
) -> SweepData:
    """Compute what trials need of photos and keep it in the store, so that no trial opens one.

    Args:
        features: whether the model's vision side is the same in all trials.

    Returns:
        The data without records whose photo cannot be read.
    """
    everything = list(dict.fromkeys(record.image for record in (*data.train, *data.val, *data.test)))
    if features:
        frozen = FrozenFeatures(model, data.photos, store)
        missing = frozen.missing(everything)
        store.count("features", found=True, n=len(everything) - len(missing))
        store.count("features", found=False, n=len(missing))
        failed = frozen.compute(
            missing, batch_size=data.recipe.features.batch_size, progress=lambda d, t: progress("features", d, t)
        )
    else:
        failed = data.photos.unreadable(everything, model)
    data = data.without(failed)
    for part in ("val", "test"):
        records: Sequence[Record] = getattr(data, part)
        if not data.train or not records:
            raise InputError(f"no record of {part if data.train else 'train'} has a photo that can be read")
        images = [record.image for record in records]
        progress(f"embeddings of {part}", 0, len(images))
        judge.embeddings(images, data.photos, model)
        photo_strengths(images, data.photos, model, store)
        progress(f"embeddings of {part}", len(images), len(images))
    return data


def photo_strengths(
    images: Sequence[str], photos: TrainingPhotos, model: VisionLanguageModel, store: Store
) -> np.ndarray:
    """How good photos are technically, which decides who leads a post: float64 (n,), 0-1."""

    def strength(image: str) -> float:
        key = digest("strength", _STRENGTH_VERSION, photos.content(image))
        found: float = store.json("strength", key, lambda: measure_quality(np.asarray(photos.open(image, model))).score)
        return found

    return np.array([strength(image) for image in images])


def _render(
    recipe: Recipe, settings: RenderedSettings, test_photos: int, folder: Path, progress: Progress
) -> tuple[Recipe, Path]:
    """Render all parts into a folder named after what decides them; others that want the same wait for it."""
    own = folder / digest("rendered", settings.model_dump(mode="json"), test_photos)[:16]
    own.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{own.name}.lock"):
        recipe = with_rendered_data(recipe, own, progress=progress)
        test = own / "test.jsonl"
        if not test.is_file():
            shutil.rmtree(own / "test", ignore_errors=True)
            rows = write_sample_event(
                own / "test",
                photos=test_photos,
                seed=settings.seed + _TEST_APART,
                topics=tuple(TOPICS),
                voice=settings.voice,
                progress=lambda done, total: progress("rendering", done, total),
            )
            write_records(own / "test" / "records.jsonl", rows, event=None)
            lines = (own / "test" / "records.jsonl").read_text(encoding="utf-8").splitlines()
            records = [json.loads(line) for line in lines]
            named = [{**record, "image": f"test/{record['image']}"} for record in records]
            text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in named)
            write_atomic(test, text.encode())
    return recipe, test


def _check_apart(data: SweepData) -> None:
    """The test is worth nothing where a trial has seen one of its photos."""
    seen = {data.photos.content(record.image) for record in (*data.train, *data.val)}
    both = [record.image for record in data.test if data.photos.content(record.image) in seen]
    if both:
        raise InputError(
            f"{len(both)} photos of data.test are in train or val, too (such as {both[0]}); no trial may see the test. "
            "`montage data split` makes parts that have nothing in common"
        )


def _notices(*parts: TrainingData) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notice for part in parts for notice in part.notices))
