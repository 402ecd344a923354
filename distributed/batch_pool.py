"""A pool of Ray Data actors to which numbered pieces of work are given; what each makes comes back as it is done."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from core.errors import ConfigError
from core.settings_base import Count, Settings
from distributed.cluster import thread_variables

__all__ = ["PoolSettings", "run_pool"]

_MOST_BLOCKS = 4096


class PoolSettings(Settings):
    """How many workers share the work, and what each of them holds."""

    workers: Count | None = None
    """Most workers at a time; None takes as many as the cluster has room for. Fewer do while there is no room."""
    cpus_per_worker: Annotated[float, Field(gt=0)] = 1.0
    """Also the threads of each."""
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0.0
    """0 works on the CPUs; a share of 1, such as 0.5, puts several workers on one GPU."""


def run_pool(
    worker: type[Callable[[dict[str, Any]], dict[str, Any]]], job: Any, pieces: Sequence[int], settings: PoolSettings
) -> Iterator[dict[str, Any]]:
    """Give pieces of work to workers; one that dies is started again with the piece that it had, however often.

    Args:
        worker: a class made with `job` and called with a batch that holds one `piece`; gives a batch of one row.
        job: travels to every worker.
        pieces: numbers.

    Yields:
        Rows, one for each piece, as they are done.

    Raises:
        ConfigError: the cluster has no room for a single worker.
    """
    import ray

    room = _room(settings)
    most = min(settings.workers or room, len(pieces))
    at_once = max(1, min(room, most))
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.enable_auto_log_stats = False
    with ray.data.DataContext.current(context):
        todo = ray.data.from_items(
            [{"piece": piece} for piece in pieces], override_num_blocks=min(len(pieces), _MOST_BLOCKS)
        )
        done = todo.map_batches(
            worker,
            fn_constructor_args=(job,),
            batch_size=1,
            zero_copy_batch=True,
            # A pool that is to grow is given more work than it can do: Ray takes that for the sign.
            compute=ray.data.ActorPoolStrategy(
                min_size=at_once, max_size=most, max_tasks_in_flight_per_actor=1 if at_once == most else 2
            ),
            num_cpus=settings.cpus_per_worker,
            num_gpus=settings.gpus_per_worker or None,
            runtime_env={"env_vars": {**_passed_on(), **thread_variables(settings.cpus_per_worker)}},
        )
        yield from done.iter_rows()


def _room(settings: PoolSettings) -> int:
    """Workers that the cluster has room for now.

    Raises:
        ConfigError: for none, and nobody said that nodes are still to come.
    """
    import ray

    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    room = int(there.get("CPU", 0) // settings.cpus_per_worker)
    if settings.gpus_per_worker:
        room = min(room, int(there.get("GPU", 0) // settings.gpus_per_worker))
    if room < 1 and settings.workers is None:
        raise ConfigError(
            f"the cluster has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs, and one worker needs "
            f"{settings.cpus_per_worker:g} and {settings.gpus_per_worker:g}; ask for less, or name --workers to wait "
            "for nodes that are still to come"
        )
    return room


def _passed_on() -> dict[str, str]:
    """Variables of this process that decide where models and stores are found."""
    return {name: os.environ[name] for name in ("HF_HUB_OFFLINE", "HF_HOME", "MONTAGE_STORE") if name in os.environ}
