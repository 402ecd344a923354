"""`montage tune`: search for the settings that a model is best trained, captioned and grouped with."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, SetOption, StoreOption

__all__ = ["tune"]


def tune(
    config: Annotated[
        Path, typer.Argument(help="A sweep's YAML, such as tune_configs/joint_sweep.yaml.", show_default=False)
    ],
    set_: SetOption = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="The sweep's small variant: a trial of the whole path; publishes nothing.")
    ] = False,
    results: Annotated[
        str | None,
        typer.Option(
            "--results",
            help="Folder or URI of all results. Default: $MONTAGE_RESULTS, else results/ here.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", help="Of the sweep; else the file's. The same name goes on with that sweep.", show_default=False
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", help="Of a Ray cluster; else $RAY_ADDRESS, else this machine.", show_default=False),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run trials again that failed before.")] = False,
    no_publish: Annotated[
        bool, typer.Option("--no-publish", help="Leave the registry of adapters and best.json as they are.")
    ] = False,
    store: StoreOption = None,
    json_: JsonOption = False,
) -> None:
    """Search for the best settings, training each model once and looking at each photo once.

    The winner is scored on records that no trial saw, put into the registry (`montage adapters`) with its decoding and
    grouping, and used from then on. `docs/tuning.md` tells how to write a sweep and how to read what it finds.
    """
    from distributed.sweep_load import load_sweep
    from distributed.sweep_told import Told
    from distributed.tune import run_sweep

    done = run_sweep(
        load_sweep(config, overrides=set_ or [], smoke=smoke),
        results=results,
        name=name,
        store=store,
        address=address,
        command=shlex.join(["montage", *sys.argv[1:]]),
        retry_failed=retry_failed,
        publish_winner=not (smoke or no_publish),
        told=Told(quiet=json_),
    )
    if json_:
        print(json.dumps({"folder": str(done.folder), **json.loads((done.folder / "sweep.json").read_text())}))
