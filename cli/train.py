"""`montage train`: teach a model a club's voice."""

import json
import math
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from cli.console import out as stdout
from cli.options import JsonOption, SetOption, StoreOption, open_store
from cli.train_ray import ON_RAY, ray_training
from core.errors import ConfigError
from core.training.estimate import Estimate, estimate
from core.training.launch import is_main_process
from core.training.recipe import LoadedRecipe, load_recipe, recipe_names
from core.training.run import Progress as Report
from core.training.run import TrainingRun
from core.training.run import train as run_training
from core.training.run_folder import RunFolder

__all__ = ["train"]

_STAGES = {
    "rendering": "Rendering photos",
    "features": "Looking at photos",
    "train": "Training",
    "evaluate": "Evaluating",
    "CLIP scores": "Evaluating: CLIP scores",
}


def train(
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", "-r", help="A shipped recipe (see --list) or a YAML file.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The run's folder; else the recipe's train.output_dir.", show_default=False),
    ] = None,
    set_: SetOption = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="The recipe's small variant: a trial of the whole path.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder, also after it was killed.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take: parameters, tokens, steps, memory, time.")
    ] = False,
    store: StoreOption = None,
    ray: Annotated[
        bool, typer.Option("--ray", help="Train on many workers of a Ray cluster.", rich_help_panel=ON_RAY)
    ] = False,
    num_workers: Annotated[
        str, typer.Option(help="Workers, such as 4, or a range such as 2-8.", rich_help_panel=ON_RAY)
    ] = "2",
    cpus_per_worker: Annotated[
        float, typer.Option(help="CPUs, and threads, of each worker.", rich_help_panel=ON_RAY)
    ] = 1.0,
    use_gpu: Annotated[bool, typer.Option("--use-gpu", help="Give each worker a GPU.", rich_help_panel=ON_RAY)] = False,
    strategy: Annotated[str, typer.Option(help="ddp, or fsdp for full fine-tunes.", rich_help_panel=ON_RAY)] = "ddp",
    storage: Annotated[
        str | None,
        typer.Option(help="Folder that all nodes see, or URI, for checkpoints.", rich_help_panel=ON_RAY),
    ] = None,
    run_name: Annotated[str | None, typer.Option(help="Of the run within it.", rich_help_panel=ON_RAY)] = None,
    max_failures: Annotated[
        int, typer.Option(help="Times to go on after a failure; -1 always.", rich_help_panel=ON_RAY)
    ] = 3,
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the Ray cluster. Default: $RAY_ADDRESS, else one of this machine's own.",
            rich_help_panel=ON_RAY,
            show_default=False,
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the shipped recipes.")] = False,
    json_: JsonOption = False,
) -> None:
    """Fine-tune a model on a club's captions.

    OUT then holds `best/` and `last/` (for `montage caption --adapter`), training_log.csv, curves, evaluations with
    their predictions, and a model card. Any family can be trained, by LoRA or in full; `docs/training.md` tells how.
    """
    if list_:
        print("\n".join(recipe_names()))
        return
    if recipe is None:
        raise ConfigError(f"name a recipe with --recipe: one of {', '.join(recipe_names())}, or a YAML file")
    loaded = load_recipe(recipe, overrides=set_ or [], smoke=smoke)
    if dry_run:
        _print_estimate(loaded, as_json=json_)
        return
    command = shlex.join(["montage", *sys.argv[1:]])
    with _bars(quiet=json_ or not is_main_process()) as (progress, console):

        def tell(sentence: str) -> None:
            console.print(Text(sentence))

        if ray:
            done = ray_training(
                loaded,
                out,
                store=store,
                address=address,
                resume=resume,
                command=command,
                progress=progress,
                tell=tell,
                workers=num_workers,
                cpus_per_worker=cpus_per_worker,
                use_gpu=use_gpu,
                strategy=strategy,
                storage=storage,
                name=run_name,
                max_failures=max_failures,
            )
        else:
            folder = out or (Path(loaded.recipe.train.output_dir) if loaded.recipe.train.output_dir else None)
            if folder is None:
                raise ConfigError("name the run's folder with --out, or in the recipe as train.output_dir")
            done = run_training(
                _with_data(loaded, folder, progress),
                folder,
                store=open_store(store),
                resume=resume,
                command=command,
                progress=progress,
                tell=tell,
            )
    if is_main_process():
        _print_run(done, as_json=json_)


