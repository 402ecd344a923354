"""The order of the leaderboard, the front, the CSV, and the winner's figures: from trials written by hand."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.training.features import TrainingPhotos
from core.training.record import Record
from distributed.sweep_asking import Asking, Ended
from distributed.sweep_board import Row, Tried, make_board, to_csv
from distributed.sweep_data import SweepData
from distributed.sweep_final import score_winner
from distributed.sweep_folder import SweepFolder
from distributed.sweep_load import load_sweep
from distributed.sweep_prepare import Prepared
from distributed.sweep_report import draw_plots, summary
from distributed.sweep_search import Suggestions
from distributed.sweep_shared import Sweep
from distributed.sweep_told import Told
from distributed.sweep_trials import Trial
from distributed.sweep_variants import decodings_of, groupings_of

TEXT = """
recipe: mini-montage
param_space:
  training: {r: [2, 4, 8]}
  decoding: {num_beams: [1]}
  clustering: {k: [2]}
"""
THINGS = ("singer", "band", "crowd", "dancer", "speaker", "light")
CAPTIONS = [f"a photo of {thing} on the stage tonight" for thing in THINGS]
WORSE = ["a photo"] * len(CAPTIONS)


def make_sweep(folder: Path, objective: str = "rougeL") -> Sweep:
    path = folder / "by_hand.yaml"
    path.write_text(f"{TEXT}objective: {objective}\n", encoding="utf-8")
    loaded = load_sweep(path)
    records = tuple(Record(image=f"{i}.jpg", caption=text) for i, text in enumerate(CAPTIONS))
    spaces = loaded.settings.param_space
    return Sweep(
        name="by-hand",
        settings=loaded.settings,
        data=SweepData(
            recipe=loaded.recipe.recipe, train=records, val=records, test=records, photos=TrainingPhotos(root=folder)
        ),
        checksums={"train": "t", "val": "v", "test": "e"},
        decodings=tuple(decodings_of(spaces.decoding, 8, seed=0)),
        groupings=tuple(groupings_of(spaces.clustering, 8, seed=0)),
        base_key="base",
        training_code="c",
        scoring_code="c",
        store_root=folder / "store",
        cache_root=folder / "trials",
    )


def keep(sweep: Sweep, key: str, part: str, number: int, rouge: float, clip: float, gains: tuple[float, ...]) -> None:
    captions = CAPTIONS if rouge > 0.5 else WORSE
    groups = {
        sweep.grouping_key(one): {"posts": 2, "k": 2.0, "silhouette": 0.1, "clip": 0.5, "chance": 0.4, "gain": gain}
        for one, gain in zip(sweep.groupings, gains, strict=True)
    }
    items = {"rougeL": [rouge] * 6, "clip_cosine": [clip + i / 100 for i in range(6)], "clipscore": [clip] * 6}
    found: dict[str, Any] = {"captions": captions, "metrics": {"rougeL": rouge, "clip_cosine": clip}, "items": items}
    key_of = sweep.scoring_key(key, sweep.decodings[number], part)
    sweep.cache.keep_scored(key, key_of, found | {"groupings": groups})


def finished(sweep: Sweep, number: int, values: dict[str, Any], *scores: tuple[float, float]) -> Tried:
    """A trial with its two decodings' ROUGE-L and CLIP score; the second grouping is always the better one."""
    key = sweep.key(values)
    trial = Trial(key=key, status="finished", steps=10, chosen="run/best", cpu_seconds=5.0)
    for index, (rouge, clip) in enumerate(scores):
        keep(sweep, key, "val", index, rouge, clip, (0.1, 0.2))
    return Tried(number=number, values=values, key=key, trial=trial)


def two(sweep: Sweep) -> list[Tried]:
    """The defaults fit their photos better, the other trial the club's captions."""
    return [
        finished(sweep, 0, {}, (0.4, 0.5), (0.42, 0.4)),
        finished(sweep, 1, {"lora.r": 2}, (0.6, 0.45), (0.5, 0.3)),
    ]


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return make_sweep(tmp_path)


