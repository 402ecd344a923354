"""`python -m distributed.evaluate`: the command line of an evaluation on Ray, for jobs."""

import json
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from core.errors import MontageError
from core.registry import adapter_folder
from core.store import Store
from core.training.caption_task import CaptionTask, evaluation_recipe
from core.training.evaluate_model import evaluate_captions
from core.training.predictions import write_evaluation
from distributed.batch_pool import PoolSettings
from distributed.cluster import connect
from distributed.evaluate import ask_workers, same_everywhere
from distributed.places import absolute, announce, results_place, store_root

__all__ = ["main"]


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
    records: Annotated[Path, typer.Argument(help="Photos and what people wrote of them: JSON lines.")],
    name: Annotated[str, typer.Option("--name", help="Of the evaluation: RESULTS/runs/NAME holds it.")],
    model: Annotated[
        str | None, typer.Option("--model", "-M", help="Default: what the adapter was trained on.")
    ] = None,
    adapter: Annotated[str | None, typer.Option("--adapter", help="LoRA adapter: a name or a folder.")] = None,
    images: Annotated[Path | None, typer.Option("--images", help="Default: the folder of the records.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Default: what the model was trained with.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", "-s", metavar="KEY=VALUE")] = None,
    results: Annotated[
        str | None, typer.Option(help="Folder or URI. Default: $MONTAGE_RESULTS, else results/.")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Folder. Default: $MONTAGE_STORE, else the user's cache.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Default: as many as there is room for.")] = None,
    cpus_per_worker: Annotated[float, typer.Option(min=0.01, help="CPUs, and threads, of each worker.")] = 1.0,
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="GPUs of each worker.")] = 0.0,
    address: Annotated[str | None, typer.Option(help="Of the Ray cluster. Default: $RAY_ADDRESS, else none.")] = None,
) -> None:
    """Score what a model writes of photos against what people wrote, with many workers."""
    place = results_place(results)
    path = absolute(records, "the file of records")
    folder = None if adapter is None else adapter_folder(adapter, place.folder).resolve()
    task = CaptionTask(
        model=model if model is None or not Path(model).is_dir() else str(Path(model).resolve()),
        adapter=folder,
        image_root=path.parent if images is None else absolute(images, "the photos' folder"),
        recipe=evaluation_recipe(model, folder, set_ or []),
        prompt=prompt,
    )
    pool = PoolSettings(workers=workers, cpus_per_worker=cpus_per_worker, gpus_per_worker=gpus_per_worker)
    with connect(address, log_to_driver=False):
        found = evaluate_captions(
            same_everywhere(task, pool),
            path,
            store=Store(store_root(store)),
            ask=partial(ask_workers, pool=pool),
            command=shlex.join(["python", "-m", "distributed.evaluate", *sys.argv[1:]]),
        )
    write_evaluation(place.folder / "runs" / name / "evaluation", found, image_root=task.image_root)
    print(json.dumps({"metrics": dict(found.metrics), "count": found.count, "notices": list(found.notices)}))
    announce(place.upload(f"runs/{name}") or place.folder / "runs" / name)