def _with_data(loaded: LoadedRecipe, folder: Path, progress: Report) -> LoadedRecipe:
    if loaded.recipe.train.rendered is None or loaded.recipe.train.train_jsonl is not None:
        return loaded
    from core.mini.rendered import with_rendered_data

    beside = folder.with_name(f"{folder.name}-data")
    return replace(loaded, recipe=with_rendered_data(loaded.recipe, beside, progress=progress))


def _print_estimate(loaded: LoadedRecipe, *, as_json: bool) -> None:
    found = estimate(loaded.recipe)
    if as_json:
        print(json.dumps({"recipe": loaded.name, **found.to_dict()}, ensure_ascii=False))
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, text in _rows(found):
        table.add_row(name, Text(text))
    stdout().print(table)
    for notice in found.notices:
        stdout().print(Text(f"\nNote: {notice}", style="yellow"))


def _rows(found: Estimate) -> Iterator[tuple[str, str]]:
    yield "Model", found.model
    share = f"{found.trainable_parameters:,} of {found.total_parameters:,} ({found.trainable_percent:g} %)"
    yield "Trainable parameters", share
    if found.adapted_layers is not None:
        yield "Adapter", f"on {found.adapted_layers} layers"
    yield "Vision side", "run once a photo, and stored" if found.features_stored else "run at each step"
    if found.train_records is not None:
        yield "Records", f"{found.train_records:,} to learn from, {found.validation_records:,} to validate on"
    if found.caption_tokens is not None:
        yield "Tokens", f"{found.caption_tokens:,} of captions, {found.tokens_per_epoch:,} with prompts, each epoch"
    yield "Examples a step", str(found.examples_per_step)
    if found.steps is not None:
        each = "" if found.steps_per_epoch is None else f", {found.steps_per_epoch:,} an epoch"
        yield "Steps", f"{found.steps:,}{each}, {found.warmup_steps:,} of them warm-up"
    memory = found.memory_gb
    parts = ", ".join(f"{name} {value:.2f}" for name, value in memory.items() if name != "total")
    yield "Memory", f"about {memory['total']:.2f} GB ({parts})"
    if found.seconds is not None:
        yield "Time", f"about {_duration(found.seconds)} on this machine, without evaluation"


def _print_run(done: TrainingRun, *, as_json: bool) -> None:
    if as_json:
        about = {
            "folder": str(done.folder),
            "chosen": str(done.chosen),
            "steps": done.steps,
            "epochs": done.epochs,
            "seconds": round(done.seconds, 2),
            "best_step": done.best_step,
            "baseline": _finite(done.baseline),
            "metrics": _finite(done.metrics),
            "notices": list(done.notices),
        }
        print(json.dumps(about, ensure_ascii=False))
        return
    table = Table("metric", "before", "best", box=None, padding=(0, 2, 0, 0))
    for name, value in done.metrics.items():
        before = f"{done.baseline[name]:.4f}" if name in done.baseline else ""
        table.add_row(name, before, f"{value:.4f}")
    stdout().print(table)
    best = "Nothing was evaluated" if done.best_step is None else f"Best: step {done.best_step}"
    stdout().print(f"\n{done.steps} steps in {_duration(done.seconds)}. {best}", soft_wrap=True)
    stdout().print(f"Folder: {done.folder}", soft_wrap=True)
    stdout().print(f"Next: {_next(done)}", soft_wrap=True, markup=False, highlight=False)


def _finite(metrics: dict[str, float]) -> dict[str, float | None]:
    """JSON has no NaN, which the loss of a run that went astray is."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def _next(done: TrainingRun) -> str:
    """The command that captions with what was trained, on the base that it was trained on."""
    base = RunFolder(done.folder).about()["base"]
    family, name = base["family"], base["name"]
    adapter = ["--adapter", str(done.chosen)] if (done.chosen / "adapter_config.json").is_file() else []
    model = (name if name != f"mini-{family}" else "mini") if adapter else done.chosen
    chosen = ["--mode", family, "--set", f"captioner.models.{family}={model}", *adapter]
    return shlex.join(["montage", "caption", "PHOTOS", "--event", "NAME", *chosen, "--out", "out"])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextmanager
def _bars(*, quiet: bool) -> Iterator[tuple[Report, Console]]:
    """A bar with the time left for what is being done, on standard error, and where sentences are printed."""
    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(_STAGES.get(what, what), total=total)
            elif done == 0:
                bars.reset(tasks[what])  # the next evaluation has its own time
            bars.update(tasks[what], completed=done, total=total, visible=done < total)

        yield report, console
