"""The figures of the built-in models: how they are summed up and written into the cards."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.mini.cards import END, START, write_cards
from core.mini.report import over_seeds


def measured(value: float) -> dict[str, Any]:
    return {"value": value, "interval": [value - 0.02, value + 0.02]}


def captioner(exact: float) -> dict[str, Any]:
    photos = {
        "photos": 50,
        "exact": measured(exact),
        "attributes": measured(0.98),
        "canonical": 1.0,
        "by_topic": {"food": {"photos": 50, "exact": exact, "attributes": 0.98}},
        "by_kind": {"crop": {"photos": 50, "exact": exact, "attributes": 0.98}},
        "by_fact": {"food.count": 0.91, "topic": 1.0},
    }
    return {"unseen_photos": photos, "never_trained_combinations": photos}


def report(exact: float) -> dict[str, Any]:
    clip = {
        "events": 2,
        "photos": 120,
        "label_micro_f1": 0.981,
        "label_micro_f1_worst_event": 0.975,
        "given_a_label": 0.96,
        "retrieval": {
            "photos": 250,
            "caption_of_photo": measured(0.95),
            "photo_of_caption": measured(0.9),
            "club_caption_of_photo": measured(0.8),
        },
        "purity_mean": 1.0,
        "purity_worst_event": 0.99,
        "k_and_topics": [[5, 5], [6, 5]],
        "duplicate_pairs": 40,
        "duplicate_recall": 1.0,
        "candidates_among_other_pairs": 0.1,
    }
    return {"signature": {"command": "the command"}, "clip": clip, "blip2": captioner(0.8), "git": captioner(exact)}


def test_seeds_are_summed_up() -> None:
    rows = over_seeds([report(0.9), report(0.94), report(0.92)])
    (row,) = [row for row in rows if (row["model"], row["photos"], row["measure"]) == ("git", "unseen_photos", "exact")]
    assert row["seeds"] == [0.9, 0.94, 0.92]
    assert (row["mean"], row["sd"]) == (0.92, 0.02)
    assert over_seeds([report(0.9)])[0]["sd"] is None  # one run has no spread
    assert {row["model"] for row in over_seeds([{"blip2": captioner(0.9)}])} == {"blip2"}


def test_cards_are_filled_between_their_marks(tmp_path: Path) -> None:
    for name in ("clip", "blip2", "git"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text(f"# {name}\n{START}\nbefore\n{END}\nlimits\n")
    for _ in range(2):  # a second time changes nothing
        write_cards(tmp_path, report(0.9), [report(0.9), report(0.94)])
    git, clip = ((tmp_path / name / "README.md").read_text() for name in ("git", "clip"))
    assert git.startswith("# git\n")
    assert git.endswith(f"{END}\nlimits\n")
    assert "before" not in git
    assert git.count("90.0 % (88.0 to 92.0)") == 2
    assert "| unseen photos, exact | 90.0 %, 94.0 % | 92.0 % | 2.8 % |" in git
    assert "Hardest facts: food.count 91.0 %; topic 100.0 %." in git
    assert "| labels, micro-F1 (worst event) | 0.981 (0.975) |" in clip
    assert "| events in which k equals the number of topics | 1 of 2 |" in clip


def test_a_card_without_marks_is_named(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "README.md").write_text("# clip\n")
    with pytest.raises(ValueError, match=r"expected the marks .* in .*README\.md"):
        write_cards(tmp_path, report(0.9), [])


def test_the_shipped_cards_hold_the_figures_of_the_shipped_report() -> None:
    root = Path(__file__).parents[1]
    made = json.loads((root / "results" / "mini" / "seed-0.json").read_text())
    for family in ("blip2", "git"):
        exact = made[family]["unseen_photos"]["exact"]["value"]
        assert f"| canonical caption, word for word | {100 * exact:.1f} %" in (
            root / "core" / "mini" / family / "README.md"
        ).read_text(encoding="utf-8")
