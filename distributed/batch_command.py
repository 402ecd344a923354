"""`python -m distributed.batch`: the command line of a batch, and what it tells while it works."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.config import LoadedConfig, load_config
from core.errors import InputError, MontageError
from core.registry import adapter_folder
from distributed.batch import BatchResult, BatchSettings, run_batch
from distributed.batch_pool import PoolSettings
from distributed.cluster import connect
from distributed.places import announce, results_root, store_root

__all__ = ["caption_archive", "main"]

_TELL_EVERY_S = 10.0


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
    photos: Annotated[list[str], typer.Argument(help="Folders (nested) or photos, by path or URI.")],
    model: Annotated[str, typer.Option("--model", "-M", help="As `montage describe` takes it.")],
    out: Annotated[str, typer.Option("--out", "-o", help="Folder for the parquet shards, by path or URI.")],
    adapter: Annotated[str | None, typer.Option("--adapter", help="LoRA adapter: a name or a folder.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Default: what the model was trained with.")] = None,
    event: Annotated[str | None, typer.Option(help="Event named in the prompt.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Label named in the prompt; repeatable.")] = None,
    embed: Annotated[bool, typer.Option("--embed/--no-embed", help="Also write CLIP embeddings.")] = True,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Most workers; default: as many as there is room for.")
    ] = None,
    cpus_per_worker: Annotated[float, typer.Option(min=0.01, help="CPUs, and threads, of each worker.")] = 1.0,
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="GPUs of each worker; 0.5 puts two on one GPU.")] = 0.0,
    shard_photos: Annotated[int, typer.Option(min=1, max=100_000, help="Photos in one parquet file.")] = 1000,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try photos without a caption again.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a batch made in another way.")] = False,
    store: Annotated[Path | None, typer.Option(help="Folder. Default: $MONTAGE_STORE, else the user's cache.")] = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Keep nothing but the shards: fewer files.")] = False,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The club's settings (YAML).")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", "-s", metavar="KEY=VALUE")] = None,
    address: Annotated[str | None, typer.Option(help="Of the Ray cluster. Default: $RAY_ADDRESS, else none.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Caption and embed a whole archive with many workers; run again, it goes on where it stopped."""
    asked = [] if prompt is None else [f"captioner.prompt={json.dumps(prompt)}"]
    settings = BatchSettings(
        photos=tuple(photos),
        out=out,
        model=model,
        adapter=None if adapter is None else str(adapter_folder(adapter, results_root())),
        event=event,
        labels=tuple(label or ()),
        embed=embed,
        store=None if no_store else str(store_root(store)),
        shard_photos=shard_photos,
        overwrite=overwrite,
        retry_failed=retry_failed,
        pool=PoolSettings(workers=workers, cpus_per_worker=cpus_per_worker, gpus_per_worker=gpus_per_worker),
    )
    loaded = load_config(config, overrides=[*(set_ or []), *asked])
    caption_archive(settings, loaded, address=address, as_json=json_)


def caption_archive(
    settings: BatchSettings, loaded: LoadedConfig, *, address: str | None = None, as_json: bool = False
) -> None:
    """Connect to Ray, caption, and tell what came of it.

    Raises:
        MontageError: as `run_batch`; also where no photo became a caption.
    """
    with connect(address, log_to_driver=False):
        done = run_batch(settings, loaded, progress=_Teller())
    announce(done.out)
    if as_json:
        print(json.dumps(asdict(done), ensure_ascii=False))
    else:
        _print(done)
    if done.failed == done.photos:
        raise InputError(f"none of {done.photos} files became a caption; {done.failed_path} says why")


def _print(done: BatchResult) -> None:
    already = f", {done.already:,} photos done before" if done.already else ""
    print(f"{done.written:,} captions by {done.model}{already} -> {done.out}/shards")
    if done.failed:
        print(f"{done.failed:,} of {done.photos:,} files without a caption: {done.failed_path} says why")
    if done.shards_left:
        print(f"{done.shards_left} shards are left, on which workers died again and again; run the same command again")
    for notice in done.notices:
        print(f"Note: {notice}")


class _Teller:
    """Prints how far a batch is, now and then, on standard error: a job's log is no terminal."""

    def __init__(self) -> None:
        self._begun: tuple[float, int] | None = None
        self._told_at = 0.0

    def __call__(self, what: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if total is not None and self._begun is None:
            self._begun = (now, done)
            print(f"{total:,} photos, {done:,} of them done before", file=sys.stderr)
        elif now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            print(self._sentence(what, done, total, now), file=sys.stderr)

    def _sentence(self, what: str, done: int, total: int | None, now: float) -> str:
        if total is None or self._begun is None:
            return f"{what}: {done:,} photos so far"
        rate = (done - self._begun[1]) / max(now - self._begun[0], 1e-6)
        left = "" if rate == 0 else f", {rate:.1f} a second, {_duration((total - done) / rate)} left"
        return f"{done:,} of {total:,} photos{left}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
