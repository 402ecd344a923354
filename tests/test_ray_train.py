"""Training on a local Ray: the same end as a single process, also after a worker was killed."""

import csv
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from core.errors import ConfigError, OutputError
from core.store import Store
from core.training.data import training_data
from core.training.recipe import LoadedRecipe, load_recipe
from core.training.run import TrainingRun, train
from distributed.cluster import connect
from distributed.features import FeaturePool, compute_features
from distributed.train_run import train_on_cluster
from distributed.train_settings import ClusterTraining
from tests.ray_train_helpers import RAY_WARNINGS, Reported

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900), *RAY_WARNINGS]

STEPS = 12
SETTINGS = (
    "train.rendered.train_photos=21",  # of which 13 have captions: steps of 4, and one of 1 for the first worker alone
    "train.rendered.val_photos=5",
    "train.per_device_train_batch_size=4",
    f"train.max_steps={STEPS}",
    "train.save_every_steps=2",
    "train.log_every_steps=1",
    "eval.every_steps=6",
    "eval.eval_subset_size=4",
)
TWO = ClusterTraining(workers=(2, 2), max_failures=2)


@pytest.fixture(scope="module", autouse=True)
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    running = os.environ.get("MONTAGE_TEST_RAY")  # host:port of a cluster that is up already, which saves a minute
    with connect(running or "local", num_cpus=2, dashboard=False, log_to_driver=False):
        yield


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> LoadedRecipe:
    """mini-montage at the size of its smoke variant, with rendered data."""
    from dataclasses import replace

    from core.mini.rendered import with_rendered_data

    loaded = load_recipe("mini-montage", overrides=SETTINGS, smoke=True)
    return replace(loaded, recipe=with_rendered_data(loaded.recipe, tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def store_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared-store")


@pytest.fixture(scope="module")
def single(recipe: LoadedRecipe, tmp_path_factory: pytest.TempPathFactory, store_root: Path) -> TrainingRun:
    return train(recipe, tmp_path_factory.mktemp("single") / "run", store=Store(store_root))


@pytest.fixture(scope="module")
def double(
    recipe: LoadedRecipe, tmp_path_factory: pytest.TempPathFactory, store_root: Path, single: TrainingRun
) -> TrainingRun:
    return train_on_cluster(recipe, tmp_path_factory.mktemp("double") / "run", TWO, store_root=store_root)


def weights(done: TrainingRun, name: str = "last") -> dict[str, torch.Tensor]:
    return load_file(done.folder / name / "adapter_model.safetensors")


def log(done: TrainingRun, column: str) -> list[float]:
    with (done.folder / "training_log.csv").open(newline="") as file:
        return [float(row[column]) for row in csv.DictReader(file) if row[column]]


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "checkpoints" not in path.parts
    }


def test_two_workers_end_as_a_single_process(single: TrainingRun, double: TrainingRun) -> None:
    """Gradients are summed in another order, and Adam divides by their size: to 1e-4 of weights of about 0.1."""
    for name in ("best", "last"):
        alone, together = weights(single, name), weights(double, name)
        assert alone.keys() == together.keys()
        for key, weight in alone.items():
            assert torch.allclose(weight, together[key], atol=1e-4), key
    assert (double.steps, double.epochs, double.best_step) == (single.steps, single.epochs, single.best_step)
    assert log(double, "train_loss") == pytest.approx(log(single, "train_loss"), rel=1e-4)
    for metrics, others in ((single.baseline, double.baseline), (single.metrics, double.metrics)):
        assert others == pytest.approx(metrics, rel=1e-3)


def test_the_runs_folder_is_that_of_a_single_process(single: TrainingRun, double: TrainingRun) -> None:
    assert files(double.folder) == files(single.folder)
    about = json.loads((double.folder / "run.json").read_text())
    assert about["finished"]
    assert double.chosen == double.folder / "best"
    assert (double.folder / "settings.yaml").read_text() == (single.folder / "settings.yaml").read_text()
    assert not [path for path in double.folder.parent.rglob(".*") if path.name.endswith(".part")]


def test_a_killed_worker_costs_a_checkpoint_at_most(
    recipe: LoadedRecipe, tmp_path: Path, store_root: Path, double: TrainingRun
) -> None:
    reported = Reported(tmp_path / "steps.txt")
    killed: list[int] = []
    killer = threading.Thread(target=kill_a_worker, args=(reported, 4, killed), daemon=True)
    killer.start()
    out = tmp_path / "run"
    done = train_on_cluster(recipe, out, TWO, store_root=store_root, callbacks=[reported.callback()])
    killer.join(timeout=5)
    assert len(killed) == 1
    assert reported.failures() == 1
    steps = reported.steps()
    assert [steps.count(step) for step in (0, 2, 4)] == [1, 1, 1], "it went on from its last checkpoint"
    assert steps[-1] == STEPS
    for name, weight in weights(double).items():
        assert torch.equal(weight, weights(done)[name]), name
    assert done.metrics == double.metrics
    assert log(done, "train_loss") == log(double, "train_loss")


def kill_a_worker(reported: Reported, step: int, killed: list[int]) -> None:
    """With SIGKILL, once a step was reported."""
    while step not in reported.steps():
        time.sleep(0.05)
    session = session_folder()
    workers = [
        process
        for process in psutil.process_iter()
        if "RayTrainWorker" in command(process) and session in command(process.parent())
    ]
    os.kill(workers[-1].pid, signal.SIGKILL)
    killed.append(workers[-1].pid)


def session_folder() -> str:
    """Of the cluster that this process is connected to: there may be others on this machine."""
    from ray._private.worker import _global_node

    return str(_global_node.get_session_dir_path())


def command(process: psutil.Process | None) -> str:
    try:
        return " ".join(process.cmdline()) if process is not None else ""
    except psutil.Error:
        return ""


def test_a_run_is_not_begun_twice_and_a_finished_one_trains_nothing(
    recipe: LoadedRecipe, store_root: Path, double: TrainingRun
) -> None:
    with pytest.raises(OutputError, match="holds checkpoints of a run already; go on with --resume"):
        train_on_cluster(recipe, double.folder, TWO, store_root=store_root)
    again = train_on_cluster(recipe, double.folder, TWO, store_root=store_root, resume=True)
    assert (again.steps, again.metrics) == (double.steps, double.metrics)


def test_what_a_worker_cannot_do_is_told_at_once(recipe: LoadedRecipe, tmp_path: Path, store_root: Path) -> None:
    settings = recipe.recipe
    wrong = settings.model_copy(update={"train": settings.train.model_copy(update={"trackers": ("mlflow",)})})
    reported = Reported(tmp_path / "steps.txt")
    loaded = LoadedRecipe(name="wrong", path=recipe.path, recipe=wrong)
    with pytest.raises(ConfigError, match=r"train\.trackers: mlflow is not installed; .*\(on "):
        train_on_cluster(loaded, tmp_path / "run", TWO, store_root=store_root, callbacks=[reported.callback()])
    assert reported.failures() == 1, "it would come again"
    assert not any((tmp_path / "run").iterdir())
    assert not (tmp_path / "run-ray").exists()


def test_more_workers_than_the_cluster_has_room_for_are_refused(
    recipe: LoadedRecipe, tmp_path: Path, store_root: Path
) -> None:
    large = TWO.model_copy(update={"cpus_per_worker": 100})
    with pytest.raises(ConfigError, match=r"too small: 2 workers need 200 CPUs \(it has \d\)"):
        train_on_cluster(recipe, tmp_path / "run", large, store_root=store_root)


def test_features_are_computed_once_by_a_pool(
    recipe: LoadedRecipe, tmp_path: Path, store_root: Path, single: TrainingRun
) -> None:
    photos = len(training_data(recipe.recipe).images)
    pool = FeaturePool(actors=2, cpus=1, use_gpu=False)
    progress: list[tuple[int, int]] = []

    def tell(what: str, done: int, total: int) -> None:
        progress.append((done, total))

    made = compute_features(recipe.recipe, tmp_path / "store", pool, progress=tell)
    assert made is not None
    assert (made.computed, made.found, made.failed) == (photos, 0, 0)
    assert progress[-1] == (photos, photos)
    again = compute_features(recipe.recipe, tmp_path / "store", pool)
    assert again is not None
    assert (again.computed, again.found) == (0, photos)
    alone, together = (sorted((root / "features").rglob("*")) for root in (store_root, tmp_path / "store"))
    assert [path.relative_to(store_root) for path in alone] == [p.relative_to(tmp_path / "store") for p in together]
