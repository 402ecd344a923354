"""Calibrating the hybrid rule: the report, its honesty, the command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from cli.calibrate import calibrate
from core.calibrate import calibrate_hybrid
from core.errors import ConfigError, InputError, MontageError
from core.judgements import Judged
from core.record import EventRecord
from core.thresholds import Thresholds
from tests.calibrate_helpers import caption, events, post, record, written

APP = typer.Typer()
APP.command()(calibrate)


def test_the_report_by_hand() -> None:
    held = events(record(cosines=(0.1, 0.2, 0.3, 0.4)))
    quality = {("Open Mic", n): q for n, q in enumerate([(3.0, 1.0), (3.0, 2.0), (3.0, 4.0), (3.0, 5.0)], start=1)}
    found = calibrate_hybrid(held, Judged(quality=quality), "blip2")
    assert found.present == Thresholds(clip_cosine=0.18, silhouette=0.15)
    assert found.fitted == Thresholds(clip_cosine=0.25, silhouette=0.15)
    assert [(p.quality, p.to_template) for p in found.policies] == [
        (3.0, 4),
        (3.0, 0),
        (3.5, 1),  # post 1 alone is below 0.18
        (3.75, 2),
        (3.5, 1),  # without post 2 nothing speaks against 0.18; without post 3 it would be 0.3, not above post 3
        (3.75, 2),
    ]
    assert found.gain.resampled == "posts"
    assert found.gain.low <= found.gain.mean <= found.gain.high
    assert found.yaml == "captioner: {hybrid: {model: blip2, clip_cosine: 0.25, silhouette: 0.15}}"
    notes = " ".join(found.notes)
    assert "No difference shown" in notes
    assert "4 posts: too few posts to rely on" in notes
    assert "silhouette threshold is kept: fewer than 3 events have one (1)" in notes


def many(rating: Any, events_: int = 6, each: int = 8) -> tuple[dict[str, EventRecord], Judged]:
    cosines = tuple(0.05 + 0.05 * n for n in range(each))
    held = events(*(record(f"E{e}", cosines, 0.1 + 0.1 * e, {"clip_cosine": 0.35}) for e in range(events_)))
    quality = {(f"E{e}", n + 1): rating(e, cosines[n]) for e in range(events_) for n in range(each)}
    return held, Judged(quality=quality)


def test_a_real_difference_is_shown_over_events() -> None:
    found = calibrate_hybrid(*many(lambda e, cosine: (3, 5 if cosine > 0.12 else 1)), "blip2")
    assert 0.1 < found.fitted.clip_cosine < 0.15
    assert found.gain.resampled == "events"
    assert found.gain.low > 0
    assert any("better than the present" in note for note in found.notes)
    assert not any("too few" in note for note in found.notes)
    assert "leaving one event out" in found.policies[4].name


def test_chance_alone_shows_no_difference() -> None:
    random = np.random.default_rng(5)
    found = calibrate_hybrid(*many(lambda e, cosine: tuple(random.normal(3, 1, 2))), "blip2")
    in_sample, left_out, oracle = (policy.quality for policy in found.policies[3:])
    assert left_out < in_sample < oracle
    assert any("No difference shown" in note for note in found.notes)


def test_posts_that_thresholds_do_not_decide_are_left_out() -> None:
    campaign = record("Ad", event={"name": "Ad", "date": None, "place": None, "campaign": True})
    silent = {"blip2": caption("Moments.", None, source="template"), "template": caption("Moments.", 0.2)}
    held = events(record("A", posts=[*record()["posts"], post(3, silent)]), campaign)
    quality = {("A", 1): (1.0, 2.0), ("A", 3): (1.0, 1.0), ("Ad", 1): (5.0, 1.0)}
    found = calibrate_hybrid(held, Judged(quality=quality), "blip2")
    assert found.posts == 1
    assert found.notes[0].startswith("Left out, as marked as campaign")
    assert found.notes[1] == "Left out, since blip2 wrote nothing for them: 1."
    with pytest.raises(InputError, match="no post can be judged"):
        calibrate_hybrid(held, Judged(quality={("A", 3): (1.0, 1.0)}), "blip2")


def test_different_present_thresholds_are_noted() -> None:
    held = events(record("A", hybrid={"clip_cosine": 0.2, "silhouette": None}), record("B"))
    found = calibrate_hybrid(held, Judged(quality={("A", 1): (1.0, 2.0)}), "blip2")
    assert found.present == Thresholds(clip_cosine=0.2, silhouette=None)
    assert "The records' thresholds differ" in found.notes[0]
    assert found.yaml.endswith("silhouette: null}}")


@pytest.fixture
def rated(tmp_path: Path) -> tuple[list[str], Path]:
    folders = written(tmp_path, record("A"), record("B"))
    table = tmp_path / "ratings.csv"
    lines = [f"{e},{n},{c},{r}" for e in "AB" for n, c, r in [(1, "template", 4), (1, "blip2", 1), (2, "template", 2)]]
    table.write_text("\n".join(["event,post,captioner,rating", *lines, "A,2,blip2,5"]), encoding="utf-8")
    return [str(folder) for folder in folders], table


def test_the_command_prints_a_report(rated: tuple[list[str], Path]) -> None:
    result = CliRunner().invoke(APP, [*rated[0], "--ratings", str(rated[1])], catch_exceptions=False)
    assert result.exit_code == 0
    for part in (
        "always template",
        "too few posts to rely on",
        "captioner: {hybrid: {model: blip2, clip_cosine: 0.18, silhouette: 0.15}}",
    ):
        assert part in result.output


def test_the_command_prints_json(rated: tuple[list[str], Path], tmp_path: Path) -> None:
    result = CliRunner().invoke(APP, [*rated[0], "--ratings", str(rated[1]), "--json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    assert (report["posts"], report["events"], report["model"]) == (3, 2, "blip2")
    assert report["fitted"] == {"clip_cosine": 0.18, "silhouette": 0.15}
    assert {"policies", "gain", "notes", "yaml", "present"} <= report.keys()
    lines = tmp_path / "references.jsonl"
    lines.write_text('{"event": "A", "post": 1, "references": ["A dog runs."]}', encoding="utf-8")
    by_text = CliRunner().invoke(APP, [*rated[0], "--references", str(lines), "--json"], catch_exceptions=False)
    assert json.loads(by_text.stdout)["policies"][1]["quality"] == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "either --ratings FILE or --references FILE"),
        (["--ratings", "a", "--references", "b"], "one of the two"),
        (["--ratings", "a", "--model", "blip3"], "'blip3' is not a model family; did you mean 'blip'"),
    ],
)
def test_options_that_make_no_sense(rated: tuple[list[str], Path], options: list[str], message: str) -> None:
    with pytest.raises(MontageError, match=message) as caught:
        CliRunner().invoke(APP, [*rated[0], *options], catch_exceptions=False)
    assert isinstance(caught.value, ConfigError)
