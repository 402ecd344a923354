"""Fitting the hybrid rule's thresholds to ratings and references."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.calibrate import calibrate
from core.calibrate import calibrate_hybrid
from core.captioners.hybrid import choose
from core.config import load_config
from core.errors import ConfigError, InputError, MontageError
from core.judgements import Judged, by_ratings, by_references, read_records
from core.record import EventRecord
from core.settings import HybridSettings
from core.thresholds import JudgedPosts, Thresholds, fit_thresholds

APP = typer.Typer()
APP.command()(calibrate)


def caption(text: str, cosine: float | None = None, **more: Any) -> dict[str, Any]:
    return {"text": text, "clip_cosine": cosine, "clipscore": None, **more}


def post(number: int, captions: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(("photos", "images", "labels", "hashtags", "alt_texts"), ())
    return {
        "post": number,
        "folder": f"post-{number:02d}",
        "cluster": 0,
        "captions": captions,
        "published": "blip2",
    } | empty


def record(
    name: str = "Open Mic",
    cosines: tuple[float | None, ...] = (0.1, 0.3),
    silhouette: float | None = 0.3,
    hybrid: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    config = load_config().settings.model_dump(mode="json")
    config["captioner"]["hybrid"] |= hybrid or {}
    numbered = enumerate(cosines, start=1)
    posts = [post(n, {"blip2": caption("a dog runs", c), "template": caption("Moments.", 0.2)}) for n, c in numbered]
    thresholds = {"clip_threshold": 0.8, "label_threshold": 0.4, "caption_threshold": 0.18}
    return {
        "montage_version": "0",
        "event": {"name": name, "date": None, "place": None},
        "model": {"name": "m", "key": "k", "calibrated": True, "notice": None, **thresholds},
        "config": config,
        "config_hash": "0",
        "stages": [{"stage": "cluster", "seconds": 0, "counts": {}, "measures": {"silhouette": silhouette}}],
        "files": [],
        "posts": posts,
    } | more


def written(folder: Path, *records: dict[str, Any]) -> list[Path]:
    """Result folders, each with its `posts.json`."""
    folders = [folder / f"out{n}" for n in range(len(records))]
    for out, content in zip(folders, records, strict=True):
        out.mkdir()
        (out / "posts.json").write_text(json.dumps(content), encoding="utf-8")
    return folders


def events(*records: dict[str, Any]) -> dict[str, EventRecord]:
    return {r["event"]["name"]: EventRecord.model_validate(r) for r in records}


def test_records_are_read_from_files_and_folders(tmp_path: Path) -> None:
    one, two = written(tmp_path, record("A"), record("B"))
    assert list(read_records([one, two / "posts.json"], "blip2")) == ["A", "B"]


NO_COSINE = {"blip2": caption("a"), "template": caption("b")}


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (
            [record(posts=[post(1, {"blip2": caption("a", 0.2)})])],
            r"out0/posts.json: post 1 has no caption of template",
        ),
        ([record(posts=[post(7, {"template": caption("a")})])], r"post 7 has no caption of blip2, only of template"),
        ([record(posts=[post(1, {})])], r"no caption of template, only of nobody; .* --mode blip2,template"),
        ([record(posts=[post(1, NO_COSINE)])], r"caption of blip2 of post 1 has no clip_cosine; set .*calc_clipscore"),
        ([record("A"), record("A")], r"out1/posts.json and .*out0/posts.json are both of the event 'A'"),
        ([record("A"), record("B", model={**record()["model"], "key": "x"})], "different embedding models"),
        (
            [{"posts": 3}],
            r"out0/posts.json is not a record written by `montage caption`: montage_version: Field required",
        ),
    ],
)
def test_records_that_cannot_be_used_are_named(tmp_path: Path, records: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_records(written(tmp_path, *records), "blip2")


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*nowhere"):
        read_records([tmp_path / "nowhere"], "blip2")


def test_ratings_are_averaged_and_halves_left_out(tmp_path: Path) -> None:
    table = tmp_path / "ratings.csv"
    table.write_text(
        "post,captioner,rating,rater\n1,template,2,x\n1,template,3,y\n1, blip2 ,4.5,x\n2,blip2,5,x\n",
        encoding="utf-8-sig",
    )
    judged = by_ratings(table, events(record()), "blip2")
    assert judged.quality == {("Open Mic", 1): (2.5, 4.5)}
    assert judged.notes == ["Left out, since not both of their captions were rated: 1."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("event,post,captioner,rating\nA,1,template,4\nC,1,blip2,4\n", r"ratings.csv:3: no record is of the event 'C'"),
        ("event,post,captioner,rating\n,1,template,4\n", r":2: which of the 2 events\? expected its name in 'event'"),
        ("event,post,captioner,rating\nA,3,blip2,4\n", r":2: 'A' has no post 3, it has 2 posts"),
        ("event,post,captioner,rating\nA,x,blip2,4\n", r":2: post must be a number, got 'x'"),
        ("event,post,captioner,rating\nA,1,blip,4\n", r":2: post 1 has no caption of 'blip'; did you mean 'blip2'"),
        ("event,post,captioner,rating\nA,1,blip2,good\n", r":2: rating must be a number, got 'good'"),
        ("event,post,captioner,rating\nA,1,blip2,nan\n", r":2: rating must be a number, got 'nan'"),
        ("event,post,captioner,rating\nA,1,blip2\n", r":2: rating must be a number, got None"),
        ("event;post\n", r"expected a CSV with columns .*; post, captioner, rating missing from \['event;post'\]"),
        ("", "missing from an empty file"),
    ],
)
def test_bad_ratings_are_refused_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "ratings.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        by_ratings(table, events(record("A"), record("B")), "blip2")


def test_references_are_compared_by_rouge_l(tmp_path: Path) -> None:
    lines = tmp_path / "references.jsonl"
    lines.write_text('{"post": 2, "references": ["A dog runs!", "moments"]}\n\n', encoding="utf-8")
    assert by_references(lines, events(record()), "blip2").quality == {("Open Mic", 2): (1.0, 1.0)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"references.jsonl:1: .*JSON"),
        ('{"post": 1}', r":1: references: Field required"),
        ('{"post": 1, "references": []}', r":1: references: List should have at least 1 item"),
        ('{"post": 1, "references": ["!"]}', r":1: ROUGE-L needs a reference that holds a word"),
        ('{"post": 9, "references": ["a"]}', r":1: 'Open Mic' has no post 9"),
        ('{"post": 1, "references": ["a"]}\n' * 2, r":2: post 1 of 'Open Mic' is listed twice"),
    ],
)
def test_bad_references_are_refused_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    lines = tmp_path / "references.jsonl"
    lines.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        by_references(lines, events(record()), "blip2")


def rows(cosines: list[float], silhouettes: list[float], gains: list[float], event: list[int]) -> JudgedPosts:
    return JudgedPosts(
        event=np.array(event),
        clip_cosine=np.array(cosines),
        silhouette=np.array(silhouettes),
        template=np.array(gains),
        model=np.zeros(len(gains)),
    )


@pytest.mark.parametrize(
    ("cosines", "gains", "present", "expected"),
    [
        ([0.1, 0.2, 0.3], [1, 1, -1], 0.18, 0.25),  # between the last gain and the first loss
        ([0.1, 0.2, 0.3], [1, -1, -1], 0.18, 0.18),  # as good as any: the present one stays
        ([0.1, 0.2, 0.3], [0, 0, 0], 0.18, 0.18),
        ([0.1, 0.2, 0.3], [1, 1, 1], 0.18, 1.0),  # always
        ([0.1, 0.2, 0.3], [-1, -1, -1], 0.18, -1.0),  # never
        ([0.1, 0.1, 0.3], [1, -2, 1], 0.05, 0.05),
        ([], [], 0.18, 0.18),
    ],
)
def test_fit_of_the_cosine(cosines: list[float], gains: list[float], present: float, expected: float) -> None:
    posts = rows(cosines, [0.3] * len(cosines), gains, [0] * len(cosines))
    assert fit_thresholds(posts, Thresholds(clip_cosine=present, silhouette=0.15)) == Thresholds(
        clip_cosine=expected, silhouette=0.15
    )


def test_fit_of_the_silhouette_needs_three_events() -> None:
    present = Thresholds(clip_cosine=-1, silhouette=None)
    posts = rows([0.3, 0.3, 0.3], [0.1, 0.2, 0.4], [1, 1, -1], [0, 1, 2])
    assert fit_thresholds(posts, present) == Thresholds(clip_cosine=-1, silhouette=0.3)
    unknown = rows([0.3, 0.3, 0.3], [0.1, 0.2, np.nan], [1, 1, -1], [0, 1, 2])
    assert fit_thresholds(unknown, present).silhouette is None


def quality_under(posts: JudgedPosts, thresholds: Thresholds) -> float:
    """One post at a time, by the rule that captions are chosen with."""
    settings = HybridSettings(model="blip2", campaign="template", **vars_of(thresholds))
    total = 0.0
    for i in range(len(posts)):
        choice = choose(
            clip_cosine=float(posts.clip_cosine[i]),
            silhouette=float(posts.silhouette[i]),
            campaign=False,
            settings=settings,
            caption_threshold=0,
        )
        total += float((posts.template if choice.source == "template" else posts.model)[i])
    return total


def vars_of(thresholds: Thresholds) -> dict[str, Any]:
    return {"clip_cosine": thresholds.clip_cosine, "silhouette": thresholds.silhouette}


@given(
    st.lists(
        st.tuples(st.integers(-9, 9), st.integers(0, 3), st.integers(-3, 3)).map(
            lambda t: (t[0] / 10, (0.05, 0.1, 0.2, 0.4)[t[1]], t[2], t[1])
        ),
        min_size=1,
        max_size=8,
    )
)
@tries(max_examples=60, deadline=None)
def test_no_thresholds_on_a_grid_do_better_than_the_fitted(cases: list[tuple[float, float, int, int]]) -> None:
    cosines, silhouettes, gains, event = map(list, zip(*cases, strict=True))
    posts = rows(cosines, silhouettes, gains, event)
    present = Thresholds(clip_cosine=0.18, silhouette=0.15)
    fitted = quality_under(posts, fit_thresholds(posts, present))
    grid = [n / 20 - 1.01 for n in range(43)]
    tried = grid if len(set(event)) >= 3 else [0.15]
    for cosine, silhouette in itertools.product(grid, tried):
        bounded = Thresholds(clip_cosine=min(max(cosine, -1), 1), silhouette=min(max(silhouette, -1), 1))
        assert quality_under(posts, bounded) <= fitted + 1e-9


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
