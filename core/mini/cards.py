"""Writes the measured figures into the model cards: `python -m core.mini.cards --report results/mini/seed-0.json`.

A card is the README.md of a model's folder; only what lies between its two marks is replaced.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.mini.report import CAPTIONERS, MINI, over_seeds

START, END = "<!-- figures: written by core/mini/cards.py -->", "<!-- /figures -->"
PERCENT = 100


def write_cards(models: Path, report: dict[str, Any], reports: Sequence[dict[str, Any]]) -> None:
    """Fills the cards of all models in `models` from the report on them, and the reports on all seeds."""
    command = f"`{report['signature']['command']}`"
    _fill(models / "clip" / "README.md", [command, "", *clip_table(report["clip"])])
    for family in CAPTIONERS:
        lines = [command, "", *captioner_table(report[family]), "", *seeds_table(family, reports)]
        _fill(models / family / "README.md", lines)


def clip_table(made: dict[str, Any]) -> Iterator[str]:
    """The figures of the CLIP model as a Markdown table."""
    yield from (
        f"{made['photos']} photos of {made['events']} events that nothing was trained on or calibrated with.",
        "",
    )
    yield from ("| measure | value |", "|---|---|")
    worst = made["label_micro_f1_worst_event"]
    yield f"| labels, micro-F1 (worst event) | {made['label_micro_f1']:.3f} ({worst:.3f}) |"
    yield f"| photos that get a label | {_percent(made['given_a_label'])} |"
    if "real_photos" in made:
        real = made["real_photos"]
        yield f"| photographs ({real['photos']}) that get one nonetheless | {_measured(real['given_a_label'])} |"
    found = made["retrieval"]
    yield f"| own caption nearest of {found['photos']} (R@1) | {_measured(found['caption_of_photo'])} |"
    yield f"| own photo nearest of {found['photos']} | {_measured(found['photo_of_caption'])} |"
    club = _measured(found["club_caption_of_photo"])
    yield f"| own caption in a club's words nearest of {found['photos']} | {club} |"
    yield f"| topic purity of k-means (worst event) | {made['purity_mean']:.3f} ({made['purity_worst_event']:.3f}) |"
    right = sum(k == topics for k, topics in made["k_and_topics"])
    yield f"| events in which k equals the number of topics | {right} of {made['events']} |"
    pairs, found_pairs = made["duplicate_pairs"], _percent(made["duplicate_recall"])
    yield f"| near-duplicate pairs above the threshold | {found_pairs} of {pairs} |"
    yield f"| other pairs above it, which geometry has to check | {_percent(made['candidates_among_other_pairs'])} |"


def captioner_table(made: dict[str, Any]) -> Iterator[str]:
    """The figures of one captioner as Markdown tables."""
    unseen, never = made["unseen_photos"], made["never_trained_combinations"]
    photos = f"{unseen['photos']} unseen photos | {never['photos']} of combinations never trained"
    yield f"| measure (95 % interval) | {photos} |"
    yield "|---|---|---|"
    yield f"| canonical caption, word for word | {_measured(unseen['exact'])} | {_measured(never['exact'])} |"
    yield f"| facts told rightly | {_measured(unseen['attributes'])} | {_measured(never['attributes'])} |"
    yield f"| some canonical sentence | {_percent(unseen['canonical'])} | {_percent(never['canonical'])} |"
    yield ""
    for title, groups in (("topic", unseen["by_topic"]), ("what was done to the photo", unseen["by_kind"])):
        told = "; ".join(f"{name} {_percent(row['exact'])} of {row['photos']}" for name, row in groups.items())
        yield f"Word for word by {title}: {told}."
    weak = sorted(unseen["by_fact"].items(), key=lambda item: item[1])[:5]
    yield "Hardest facts: " + "; ".join(f"{name} {_percent(share)}" for name, share in weak) + "."


def seeds_table(family: str, reports: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Every seed that was trained, so that luck can be told from skill."""
    yield from ("| over seeds | each seed | mean | standard deviation |", "|---|---|---|---|")
    for row in over_seeds(reports):
        if row["model"] == family:
            each = ", ".join(_percent(value) for value in row["seeds"])
            spread = "-" if row["sd"] is None else _percent(row["sd"])
            name = f"{row['photos'].replace('_', ' ')}, {row['measure']}"
            yield f"| {name} | {each} | {_percent(row['mean'])} | {spread} |"


def _fill(card: Path, lines: Sequence[str]) -> None:
    text = card.read_text(encoding="utf-8")
    if START not in text or END not in text:
        raise ValueError(f"expected the marks {START!r} and {END!r} in {card}")
    before, after = text.split(START)[0], text.split(END)[1]
    card.write_text(f"{before}{START}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")


def _measured(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    return f"{_percent(found['value'])} ({PERCENT * low:.1f} to {PERCENT * high:.1f})"


def _percent(share: float) -> str:
    return f"{PERCENT * share:.1f} %"


def main() -> None:
    """Fills the cards of the shipped models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, required=True, help="on the models in core/mini")
    arguments = parser.parse_args()
    reports = [json.loads(path.read_text()) for path in sorted(arguments.report.parent.glob("seed-*.json"))]
    write_cards(MINI, json.loads(arguments.report.read_text(encoding="utf-8")), reports)


if __name__ == "__main__":
    main()
