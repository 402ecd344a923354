"""`montage submit` and `montage jobs`: work on a Ray cluster, from here."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.console import out as stdout
from cli.options import JsonOption, ResultsOption
from core.errors import ConfigError, MontageError, OutputError
from core.registry import default_results_root
from distributed.jobs import ENDED, JobRequest, Jobs, Made
from distributed.jobs_fetch import fetch as fetch_result
from distributed.jobs_fetch import register_made

__all__ = ["app", "submit"]

app = typer.Typer(
    help="Jobs on a Ray cluster: list, status, logs, stop, fetch. `montage submit` starts them.", no_args_is_help=True
)
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="The head's dashboard. Default: $RAY_API_SERVER_ADDRESS, $RAY_ADDRESS, else http://127.0.0.1:8265.",
        show_default=False,
    ),
]
JobArgument = Annotated[str, typer.Argument(help="A job's id, as `montage jobs list` shows it.", show_default=False)]
FolderOption = Annotated[
    Path, typer.Option("--working-dir", help="Montage's folder, which is shipped but for what .gitignore names.")
]


def submit(
    command: Annotated[
        list[str],
        typer.Argument(help="After --, such as: python -m distributed.tune tune_configs/joint_sweep.yaml"),
    ],
    address: AddressOption = None,
    job_id: Annotated[
        str | None, typer.Option("--name", help="The job's id. Default: Ray makes one up.", show_default=False)
    ] = None,
    cluster_results: Annotated[
        str | None,
        typer.Option(
            "--cluster-results",
            help="Where results go on the cluster: an absolute path, or a URI. Default: the user's data folder there.",
            show_default=False,
        ),
    ] = None,
    cluster_store: Annotated[
        str | None,
        typer.Option(
            "--cluster-store",
            help="The store on the cluster: an absolute path that all nodes see.",
            show_default=False,
        ),
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="For the job; repeatable.")
    ] = None,
    folder: FolderOption = Path("."),
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the log, and fetch what was made.")] = True,
    results: ResultsOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result of the same name.")] = False,
) -> None:
    """Run a command on a Ray cluster: ship this folder, follow the log, fetch and register what was made.

    The command runs in a temporary copy of the folder: name photos and records by absolute paths, or URIs, that the
    cluster sees. Ctrl-C here does not stop the job.
    """
    jobs = Jobs(address)
    request = JobRequest(
        command=command,
        folder=folder.resolve(),
        results=cluster_results,
        store=cluster_store,
        variables=_variables(env or []),
        job_id=job_id,
    )
    started = jobs.submit(request)
    print(f"Job {started} on {jobs.address}", file=sys.stderr)
    if not wait:
        print(started)
        return
    _follow(jobs, started)
    _end(jobs, started, results or default_results_root(), folder, overwrite)


@app.command("list")
def list_(address: AddressOption = None, json_: JsonOption = False) -> None:
    """List the cluster's jobs, the newest first."""
    found = Jobs(address).all()
    if json_:
        print(json.dumps([{"id": job.job_id, "status": job.status, "command": job.command} for job in found]))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("job", "status", "command"):
        table.add_column(heading)
    for job in found:
        table.add_row(job.job_id, job.status, Text(job.command))
    stdout().print(table)


@app.command()
def status(job: JobArgument, address: AddressOption = None) -> None:
    """Say how a job stands."""
    found = Jobs(address).get(job)
    print(f"{found.status}: {found.message}" if found.message else found.status)


@app.command()
def logs(
    job: JobArgument,
    address: AddressOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
) -> None:
    """Print what a job has printed."""
    jobs = Jobs(address)
    if follow:
        _follow(jobs, job)
    else:
        print(jobs.logs(job), end="")


@app.command()
def stop(job: JobArgument, address: AddressOption = None) -> None:
    """Stop a job; what it has written stays, and the same command goes on from there."""
    Jobs(address).stop(job)
    print(f"{job} is told to stop")


@app.command()
def fetch(
    job: JobArgument,
    address: AddressOption = None,
    place: Annotated[
        list[str] | None,
        typer.Option("--path", help="A folder on the cluster, or a URI, instead of what the job's log tells of."),
    ] = None,
    folder: FolderOption = Path("."),
    results: ResultsOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result of the same name.")] = False,
) -> None:
    """Fetch what a job made into the results' folder here, and register its adapters."""
    jobs = Jobs(address)
    made = [Made(place=one, mark="") for one in place or ()] or jobs.made(job)
    if not made:
        raise ConfigError(f"the log of {job} tells of no result (yet); name its folder on the cluster with --path")
    _fetch(jobs, made, results or default_results_root(), folder.resolve(), overwrite)


def _follow(jobs: Jobs, job_id: str) -> None:
    try:
        for text in jobs.follow(job_id):
            print(text, end="", flush=True)
    except KeyboardInterrupt:
        print(
            f"\nThe job goes on. `montage jobs logs -f {job_id}` follows it, `montage jobs stop {job_id}` stops it, "
            f"`montage jobs fetch {job_id}` fetches what it made.",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None


def _end(jobs: Jobs, job_id: str, results: Path, folder: Path, overwrite: bool) -> None:
    found = jobs.get(job_id)
    if found.status not in ENDED:
        raise ConfigError(f"the log ended, but {job_id} is {found.status}; `montage jobs status {job_id}` tells more")
    made = jobs.made(job_id)
    if made:
        _fetch(jobs, made, results, folder.resolve(), overwrite)
    if found.status != "SUCCEEDED":
        raise OutputError(f"{job_id} ended as {found.status}: {found.message}")


def _fetch(jobs: Jobs, made: Sequence[Made], results: Path, folder: Path, overwrite: bool) -> None:
    for one in made:
        target = fetch_result(jobs, one, results.resolve(), folder=folder, overwrite=overwrite)
        print(f"Fetched: {target}")
        try:
            registered = register_made(target, results.resolve())
        except MontageError as error:
            print(f"Not registered as an adapter: {error}", file=sys.stderr)
            continue
        if registered is not None:
            print(f"Registered: {registered.name}. To write with it: montage adapters use {registered.name}")


def _variables(given: Sequence[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    for one, (name, equals, _) in zip(given, pairs, strict=True):
        if not name or not equals:
            raise ConfigError(f"--env expects NAME=VALUE, got {one!r}")
    return {name: value for name, _, value in pairs}
