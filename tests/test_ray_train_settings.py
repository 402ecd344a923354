"""What a run on a cluster is asked for, checked before Ray is started."""

from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigError, OutputError
from core.training.recipe import LoadedRecipe, load_recipe
from core.training.settings import Recipe
from distributed.cluster import connect, thread_variables
from distributed.train import run_folder
from distributed.train_settings import at_absolute_paths, cluster_training, parse_workers


@pytest.mark.parametrize(("text", "workers"), [("4", (4, 4)), ("2-8", (2, 8)), (" 1,2 ", (1, 2))])
def test_workers_are_a_number_or_a_range(text: str, workers: tuple[int, int]) -> None:
    assert parse_workers(text) == workers


@pytest.mark.parametrize("text", ["", "two", "2-", "-2", "1-2-3"])
def test_other_words_for_workers_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--num-workers: expected a number such as 4, or a range such as 2-8, got"):
        parse_workers(text)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"workers": (3, 2)}, "expected fewest and most workers, got 3 and 2"),
        ({"workers": (0, 2)}, r"workers: Input should be greater than or equal to 1, got 0"),
        ({"cpus_per_worker": 0}, "cpus_per_worker: Input should be greater than 0, got 0"),
        ({"strategy": "zero"}, "strategy: Input should be 'ddp' or 'fsdp', got 'zero'"),
        ({"name": "../x"}, "name: String should match pattern"),
        ({"max_failures": -2}, "max_failures: .* got -2"),
    ],
)
def test_settings_out_of_range_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cluster_training(**given)


def of(**train: Any) -> Recipe:
    return Recipe.model_validate({"base_model": "git", "train": train})


def test_every_number_of_workers_that_may_come_up_must_divide_the_batch() -> None:
    recipe = of(per_device_train_batch_size=4, gradient_accumulation_steps=2)
    cluster_training(workers=(1, 2)).check(recipe)
    with pytest.raises(ConfigError, match=r"batch of 8 .* among 3 workers; take 1, 2, 4, 8 workers"):
        cluster_training(workers=(2, 4)).check(recipe)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "fsdp divides the weights that are trained, of which an adapter has few; set lora.enabled=false"),
        ({"lora": {"enabled": False}, "train": {"optimizer": "came"}}, "adamw_torch_fused, got came"),
    ],
)
def test_fsdp_is_for_full_fine_tunes(changed: dict[str, Any], message: str) -> None:
    recipe = Recipe.model_validate({"base_model": "git", **changed})
    with pytest.raises(ConfigError, match=message):
        cluster_training(workers=(2, 2), strategy="fsdp").check(recipe)


def test_workers_get_paths_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own-model").mkdir()
    recipe = of(train_jsonl="data/train.jsonl", val_jsonl="/elsewhere/val.jsonl", image_root="photos")
    found = at_absolute_paths(recipe.model_copy(update={"base_model": "own-model"}))
    assert found.train.train_jsonl == str(tmp_path / "data" / "train.jsonl")
    assert found.train.val_jsonl == "/elsewhere/val.jsonl"
    assert found.train.image_root == str(tmp_path / "photos")
    assert found.base_model == str(tmp_path / "own-model")
    assert at_absolute_paths(recipe).base_model == "git", "a preset is no path"
    assert found.model_copy(update={"train": recipe.train, "base_model": "git"}) == recipe, "nothing else changes"


def test_the_runs_folder_is_outside_a_jobs_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_recipe("mini-montage")
    monkeypatch.chdir(tmp_path)
    assert run_folder("here", loaded) == tmp_path / "here"
    assert run_folder(None, loaded) == tmp_path / "results" / "runs" / "mini-montage"
    nowhere = LoadedRecipe(name="x", path=tmp_path, recipe=of(output_dir=None))
    with pytest.raises(ConfigError, match="name the run's folder with --out"):
        run_folder(None, nowhere)
    job = tmp_path / "_ray_pkg_0123"
    job.mkdir()
    monkeypatch.chdir(job)
    monkeypatch.setenv("MONTAGE_RESULTS", str(tmp_path / "kept"))
    assert run_folder(None, loaded) == tmp_path / "kept" / "runs" / "mini-montage"
    with pytest.raises(ConfigError, match=r"--out is 'here', but a job runs in a temporary copy"):
        run_folder("here", loaded)


def test_a_name_that_ray_would_go_on_with_is_refused(tmp_path: Path) -> None:
    from distributed.train_run import check_new

    (tmp_path / "storage" / "old").mkdir(parents=True)
    check_new(str(tmp_path / "storage"), "new", resume=False)
    check_new(str(tmp_path / "storage"), "old", resume=True)
    with pytest.raises(OutputError, match=r"storage/old holds checkpoints of a run already; go on with --resume"):
        check_new(str(tmp_path / "storage"), "old", resume=False)
    with pytest.raises(OutputError, match="cannot reach nowhere://bucket"):
        check_new("nowhere://bucket", "new", resume=False)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "127.0.0.1:1",
            r"--address: no Ray cluster answers at 127\.0\.0\.1:1 \(.*refused\); start one",
        ),
        ("http://127.0.0.1:8265", r"that is where jobs are submitted, with `montage submit`"),
        ("nowhere", r"expected host:port, auto or local"),
    ],
)
def test_a_cluster_that_is_not_there_is_told(address: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message), connect(address):
        pass


def test_the_clusters_address_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"RAY_ADDRESS: no Ray cluster answers at 127\.0\.0\.1:1"), connect():
        pass


@pytest.mark.parametrize(("cpus", "threads"), [(0.5, "1"), (1, "1"), (2.0, "2")])
def test_workers_start_as_many_threads_as_they_have_cpus(cpus: float, threads: str) -> None:
    assert thread_variables(cpus)["OMP_NUM_THREADS"] == threads
