"""`montage evaluate captions`: how well a model writes, against what people wrote."""

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from cli.console import out as stdout
from cli.console import stage_progress
from cli.options import JsonOption, SetOption, StoreOption, open_store
from core.errors import ConfigError
from core.registry import adapter_folder, default_results_root
from core.training.caption_task import CaptionTask, evaluation_recipe
from core.training.evaluate_model import Ask, evaluate_captions
from core.training.predictions import Evaluation, write_evaluation
from core.training.records import read_records
from core.training.scoring import LOWER_IS_BETTER
from distributed.batch_pool import PoolSettings
from distributed.cluster import connect
from distributed.evaluate import ask_workers, same_everywhere

__all__ = ["captions"]


def captions(
    records: Annotated[
        Path, typer.Argument(help="Photos and what people wrote of them: JSON lines.", show_default=False)
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-M",
            help="As `montage describe` takes it. Default: what the adapter was trained on.",
            show_default=False,
        ),
    ] = None,
    adapter: Annotated[
        str | None, typer.Option("--adapter", help="LoRA adapter: a name or a folder.", show_default=False)
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Folder of the photos. Default: that of the records.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for metrics.json and the predictions.", show_default=False),
    ] = None,
    training: Annotated[
        Path | None,
        typer.Option("--training", help="Records the model learnt from: adds verbatim_copy_rate.", show_default=False),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="Default: what the model was trained with.", show_default=False)
    ] = None,
    set_: SetOption = None,
    store: StoreOption = None,
    ray: Annotated[bool, typer.Option("--ray", help="Share the work among many workers on Ray.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="With --ray. Default: as many as there is room for.", show_default=False)
    ] = None,
    cpus_per_worker: Annotated[float, typer.Option(min=0.01, help="With --ray: CPUs, and threads, of each.")] = 1.0,
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="With --ray: GPUs of each.")] = 0.0,
    address: Annotated[
        str | None,
        typer.Option(help="With --ray: the cluster. Default: $RAY_ADDRESS, else this machine.", show_default=False),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Score what a model writes of photos against what people wrote.

    The model is asked as in training: an adapter as its run evaluated it, others by the defaults; `--set
    eval.num_beams=3` or `clipscore.enabled=true` changes that. With --ray the figures are the same.
    """
    folder = None if adapter is None else adapter_folder(adapter, default_results_root()).resolve()
    if model is None and folder is None:
        raise ConfigError("name a model with --model, an adapter with --adapter, or both")
    task = CaptionTask(
        model=model if model is None or not Path(model).is_dir() else str(Path(model).resolve()),
        adapter=folder,
        image_root=(images or records.parent).resolve(),
        recipe=evaluation_recipe(model, folder, set_ or []),
        prompt=prompt,
    )
    learnt = None if training is None else _captions_of(training, task.image_root)
    pool = PoolSettings(workers=workers, cpus_per_worker=cpus_per_worker, gpus_per_worker=gpus_per_worker)
    with _asking(ray, address, pool) as ask, stage_progress(quiet=json_) as progress:
        found = evaluate_captions(
            same_everywhere(task, pool) if ray else task,
            records,
            store=open_store(store),
            ask=ask,
            training_captions=learnt,
            command=shlex.join(["montage", *sys.argv[1:]]),
            progress=progress,
        )
    if out is not None:
        write_evaluation(out / "evaluation", found, image_root=task.image_root)
    _print(found, out, as_json=json_)


@contextmanager
def _asking(ray: bool, address: str | None, pool: PoolSettings) -> Iterator[Ask | None]:
    """Where answers come from: this process, or workers while connected to Ray."""
    if not ray:
        yield None
        return
    with connect(address, log_to_driver=False):
        yield partial(ask_workers, pool=pool)


def _captions_of(path: Path, image_root: Path) -> list[str]:
    return [caption for record in read_records(path, image_root).records for caption in record.captions]


def _print(found: Evaluation, out: Path | None, *, as_json: bool) -> None:
    if as_json:
        about = {
            "metrics": dict(found.metrics),
            "intervals": {name: list(ends) for name, ends in found.intervals.items()},
            "count": found.count,
            "total": found.total,
            "notices": list(found.notices),
            "seconds": round(found.seconds, 2),
            "out": None if out is None else str(out),
            "signature": dict(found.signature),
        }
        print(json.dumps(about, ensure_ascii=False))
        return
    title = f"{found.signature['model']}, {found.count} of {found.total} records"
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, value in found.metrics.items():
        ends = found.intervals.get(name)
        lower = " (lower is better)" if name in LOWER_IS_BETTER else ""
        table.add_row(f"{name}{lower}", f"{value:.4f}", "–" if ends is None else f"{ends[0]:.4f} to {ends[1]:.4f}")
    stdout().print(table)
    for sentence in found.notices:
        stdout().print(Text(f"Note: {sentence}", style="yellow"), soft_wrap=True)
    if out is not None:
        stdout().print(Text(f"Predictions and signature: {out / 'evaluation'}"), soft_wrap=True)
