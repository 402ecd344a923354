"""`python -m distributed.train`: fine-tune on a Ray cluster, also as a Ray job."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from core.errors import ConfigError, MontageError
from core.training.recipe import LoadedRecipe, load_recipe
from core.training.run import Progress, Tell, TrainingRun
from distributed.cluster import connect
from distributed.places import absolute, announce, in_job_copy, results_root, store_root
from distributed.train_run import train_on_cluster
from distributed.train_settings import ClusterTraining, cluster_training, parse_workers

__all__ = ["main", "run_folder", "train_recipe"]


def main() -> None:
    """Run the command; an error that a user can act on is a message and an exit code, not a traceback."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(_command)
    try:
        app()
    except MontageError as error:
        print(f"montage: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _command(
    recipe: Annotated[str, typer.Option("--recipe", "-r", help="A shipped recipe or a YAML file.")],
    out: Annotated[str | None, typer.Option("--out", "-o", help="The run's folder; absolute within a job.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", "-s", metavar="KEY=VALUE")] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="The recipe's small variant.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    num_workers: Annotated[str, typer.Option(help="Workers, such as 4, or a range such as 2-8.")] = "2",
    cpus_per_worker: Annotated[float, typer.Option(help="CPUs, and threads, of each worker.")] = 1.0,
    use_gpu: Annotated[bool, typer.Option("--use-gpu", help="Give each worker a GPU.")] = False,
    strategy: Annotated[str, typer.Option(help="ddp, or fsdp for full fine-tunes.")] = "ddp",
    storage: Annotated[str | None, typer.Option(help="Shared folder or URI for checkpoints.")] = None,
    run_name: Annotated[str | None, typer.Option(help="Of the run within the storage.")] = None,
    max_failures: Annotated[int, typer.Option(help="Times to go on after a failure; -1 always.")] = 3,
    store: Annotated[Path | None, typer.Option(help="Folder that all nodes see. Default: $MONTAGE_STORE.")] = None,
    address: Annotated[str | None, typer.Option(help="Of the Ray cluster. Default: $RAY_ADDRESS, else none.")] = None,
) -> None:
    """Fine-tune a model on many workers; the run's folder is that of `montage train`."""
    cluster = cluster_training(
        workers=parse_workers(num_workers),
        cpus_per_worker=cpus_per_worker,
        use_gpu=use_gpu,
        strategy=strategy,
        storage=storage,
        name=run_name,
        max_failures=max_failures,
    )
    loaded = load_recipe(recipe, overrides=set_ or [], smoke=smoke)
    done = train_recipe(
        loaded,
        run_folder(out, loaded),
        cluster,
        store=store,
        address=address,
        resume=resume,
        command=shlex.join(["python", "-m", "distributed.train", *sys.argv[1:]]),
    )
    _print(done)


def train_recipe(
    loaded: LoadedRecipe,
    out: Path,
    cluster: ClusterTraining,
    *,
    store: Path | None,
    address: str | None,
    resume: bool,
    command: str,
    progress: Progress = lambda what, done, total: None,
    tell: Tell = lambda sentence: print(sentence, file=sys.stderr),
) -> TrainingRun:
    """Connect to Ray, render the recipe's data where it has none, and train.

    Raises:
        MontageError: as `connect` and `train_on_cluster`.
    """
    from core.mini.rendered import with_rendered_data

    cluster.check(loaded.recipe)
    recipe = with_rendered_data(loaded.recipe, out.with_name(f"{out.name}-data"), progress=progress)
    with connect(address, dashboard=False):
        done = train_on_cluster(
            replace(loaded, recipe=recipe),
            out,
            cluster,
            store_root=store_root(store),
            resume=resume,
            command=command,
            progress=progress,
            tell=tell,
        )
    announce(done.folder)
    return done


def run_folder(out: str | Path | None, loaded: LoadedRecipe) -> Path:
    """Where the run goes: as asked, else where the recipe says, or among a job's results.

    Raises:
        ConfigError: nothing says where, or it is relative within a job.
    """
    if out is not None:
        return absolute(out, "--out")
    if in_job_copy():
        return results_root() / "runs" / loaded.name
    if loaded.recipe.train.output_dir is None:
        raise ConfigError("name the run's folder with --out, or in the recipe as train.output_dir")
    return absolute(loaded.recipe.train.output_dir, "train.output_dir")


def _print(done: TrainingRun) -> None:
    for name, value in done.metrics.items():
        before = f"{done.baseline[name]:10.4f}" if name in done.baseline else " " * 10
        print(f"{name:<20}{before}{value:10.4f}")
    print(f"{done.steps} steps in {done.seconds:.0f} s. Folder: {done.folder}")


if __name__ == "__main__":
    main()
