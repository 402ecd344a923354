"""One trial in process, on rendered photos: trained once, resumed, failed with its reason. Needs no Ray."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import ModelError
from distributed import sweep_trial, sweep_write
from distributed.sweep_load import load_sweep
from distributed.sweep_prepare import prepare
from distributed.sweep_shared import Sweep
from distributed.sweep_told import Told
from distributed.sweep_trial import run_trial
from distributed.sweep_write import scored_in

TEXT = """
recipe: mini-montage
set: {train.rendered.train_photos: 8, train.rendered.val_photos: 6, train.max_steps: 2, eval.every_steps: 1,
      train.save_every_steps: 1, train.per_device_train_batch_size: 2, eval.max_new_tokens: 6}
data: {test_photos: 5}
param_space: {decoding: {num_beams: [1], max_new_tokens: [6]}, clustering: {k: [2]}}
budget: {decodings: 2, groupings: 2}
clip: {model: mini}
"""

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """As Tune's end of a trial: not an error of the trial."""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    folder = tmp_path_factory.mktemp("trial")
    (folder / "a.yaml").write_text(TEXT, encoding="utf-8")
    loaded = load_sweep(folder / "a.yaml")
    here = lambda settings, work, *arguments: work(*arguments)  # noqa: E731
    return prepare(loaded, folder / "results", folder / "store", "a", "", here, Told(quiet=True)).sweep


def anew(sweep: Sweep, folder: Path) -> Sweep:
    return replace(sweep, cache_root=folder / "trials")


def test_a_trial_is_trained_once_and_photos_are_not_opened_again(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = anew(sweep, tmp_path)
    reports: list[float] = []
    first = run_trial(sweep, {}, report=lambda metrics: reports.append(metrics["step"]))
    assert (first.trial.status, first.reused, first.written) == ("finished", False, 2), first.trial.reason
    assert reports == [1, 2]
    found = scored_in(sweep, first.trial.key)
    assert all(one is not None and len(one["captions"]) == len(sweep.data.val) for one in found)
    assert all(one is not None and len(one["groupings"]) == 2 for one in found)

    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was done before")

    monkeypatch.setattr(sweep_trial, "train", fail)
    monkeypatch.setattr(sweep_write, "trained_model", fail)
    again = run_trial(sweep, {}, report=lambda metrics: reports.append(metrics["step"]))
    assert (again.trial, again.reused, again.written) == (first.trial, True, 0)
    assert reports == [1, 2, 1, 2], "ASHA sees the curve of a trial that was run before"


def test_a_trial_that_was_killed_goes_on_and_ends_the_same(sweep: Sweep, tmp_path: Path) -> None:
    def kill(metrics: Any) -> None:
        raise Killed

    whole = run_trial(anew(sweep, tmp_path / "whole"), {}, report=lambda metrics: None)
    broken = anew(sweep, tmp_path / "broken")
    with pytest.raises(Killed):
        run_trial(broken, {}, report=kill)
    assert broken.cache.find(whole.trial.key) is None
    steps: list[float] = []
    resumed = run_trial(broken, {}, report=lambda metrics: steps.append(metrics["step"]))
    assert steps == [1, 2], "the first report is told again, and made once"
    metrics = [one["metrics"] for one in scored_in(broken, resumed.trial.key) if one is not None]
    assert metrics == [one["metrics"] for one in scored_in(anew(sweep, tmp_path / "whole"), whole.trial.key) if one]


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (MemoryError(), "out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out of memory: CUDA out of memory"),
        (ModelError("mini failed on cpu: no"), "mini failed on cpu: no"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_what_goes_wrong_is_kept_and_not_tried_again(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, reason: str
) -> None:
    sweep, calls = anew(sweep, tmp_path), []

    def broken(*_: Any, **__: Any) -> Any:
        calls.append(1)
        raise raised

    monkeypatch.setattr(sweep_trial, "train", broken)
    for retry, trainings in ((False, 1), (False, 1), (True, 2)):
        outcome = run_trial(sweep, {}, report=lambda metrics: None, retry=retry)
        assert outcome.trial.status == "failed"
        assert outcome.trial.reason.startswith(reason)
        assert len(calls) == trainings


def test_a_loss_that_is_no_number_ends_the_trial(sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def astray(loaded: Any, folder: Path, *, report: Any, **_: Any) -> Any:
        report(1, {"eval_loss": math.nan, "eval_rougeL": 0.1}, None)
        raise AssertionError("it went on")

    monkeypatch.setattr(sweep_trial, "train", astray)
    outcome = run_trial(anew(sweep, tmp_path), {}, report=lambda metrics: None)
    assert outcome.trial.reason == "the loss is nan after step 1; a lower learning rate may help"


def test_values_that_exclude_each_other_are_a_failed_trial(sweep: Sweep, tmp_path: Path) -> None:
    outcome = run_trial(anew(sweep, tmp_path), {"eval.generate": False}, report=lambda metrics: None)
    assert outcome.trial.status == "failed"
    assert "eval.metric_to_monitor is rougeL, which needs eval.generate: true" in outcome.trial.reason
