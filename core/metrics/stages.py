"""How well each stage of the pipeline did, against known truth: duplicates, labels, clusters, posts."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from core.errors import InputError

__all__ = ["Truth", "adjusted_rand_index", "cluster_purity", "pair_scores", "precision_recall_f1", "read_truth"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """What is known of an event's photos, by file name."""

    group: Mapping[str, str]
    """Name of the original of each photo's duplicate group (its own, where it is one)."""
    topic: Mapping[str, str] | None
    labels: Mapping[str, frozenset[str]] | None

    @property
    def label_list(self) -> tuple[str, ...]:
        """All labels that occur."""
        return tuple(sorted(set().union(*self.labels.values()))) if self.labels else ()

    def matched(self, photos: Sequence[str]) -> "Truth":
        """The same truth under the photos' own paths, where it has only their bare names and those are unique."""
        bare: dict[str, list[str]] = {}
        for photo in photos:
            bare.setdefault(PurePosixPath(photo).name, []).append(photo)
        exact = set(photos)
        paths = {name: found[0] for name, found in bare.items() if len(found) == 1 and name not in exact}
        paths = {name: path for name, path in paths.items() if path not in self.group}

        def keys(table: Mapping[str, Any]) -> dict[str, Any]:
            return {paths.get(name, name): value for name, value in table.items()}

        return Truth(
            group={paths.get(name, name): paths.get(group, group) for name, group in self.group.items()},
            topic=None if self.topic is None else keys(self.topic),
            labels=None if self.labels is None else keys(self.labels),
        )


def read_truth(path: Path) -> Truth:
    """Read a truth table: CSV with columns `file`, and `duplicate_of`, `topic`, `labels` (joined by `;`) if known.

    Raises:
        InputError: the file cannot be read, has no `file` column, names a file twice, or refers to a missing one.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the truth table {path}: {error}") from None
    if not rows or "file" not in rows[0]:
        raise InputError(f"{path}: expected a CSV with a column 'file', got {list(rows[0]) if rows else 'no rows'}")
    original: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        if row["file"] in original:
            raise InputError(f"{path}:{line}: {row['file']} is listed twice")
        original[row["file"]] = row.get("duplicate_of") or row["file"]
    for line, row in enumerate(rows, start=2):
        if original[row["file"]] not in original:
            raise InputError(f"{path}:{line}: duplicate_of names {original[row['file']]}, which is not in the table")
    has = rows[0].keys()
    return Truth(
        group={name: _root(name, original, path) for name in original},
        topic={row["file"]: row["topic"] for row in rows} if "topic" in has else None,
        labels={row["file"]: _split(row["labels"]) for row in rows} if "labels" in has else None,
    )


def precision_recall_f1(true_positives: int, found: int, expected: int) -> dict[str, float]:
    """Precision, recall and F1, each 0-1; all 1 where nothing was expected and nothing found."""
    precision = true_positives / found if found else float(expected == 0)
    recall = true_positives / expected if expected else float(found == 0)
    f1 = 2 * true_positives / (found + expected) if found + expected else 1.0
    return {"precision": round(precision, 6), "recall": round(recall, 6), "f1": round(f1, 6)}


def pair_scores(predicted: Sequence[Any], expected: Sequence[Any]) -> dict[str, float]:
    """Precision, recall and F1 over pairs of photos that stand in one group.

    >>> pair_scores(["a", "a", "b", "c"], [1, 1, 1, 2])
    {'precision': 1.0, 'recall': 0.333333, 'f1': 0.5}
    """
    both = _pairs(Counter(zip(predicted, expected, strict=True)))
    return precision_recall_f1(both, _pairs(Counter(predicted)), _pairs(Counter(expected)))


def cluster_purity(assignment: Sequence[Any], topics: Sequence[Any]) -> float:
    """Share of photos whose topic is the most frequent one of their cluster (Manning et al. 2008, 16.3): 0-1.

    >>> cluster_purity([0, 0, 0, 1], ["food", "food", "stage", "stage"])
    0.75
    """
    largest: dict[Any, int] = {}
    for (cluster, _), count in Counter(zip(assignment, topics, strict=True)).items():
        largest[cluster] = max(largest.get(cluster, 0), count)
    return sum(largest.values()) / len(topics)


def adjusted_rand_index(assignment: Sequence[Any], topics: Sequence[Any]) -> float:
    """Agreement of two groupings, corrected for chance (Hubert and Arabie 1985): 1 equal, about 0 by chance."""
    both = _pairs(Counter(zip(assignment, topics, strict=True)))
    left, right, all_pairs = _pairs(Counter(assignment)), _pairs(Counter(topics)), comb(len(topics), 2)
    expected = left * right / all_pairs if all_pairs else 0.0
    most = (left + right) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def label_scores(
    scores: np.ndarray, threshold: float, labels: Sequence[str], expected: Sequence[frozenset[str]]
) -> dict[str, float]:
    """Micro-averaged precision, recall and F1 of labels.

    Args:
        scores: float (n, labels); a label is given where its score reaches the threshold.
        expected: the true labels of each photo.
    """
    found = [{labels[i] for i in range(len(labels)) if row[i] >= max(threshold, 1e-9)} for row in scores]
    hits = sum(len(f & e) for f, e in zip(found, expected, strict=True))
    return precision_recall_f1(hits, sum(map(len, found)), sum(map(len, expected)))


def _pairs(counts: Counter[Any]) -> int:
    return sum(comb(count, 2) for count in counts.values())


def _root(name: str, original: Mapping[str, str], path: Path) -> str:
    seen = [name]
    while original[seen[-1]] != seen[-1]:
        seen.append(original[seen[-1]])
        if len(seen) > len(original):
            raise InputError(f"{path}: duplicate_of goes round in a circle at {name}")
    return seen[-1]


def _split(text: str | None) -> frozenset[str]:
    return frozenset(label.strip() for label in (text or "").split(";") if label.strip())
