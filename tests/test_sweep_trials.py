"""The trial cache and its keys: found again where nothing that counts has changed, and only then."""

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from core.training.recipe import load_recipe
from core.training.settings import Recipe
from distributed import sweep_keys
from distributed.sweep_keys import SCORING_CODE, TRAINING_CODE, code_version, trial_key
from distributed.sweep_load import with_values
from distributed.sweep_trials import Trial, TrialCache

KEY = "ab" + "0" * 38


def recipe(*overrides: str) -> Recipe:
    return load_recipe("mini-montage", overrides=overrides).recipe


def key(one: Recipe, **other: str) -> str:
    return trial_key(one, **({"train": "t", "val": "v", "base": "b", "code": "c"} | other))


@pytest.mark.parametrize(
    "change",
    [
        "lora.r=4",
        "train.lr=1e-3",
        "train.seed=1",
        "eval.every_steps=7",
        "train.max_steps=9",
        "cleaning.remove_emoji=false",
    ],
)
def test_what_decides_the_weights_decides_the_key(change: str) -> None:
    assert key(recipe(change)) != key(recipe())


@pytest.mark.parametrize(
    "change",
    ["train.train_jsonl=/elsewhere/a.jsonl", "train.output_dir=x", "train.workers=2", "eval.samples=9",
     "train.log_every_steps=3", "train.save_every_steps=2", "train.rendered.train_photos=7"],
)  # fmt: skip
def test_where_data_lie_and_what_is_shown_do_not(change: str) -> None:
    assert key(recipe(change)) == key(recipe())


@pytest.mark.parametrize("part", ["train", "val", "base", "code"])
def test_data_base_and_code_decide_it_too(part: str) -> None:
    assert key(recipe(), **{part: "other"}) != key(recipe())


def test_values_at_dotted_keys() -> None:
    changed = with_values(recipe(), {"lora.r": 4, "lora.target_modules": ["q", "v"], "train.lr": 0.01})
    assert (changed.lora.r, changed.lora.target_modules, changed.train.lr) == (4, ("q", "v"), 0.01)
    assert changed == recipe("lora.r=4", "lora.target_modules=q,v", "train.lr=0.01")


def test_comments_and_docstrings_are_not_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)

    def version(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return sweep_keys._meaning(name)

    plain = version("sweep_one", "def f(x):\n    return x + 1\n")
    told = version("sweep_two", '"""Doc."""\n\n\ndef f(x):\n    """Doc."""\n    # why\n    return (x + 1)\n')
    other = version("sweep_three", "def f(x):\n    return x + 2\n")
    assert plain == told
    assert plain != other


def test_all_modules_that_count_are_there() -> None:
    assert code_version(TRAINING_CODE) != code_version(SCORING_CODE)


def test_a_trial_is_there_once_it_is_whole(tmp_path: Path) -> None:
    cache = TrialCache(tmp_path)
    cache.keep_curve(KEY, [{"step": 5.0, "monitor": 0.4}])
    assert cache.find(KEY) is None, "it was interrupted"
    assert cache.curve(KEY) == [{"step": 5.0, "monitor": 0.4}]
    trial = Trial(key=KEY, status="finished", steps=10, chosen="run/best", curve=[{"step": 5.0, "monitor": 0.4}])
    cache.keep(trial)
    assert TrialCache(tmp_path).find(KEY) == trial
    cache.keep_scored(KEY, "s", {"captions": ["é"]})
    cache.forget(KEY)
    assert cache.find(KEY) is None
    assert cache.scored(KEY, "s") == {"captions": ["é"]}


def test_a_damaged_entry_counts_as_none(tmp_path: Path) -> None:
    cache = TrialCache(tmp_path)
    cache.keep(Trial(key=KEY, status="finished"))
    path = cache.folder(KEY) / "trial.json"
    path.write_text(path.read_text()[:20])
    assert cache.find(KEY) is None
    path.write_text(json.dumps({"key": KEY, "of": "another layout"}))
    assert cache.find(KEY) is None


def _hold(root: Path, log: Path) -> None:
    with TrialCache(root).lock(KEY), log.open("a") as file:
        file.write("in\n")
        file.flush()
        time.sleep(0.2)
        file.write("out\n")


def test_two_processes_do_not_work_on_one_trial(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    both = [context.Process(target=_hold, args=(tmp_path, log)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
        process.close()
    assert log.read_text().split() == ["in", "out", "in", "out"]


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    process = context.Process(target=_hold, args=(tmp_path, log))
    process.start()
    deadline = time.monotonic() + 60
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.join(60)
    process.close()
    with TrialCache(tmp_path).lock(KEY):
        pass