@pytest.fixture
def tried(sweep: Sweep) -> list[Tried]:
    key = sweep.key({"lora.r": 8})
    return [
        finished(sweep, 0, {}, (0.40, 0.50), (0.42, 0.40)),
        finished(sweep, 1, {"lora.r": 2}, (0.60, 0.45), (0.55, 0.30)),
        Tried(number=2, values={"lora.r": 8}, key=key, trial=Trial(key=key, status="failed", reason="out of memory")),
        Tried(number=3, values={"lora.r": 4}, key="k", trial=None, curve=[{"step": 5.0, "monitor": 0.2}]),
    ]


def pairs(rows: Any) -> list[tuple[int, int | None, int | None]]:
    return [(row.trial, row.decoding, row.grouping) for row in rows]


def test_the_objective_decides_then_the_grouping(sweep: Sweep, tried: list[Tried]) -> None:
    board = make_board(sweep, tried)
    assert pairs(board.rows[:4]) == [(1, 0, 1), (1, 0, 0), (1, 1, 1), (1, 1, 0)]
    assert board.best == board.rows[0]
    assert [(row.trial, row.status) for row in board.rows[-2:]] == [(3, "stopped"), (2, "failed")]
    assert board.rows[-1].reason == "out of memory"


def test_clip_orders_by_clip(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, "clip")
    board = make_board(
        sweep,
        [finished(sweep, 0, {}, (0.4, 0.5), (0.42, 0.4)), finished(sweep, 1, {"lora.r": 2}, (0.6, 0.45), (0.5, 0.3))],
    )
    assert pairs(board.rows[:1]) == [(0, 0, 1)]


def test_both_take_the_best_sum_and_the_front_leaves_out_what_is_beaten(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, "both")
    board = make_board(
        sweep,
        [finished(sweep, 0, {}, (0.4, 0.5), (0.42, 0.4)), finished(sweep, 1, {"lora.r": 2}, (0.6, 0.45), (0.5, 0.3))],
    )
    assert pairs(board.rows[:1]) == [(1, 0, 1)], "0.6 and 0.45 are nearly the best of both"
    assert pairs(board.front) == [(1, 0, 1), (0, 0, 1)]


def test_the_csv_holds_all_that_was_searched(sweep: Sweep, tried: list[Tried]) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(sweep, make_board(sweep, tried).rows, tried))))
    assert len(rows) == 2 * 2 * 2 + 2
    first, last = rows[0], rows[-1]
    assert (first["rank"], first["lora.r"], first["decoding.num_beams"], first["cluster.k"]) == ("1", "2", "3", "2")
    assert (last["rank"], last["status"], last["reason"], last["lora.r"]) == ("", "failed", "out of memory", "8")
    assert {row["lora.r"] for row in rows if row["trial"] == "0"} == {"16"}, "the recipe's own"


def test_a_board_without_a_finished_trial_has_no_best(sweep: Sweep, tried: list[Tried]) -> None:
    assert make_board(sweep, tried[2:]).best is None


def test_the_winner_is_tested_against_the_defaults(sweep: Sweep, tried: list[Tried]) -> None:
    for one, rouge, clip in ((tried[0], 0.4, 0.3), (tried[1], 0.9, 0.6)):
        keep(sweep, one.key, "test", 0, rouge, clip, (0.1, 0.3))
    best = make_board(sweep, tried).best
    assert best is not None
    final = score_winner(sweep, best, tried)
    rouge = final.figures["rougeL"]
    assert rouge.value == pytest.approx(1.0), "it writes what the club wrote"
    assert rouge.default is not None
    assert rouge.default < 0.6
    assert rouge.p_value is not None
    assert rouge.verdict == ("better than the defaults" if rouge.p_value < 0.05 else "no difference shown")
    clip = final.figures["clip_cosine"]
    assert clip.difference == pytest.approx((0.3, 0.3))
    assert (final.posts["gain"], final.default_posts["gain"]) == (0.3, 0.1)
    assert any("only 6 test records" in notice for notice in final.notices)


