"""A training run on a Ray cluster: the driver's part.

Ray keeps the run's folder with each checkpoint in its storage; at the end it is fetched to where a single process
would have written it.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.errors import ConfigError, MontageError, OutputError
from core.training.data import training_data
from core.training.launch import GROUP_TIMEOUT_S
from core.training.recipe import LoadedRecipe
from core.training.run import TrainingRun
from core.training.run_folder import RunFolder
from distributed.cluster import thread_variables
from distributed.features import FeaturePool, compute_features
from distributed.places import absolute, filesystem_of, is_uri
from distributed.train_settings import ClusterTraining, at_absolute_paths

__all__ = ["check_new", "train_on_cluster"]


def train_on_cluster(
    loaded: LoadedRecipe,
    out: Path,
    cluster: ClusterTraining,
    *,
    store_root: Path,
    resume: bool = False,
    command: str = "",
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    tell: Callable[[str], None] = lambda sentence: None,
    callbacks: Sequence[Any] = (),
) -> TrainingRun:
    """Fine-tune a model on many workers; connected to Ray (`distributed.cluster.connect`).

    The recipe's batch is that of all workers together, so that the run ends as that of a single process.

    Args:
        out: the run's folder, absolute, on this machine.
        store_root: folder of the store, absolute, which all nodes see.
        resume: go on with the run in `out`.
        command: that was given, for the record.
        progress: called with ("features", photos done, photos in all).
        tell: called with sentences for the user; what the first worker has to say goes to its standard error.
        callbacks: of `ray.train.RunConfig`, such as Ray Tune's.

    Raises:
        ConfigError, InputError, ModelError, OutputError: as `core.training.run.train`, or workers failed too often.
    """
    cluster.check(loaded.recipe)
    loaded = LoadedRecipe(name=loaded.name, path=loaded.path, recipe=at_absolute_paths(loaded.recipe))
    storage, name = _storage(cluster, out), cluster.name or out.name
    training_data(loaded.recipe)  # what is amiss with it is told before workers start
    _check_room(cluster, tell)
    folder = RunFolder(out)
    known = check_new(storage, name, resume=resume)
    if not known and folder.about().get("finished"):
        raise OutputError(f"{out} holds a finished run, and nothing is left to do; begin another with another --out")
    folder.begin(loaded.recipe, resume=resume)
    try:
        made = compute_features(loaded.recipe, store_root, _pool(cluster), progress=progress)
        if made is not None and made.computed:
            tell(f"The vision side looked at {made.computed:,} photos; {made.found:,} were in the store.")
        result = _fit(loaded, cluster, storage, name, store_root, command, callbacks)
        _fetch(result.checkpoint, out)
    except MontageError:
        folder.give_up()
        _forget(storage, name)
        raise
    done: dict[str, Any] = result.return_value
    return TrainingRun(**{**done, "folder": out, "chosen": out / done["chosen"], "notices": tuple(done["notices"])})


def _fit(
    loaded: LoadedRecipe,
    cluster: ClusterTraining,
    storage: str,
    name: str,
    store_root: Path,
    command: str,
    callbacks: Sequence[Any],
) -> Any:
    from importlib import import_module

    from ray.train.torch import TorchConfig, TorchTrainer

    from distributed.train_errors import explained, stop_at_our_errors
    from distributed.train_worker import WorkerTask, train_worker

    train: Any = import_module("ray.train")  # its types are those of the first Ray Train
    task = WorkerTask(
        loaded=loaded,
        store_root=store_root,
        command=command,
        cpus=cluster.cpus_per_worker,
        sharded=cluster.strategy == "fsdp",
    )
    fewest, most = cluster.workers
    resources: dict[str, float] = {"CPU": cluster.cpus_per_worker} | ({"GPU": 1} if cluster.use_gpu else {})
    loop: Any = train_worker
    trainer = TorchTrainer(
        loop,
        train_loop_config={"task": task},
        torch_config=TorchConfig(timeout_s=GROUP_TIMEOUT_S),
        scaling_config=train.ScalingConfig(
            num_workers=most if fewest == most else (fewest, most),
            use_gpu=cluster.use_gpu,
            resources_per_worker=resources,
        ),
        run_config=train.RunConfig(
            name=name,
            storage_path=storage,
            failure_config=train.FailureConfig(max_failures=cluster.max_failures),
            checkpoint_config=train.CheckpointConfig(num_to_keep=2),  # one may be half gone when a node is lost
            callbacks=[*callbacks, stop_at_our_errors()],
            worker_runtime_env={"env_vars": thread_variables(cluster.cpus_per_worker)},
        ),
    )
    with explained(storage):
        return trainer.fit()


def _storage(cluster: ClusterTraining, out: Path) -> str:
    named = cluster.storage or str(out.with_name(f"{out.name}-ray"))
    return named if is_uri(named) else str(absolute(named, "--storage"))


def _check_room(cluster: ClusterTraining, tell: Callable[[str], None]) -> None:
    """Ray would wait without end for what the cluster does not have."""
    from importlib import import_module

    ray: Any = import_module("ray")
    fewest = cluster.workers[0]
    needed = {"CPU": fewest * cluster.cpus_per_worker} | ({"GPU": float(fewest)} if cluster.use_gpu else {})
    there = ray.cluster_resources()
    short = [f"{n:g} {what}s (it has {there.get(what, 0):g})" for what, n in needed.items() if there.get(what, 0) < n]
    if not short:
        return
    sentence = f"{fewest} workers need {' and '.join(short)}"
    if len(ray.nodes()) == 1:
        raise ConfigError(f"the Ray cluster is too small: {sentence}; take fewer (--num-workers), or smaller ones")
    tell(f"Waiting for the cluster to grow: {sentence}.")


def _pool(cluster: ClusterTraining) -> FeaturePool:
    return FeaturePool(actors=cluster.workers[1], cpus=cluster.cpus_per_worker, use_gpu=cluster.use_gpu)


def check_new(storage: str, name: str, *, resume: bool) -> bool:
    """Whether the storage knows the run; Ray would go on with one of the same name without being asked to.

    Raises:
        OutputError: there is one, or the storage cannot be reached.
    """
    from pyarrow import fs  # type: ignore[import-untyped]

    filesystem, path = filesystem_of(storage)
    known: bool = filesystem.get_file_info(f"{path.rstrip('/')}/{name}").type != fs.FileType.NotFound
    if known and not resume:
        raise OutputError(
            f"{storage}/{name} holds checkpoints of a run already; go on with --resume, remove it, or take another "
            "--out or --run-name"
        )
    return known


def _forget(storage: str, name: str) -> None:
    """Remove what Ray wrote for a run that failed before it learnt anything, where it is a folder."""
    run = Path(storage) / name
    if not is_uri(storage) and run.is_dir() and not any(run.glob("checkpoint_*")):
        shutil.rmtree(run, ignore_errors=True)
        if not any(run.parent.iterdir()):
            run.parent.rmdir()


def _fetch(checkpoint: Any, out: Path) -> None:
    """Bring the run's folder out of Ray's last checkpoint; `run.json`, which says that it is finished, comes last."""
    part = out.with_name(f".{out.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        checkpoint.to_directory(str(part))
        for path in sorted(part.iterdir(), key=lambda path: path.name == "run.json"):
            target = out / path.name
            if target.is_dir():
                shutil.rmtree(target)
            path.replace(target)
        part.rmdir()
    except OSError as error:
        raise OutputError(f"cannot bring the run to {out}: {error}; it lies in {checkpoint.path}") from None
