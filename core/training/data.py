"""The records of a run: read, cleaned, split, with every line that is not used named."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import ConfigError, InputError, PhotoError
from core.store import digest
from core.training.cleaning import clean_records
from core.training.features import TrainingPhotos
from core.training.leakage import shared_photos
from core.training.problems import line_ranges
from core.training.record import Record
from core.training.records import ReadRecords, read_records
from core.training.settings import Recipe
from core.training.split import Split, SplitSettings, split_records

__all__ = ["TrainingData", "records_checksum", "training_data"]

_NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingData:
    """What a model learns from and is judged on."""

    train: tuple[Record, ...]
    validation: tuple[Record, ...]
    image_root: Path
    notices: tuple[str, ...] = ()
    """What the user should know, as sentences."""
    problems: tuple[str, ...] = ()
    """Every line and photo that is not used, one sentence each."""

    @property
    def images(self) -> list[str]:
        """Photos of both, each once."""
        return list(dict.fromkeys(record.image for record in (*self.train, *self.validation)))

    def without(self, unreadable: Mapping[str, PhotoError]) -> "TrainingData":
        """The same without records whose photo cannot be read; they are named.

        Raises:
            InputError: nothing is left to learn from or to validate on.
        """
        if not unreadable:
            return self
        left = replace(
            self,
            train=tuple(record for record in self.train if record.image not in unreadable),
            validation=tuple(record for record in self.validation if record.image not in unreadable),
            notices=(*self.notices, f"{_photos(len(unreadable))} left out: {_some(unreadable)}"),
            problems=(*self.problems, *map(str, unreadable.values())),
        )
        _check(left)
        return left


def training_data(recipe: Recipe) -> TrainingData:
    """Read what a recipe names.

    Raises:
        ConfigError: it names no data.
        InputError: a file is not there, or holds no usable record.
    """
    settings = recipe.train
    if settings.train_jsonl is None:
        raise ConfigError("train.train_jsonl is not set; name the file of training records (JSON lines)")
    path = Path(settings.train_jsonl)
    root = Path(settings.image_root) if settings.image_root is not None else path.parent
    read = [read_records(path, root)]
    if settings.val_jsonl is not None:
        read.append(read_records(Path(settings.val_jsonl), root))
    notices = [notice for one in read for notice in _notices(one)]
    problems = [str(problem) for one in read for problem in one.problems]
    parts = [_cleaned(one.records, recipe, str(one.path), notices, problems) for one in read]
    if len(parts) == 1:
        _check_some("train", parts[0], problems)
        split = _split(parts[0], recipe)
        parts = [split.parts["train"], split.parts["validation"]]
        notices += split.notes
    notices += _leaks(parts[0], parts[1], root)
    if settings.rendered is None:
        notices.append(_look_alikes(recipe, root))
    data = TrainingData(
        train=parts[0],
        validation=parts[1],
        image_root=root,
        notices=tuple(notices),
        problems=tuple(problems),
    )
    _check(data)
    return data


def records_checksum(records: Iterable[Record], photos: TrainingPhotos) -> str:
    """Checksum of records and of their photos' contents."""
    return digest("records", [[record.to_json(), photos.content(record.image)] for record in records])


def _cleaned(
    records: Sequence[Record], recipe: Recipe, name: str, notices: list[str], problems: list[str]
) -> tuple[Record, ...]:
    if not recipe.train.clean_captions:
        return tuple(records)
    cleaned = clean_records(records, recipe.cleaning)
    if cleaned.changed:
        notices.append(f"{name}: {len(cleaned.changed)} of {len(records)} captions were cleaned")
    if cleaned.emptied:
        lines = line_ranges([record.line for record in cleaned.emptied if record.line is not None])
        notices.append(f"{name}: {len(cleaned.emptied)} captions have no word left and are left out (lines {lines})")
        problems += [f"{name}:{record.line}: no word is left of {record.caption!r}" for record in cleaned.emptied]
    return cleaned.records


def _notices(read: ReadRecords) -> list[str]:
    bad = read.bad_lines
    if not bad:
        return []
    first = next(problem for problem in read.problems if problem.severity == "error")
    return [
        f"{read.path}: {len(bad)} of {read.lines} lines are not used (lines {line_ranges(bad)}), such as {first}; "
        "`montage data check` says what is wrong with each"
    ]


def _split(records: Sequence[Record], recipe: Recipe) -> Split:
    settings = recipe.train
    share = settings.eval_split_ratio
    how = SplitSettings(shares=(1 - share, share, 0.0), by=settings.split_by, seed=settings.seed)
    try:
        return split_records(records, how, photos={}, max_distance=0)
    except InputError as error:
        raise InputError(
            f"train.val_jsonl is not set, and {settings.train_jsonl} cannot be split: {error}. In a recipe that is "
            "train.split_by: photo"
        ) from None


def _leaks(train: Sequence[Record], validation: Sequence[Record], root: Path) -> list[str]:
    both = shared_photos(train, validation, root)
    if not both:
        return []
    count = "1 photo is" if len(both) == 1 else f"{len(both)} photos are"
    image, learnt = next(iter(both.items()))
    example = image if image == learnt else f"{image}, which is {learnt}"
    return [f"{count} in training and validation both (such as {example}), so that scores come out too good"]


def _look_alikes(recipe: Recipe, root: Path) -> str:
    """Where to look for what would take too long here."""
    train, images = shlex.quote(str(recipe.train.train_jsonl)), shlex.quote(str(root))
    if recipe.train.val_jsonl is None:
        by = "" if recipe.train.split_by == "event" else " --by photo"
        command = f"montage data split {train} --image-root {images}{by} --out FOLDER"
        return f"Look-alike photos may have come into different parts; `{command}` keeps them together"
    command = f"montage data check {train} --val {shlex.quote(recipe.train.val_jsonl)} --image-root {images}"
    return f"Only identical photos were looked for in training and validation; `{command}` finds look-alikes, too"


def _check(data: TrainingData) -> None:
    _check_some("train", data.train, data.problems)
    _check_some("validate", data.validation, data.problems)


def _check_some(what: str, records: Sequence[Record], problems: Sequence[str]) -> None:
    if not records:
        first = f" ({problems[0]})" if problems else ""
        raise InputError(f"no record is left to {what} on{first}; try `montage data check`")


def _photos(count: int) -> str:
    return "1 photo cannot be read and is" if count == 1 else f"{count} photos cannot be read and are"


def _some(unreadable: Mapping[str, PhotoError]) -> str:
    named = "; ".join(str(error) for error in list(unreadable.values())[:_NAMED])
    return named + ("; …" if len(unreadable) > _NAMED else "")