def test_defaults_that_win_are_not_compared_with_themselves(sweep: Sweep, tried: list[Tried]) -> None:
    keep(sweep, tried[0].key, "test", 0, 0.4, 0.3, (0.1, 0.3))
    final = score_winner(sweep, Row(trial=0, decoding=0, grouping=0), tried)
    assert final.figures["rougeL"].p_value is None
    assert any("nothing that was tried is better" in notice for notice in final.notices)


def test_the_folder_holds_what_is_promised(
    sweep: Sweep, tried: list[Tried], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in tried[:2]:
        keep(sweep, one.key, "test", 0, 0.9, 0.6, (0.1, 0.3))
    board, folder = make_board(sweep, tried), SweepFolder(tmp_path / "run")
    assert board.best is not None
    final = score_winner(sweep, board.best, tried)
    folder.begin(sweep.settings)
    folder.write_board(sweep, board, tried)
    draw_plots(sweep, board, tried, folder)
    told = Told()
    told.board(sweep, board, tried)
    told.final(final)
    ready = Prepared(sweep=sweep, base={"name": "b", "checksum": "c"}, counts={"photos": 3, "photos_found": 1})
    found = summary(ready, board, tried, final, {"trials": 4}, 60.0, None)
    names = {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()}
    assert {"leaderboard.csv", "pareto.csv", "sweep.yaml", "state.json", "trials/001/recipe.yaml"} <= names
    assert {"plots/parallel-rougeL.png", "plots/parameters-rougeL.png", "trials/003/curve.csv"} <= names
    assert load_sweep(folder.path / "sweep.yaml").settings == sweep.settings, "what is written is what was run"
    assert found["trials"] == {"finished": 2, "failed": 1, "stopped": 1}
    assert found["signature"]["config_hash"]
    assert found["best"]["training"] == {"lora.r": 2}
    shown = capsys.readouterr().err
    assert "DEFAULTS" in shown
    assert "out of memory" in shown


def test_other_settings_do_not_go_on_in_a_folder(sweep: Sweep, tmp_path: Path) -> None:
    from core.errors import ConfigError

    folder = SweepFolder(tmp_path / "run")
    folder.begin(sweep.settings)
    folder.begin(sweep.settings)
    with pytest.raises(ConfigError, match="holds a sweep with other settings; name this one with --name"):
        folder.begin(sweep.settings.model_copy(update={"seed": 9}))


def asking(sweep: Sweep, ended: list[Ended], *, retry: bool = False) -> Asking:
    source = Suggestions(
        spaces=sweep.settings.param_space.training,
        searcher="grid",
        trials=4,
        parallel=2,
        objectives=1,
        seed=0,
        defaults={"lora.r": 16},
    )
    return Asking(sweep, source, retry=retry, ended=ended.append)


def test_trials_of_the_cache_are_over_before_they_begin(sweep: Sweep) -> None:
    two(sweep)
    sweep.cache.keep(Trial(key=sweep.key({"lora.r": 4}), status="failed", reason="out of memory"))
    for values in ({}, {"lora.r": 2}):
        sweep.cache.keep(Trial(key=sweep.key(values), status="finished", chosen="run/best"))
    ended: list[Ended] = []
    source = asking(sweep, ended)
    assert source.waits()
    assert [(one.number, one.reused) for one in ended] == [(0, True), (1, True), (2, True)]
    assert source.ask() == (3, {"lora.r": 8})
    assert source.ask() is None


def test_failed_trials_are_run_again_only_where_that_is_asked_for(sweep: Sweep) -> None:
    sweep.cache.keep(Trial(key=sweep.key({}), status="failed", reason="its process died"))
    assert asking(sweep, [], retry=True).ask() == (0, {})
    assert asking(sweep, []).ask() == (1, {"lora.r": 2})


def test_a_trained_trial_that_lacks_a_grouping_is_not_over(sweep: Sweep) -> None:
    two(sweep)
    sweep.cache.keep(Trial(key=sweep.key({}), status="finished", chosen="run/best"))
    wider = replace(sweep, groupings=(*sweep.groupings, sweep.groupings[0].model_copy(update={"k": 5})))
    assert asking(wider, []).ask() == (0, {})
