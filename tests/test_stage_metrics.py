"""Stage measures against values worked out by hand and by scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from core.errors import InputError
from core.metrics.stages import (
    adjusted_rand_index,
    cluster_purity,
    label_scores,
    pair_scores,
    precision_recall_f1,
    read_truth,
)


@pytest.mark.parametrize(
    ("predicted", "expected", "scores"),
    [
        ("aabb", "aabb", (1, 1, 1)),
        ("abcd", "aabb", (0, 0, 0)),
        ("aaab", "aabb", (1 / 3, 0.5, 0.4)),
        ("abcd", "abcd", (1, 1, 1)),
        ("aaaa", "abcd", (0, 0, 0)),
    ],
)
def test_pairs(predicted: str, expected: str, scores: tuple[float, float, float]) -> None:
    found = pair_scores(predicted, expected)
    assert tuple(found.values()) == pytest.approx(scores, abs=1e-6)


def test_nothing_expected_and_something_found() -> None:
    assert precision_recall_f1(0, 3, 0) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_purity_and_rand_index_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        n = int(rng.integers(2, 40))
        left, right = rng.integers(0, 5, n).tolist(), rng.integers(0, 4, n).tolist()
        assert adjusted_rand_index(left, right) == pytest.approx(adjusted_rand_score(right, left), abs=1e-9)
    assert cluster_purity([0, 0, 1, 1, 1], ["a", "b", "a", "a", "b"]) == pytest.approx(0.6)
    assert adjusted_rand_index([0], ["a"]) == 1.0


def test_labels() -> None:
    scores = np.array([[0.9, 0.1], [0.6, 0.7], [0.0, 0.0]])
    found = label_scores(scores, 0.5, ["x", "y"], [frozenset("x"), frozenset("y"), frozenset("y")])
    assert found == {"precision": round(2 / 3, 6), "recall": round(2 / 3, 6), "f1": round(2 / 3, 6)}


def test_truth_groups_follow_chains(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("file,topic,labels,duplicate_of\na,t,x;y,\nb,t,,a\nc,u,x,b\n")
    truth = read_truth(path)
    assert dict(truth.group) == {"a": "a", "b": "a", "c": "a"}
    assert truth.label_list == ("x", "y")
    moved = truth.matched(["day/a", "b", "x/c", "y/c"])
    assert dict(moved.group) == {"day/a": "day/a", "b": "day/a", "c": "day/a"}, "c is not unique"


def test_truth_by_full_path_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("file,duplicate_of\na,\nsub/a,\nb,a\n")
    assert dict(read_truth(path).matched(["a", "sub/a", "b"]).group) == {"a": "a", "sub/a": "sub/a", "b": "a"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\na\n", "expected a CSV with a column 'file'"),
        ("", "got no rows"),
        ("file\na\na\n", r"truth\.csv:3: a is listed twice"),
        ("file,duplicate_of\na,z\n", r"truth\.csv:2: duplicate_of names z"),
        ("file,duplicate_of\na,b\nb,a\n", "round in a circle"),
    ],
)
def test_wrong_truth_tables(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_truth(path)
