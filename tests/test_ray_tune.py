"""Sweeps on a real local Ray: what is found, what fails, what is reused, and what a killed driver leaves."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.best import best_entry
from distributed.sweep_load import load_sweep
from distributed.tune import SweepResult, run_sweep
from tests.ray_helpers import RAY_MARKS, local_ray

pytestmark = RAY_MARKS

TEXT = """
recipe: mini-montage
set: {train.rendered.train_photos: 20, train.rendered.val_photos: 14, train.max_steps: 4, eval.every_steps: 2,
      train.save_every_steps: 2, eval.max_new_tokens: 12}
data: {test_photos: 12}
param_space:
  training: {r: [2], target_modules: [no_such_layer, all-linear]}
  decoding: {num_beams: [1], max_new_tokens: [12]}
  clustering: {k: [2, 3]}
searcher: grid
budget: {trials: 3, decodings: 2, groupings: 3}
clip: {model: mini}
"""


def write_config(folder: Path) -> Path:
    path = folder / "small.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sweep")


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    with local_ray():
        yield


def sweep(work: Path, name: str, *overrides: str) -> SweepResult:
    loaded = load_sweep(write_config(work), overrides=overrides)
    return run_sweep(loaded, results=work / "results", name=name, store=work / "store", command="a test")


@pytest.fixture(scope="module")
def first(work: Path, ray_here: None) -> SweepResult:
    return sweep(work, "first")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def free_cpus() -> float:
    """After the processes of what ended have gone."""
    import ray

    free = 0.0
    for _ in range(100):
        free = ray.available_resources().get("CPU", 0.0)
        if free == ray.cluster_resources()["CPU"]:
            break
        time.sleep(0.2)
    return free


def test_a_sweep_finds_a_winner_and_a_failing_trial_does_not_sink_it(first: SweepResult, work: Path) -> None:
    found = rows(first.folder)
    assert len(found) == 2 * 2 * 3 + 1, "two models x two decodings x three groupings, and the one that failed"
    assert found[-1]["status"] == "failed"
    assert "no layer 'no_such_layer'" in found[-1]["reason"]
    assert float(found[0]["rougeL"]) == max(float(row["rougeL"]) for row in found if row["rougeL"])
    assert first.final is not None
    assert first.final.figures["rougeL"].interval is not None
    about = json.loads((first.folder / "sweep.json").read_text())
    assert about["trials"] == {"finished": 2, "failed": 1}
    assert set(about["signature"]) >= {"command", "commit", "config_hash", "data", "seed", "versions", "base"}


def test_the_winner_is_in_the_registry_with_its_settings(first: SweepResult, work: Path) -> None:
    entry = best_entry(work / "results")
    assert entry is not None
    assert first.board.best is not None
    assert entry.folder == first.adapter
    assert entry.base["name"] == "mini-blip2"
    assert entry.decoding["max_new_tokens"] in (12, 48)
    assert (
        entry.metrics["rougeL"] == pytest.approx(first.final.figures["rougeL"].value, abs=1e-6) if first.final else None
    )


def test_another_sweep_of_the_same_trials_runs_none_of_them(first: SweepResult, work: Path) -> None:
    again = sweep(work, "again")
    assert again.counts["trials_reused"] == again.counts["trials"] == 3
    assert again.counts["decodings_reused"] == again.counts["decodings"] == 4
    assert again.counts["photos_found"] == again.counts["photos"]
    assert rows(again.folder) == rows(first.folder)


def test_more_decodings_cost_no_training(first: SweepResult, work: Path) -> None:
    more = sweep(work, "more", "param_space.decoding.num_beams=[1,2]", "budget.decodings=3")
    assert more.counts["trials_reused"] == 3
    assert more.counts["decodings"] - more.counts["decodings_reused"] == 2, "the new one, for each of the two models"


def test_asha_stops_trials_and_gives_their_cpus_back(first: SweepResult, work: Path) -> None:
    """Rates so low that the loss, which tells them apart after two steps, stays behind that of the defaults."""
    found = sweep(
        work,
        "asha",
        "scheduler=asha",
        "asha.grace_steps=2",
        "asha.reduction_factor=4",
        "set.eval.metric_to_monitor=eval_loss",
        "param_space.training={train.lr: [1.0e-8, 2.0e-8, 3.0e-8]}",
        "budget.trials=4",
    )
    statuses = {row["trial"]: row["status"] for row in rows(found.folder)}
    assert statuses["0"] == "finished"
    assert "stopped" in statuses.values()
    assert free_cpus() == 2


def test_optuna_runs_for_two_objectives(first: SweepResult, work: Path) -> None:
    other = ("param_space.training.target_modules=[all-linear]", "param_space.training.r=[2,3]", "budget.trials=3")
    found = sweep(work, "optuna", "searcher=optuna", "objective=both", *other)
    assert {row["trial"] for row in rows(found.folder)} == {"0", "1", "2"}
    assert found.board.front
    assert (found.folder / "pareto.csv").read_text().count("\n") == len(found.board.front) + 1


def test_a_driver_killed_half_way_ends_with_the_same_leaderboard(first: SweepResult, tmp_path: Path) -> None:
    """In folders of its own, by the command line, against the sweep that nobody killed."""
    import ray

    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-m", "distributed.tune", str(write_config(tmp_path)), "--address", address]
    command += ["--results", str(tmp_path / "results"), "--no-publish", "--name", "first"]
    environment = {**os.environ, "MONTAGE_STORE": str(tmp_path / "store"), "RAY_AUTH_MODE": "token"}
    trials = tmp_path / "results" / "trials"
    driver = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 600
    while not list(trials.glob("*/*/trial.json")) and driver.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    driver.send_signal(signal.SIGKILL)
    driver.wait(30)
    over = len(list(trials.glob("*/*/trial.json")))
    assert 1 <= over < 3, "killed too late: nothing was left to do"
    assert not (tmp_path / "results" / "runs" / "first" / "leaderboard.csv").exists()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stderr
    assert "done before" in done.stderr or "FAILED" in done.stderr
    assert rows(tmp_path / "results" / "runs" / "first") == rows(first.folder)
