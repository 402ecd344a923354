"""Sweeps: `python -m distributed.tune CONFIG`, the same as `montage tune CONFIG`.

Trains as many models as the budget says, writes with each in many decodings and groupings, and keeps whatever was
computed: no photo is encoded twice, no identical trial is run twice, in this sweep or another.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import MontageError
from distributed.cluster import connect
from distributed.places import ResultsPlace, announce, results_place, store_root
from distributed.sweep_asking import Ended
from distributed.sweep_board import Board, Tried, make_board
from distributed.sweep_final import Final, score_winner
from distributed.sweep_folder import SweepFolder
from distributed.sweep_load import LoadedSweep, load_sweep
from distributed.sweep_prepare import Prepared, prepare
from distributed.sweep_report import draw_plots, publish, summary
from distributed.sweep_search import Suggestions
from distributed.sweep_shared import Sweep
from distributed.sweep_told import Told
from distributed.sweep_write import best_of
from distributed.tune_ray import on_cluster, room_for, run_trials

__all__ = ["SweepResult", "main", "run_sweep"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepResult:
    """What a sweep found."""

    folder: Path
    board: Board
    final: Final | None
    """None where no trial finished."""
    adapter: Path | None
    """In the registry; None where none was published, and `why_not` says why."""
    why_not: str
    counts: dict[str, int]
    """What was run and what was found done; see `summary`."""


def run_sweep(
    loaded: LoadedSweep,
    *,
    results: str | Path | None = None,
    name: str | None = None,
    store: str | Path | None = None,
    address: str | None = None,
    command: str = "",
    retry_failed: bool = False,
    publish_winner: bool = True,
    told: Told | None = None,
) -> SweepResult:
    """Run a sweep, or go on with the one of the same name.

    Args:
        results: folder or URI; its `runs/NAME` is the sweep's, its `trials` hold what was trained.
        store: where features and embeddings are kept; on several machines all must see both.
        address: of the Ray cluster; None takes the one that RAY_ADDRESS names, else this machine.
        retry_failed: run trials again that failed in an earlier run.
        publish_winner: put the winner into the registry and make it the adapter in use.

    Raises:
        ConfigError, InputError, ModelError, OutputError: see their messages.
    """
    told = told or Told(quiet=True)
    begun = time.time()
    place, name = results_place(results), name or loaded.name
    for earlier in (f"runs/{name}", "trials"):
        place.restore(earlier)
    folder = SweepFolder(place.folder / "runs" / name)
    state = folder.begin(loaded.settings)
    with connect(address, log_to_driver=False):
        parallel = int(state.setdefault("parallel", room_for(loaded.settings)))
        folder.keep_state(state)
        ready = prepare(loaded, place.folder, store_root(store), name, command, on_cluster, told)
        suggestions = _suggestions(loaded, ready.sweep, parallel)
        told.plan(ready.sweep, suggestions.expected(), parallel)
        run = _Run(ready.sweep, suggestions, folder, told, state, begun)
        run_trials(
            ready.sweep,
            suggestions,
            folder.scratch,
            parallel=parallel,
            seconds=run.seconds_left(),
            retry=retry_failed,
            ended=run.ended,
        )
        result = _finish(ready, run, place, publish_winner, told)
    return result


class _Run:
    """What happens while trials run: who ended, what was reused, how long it took."""

    def __init__(
        self,
        sweep: Sweep,
        suggestions: Suggestions,
        folder: SweepFolder,
        told: Told,
        state: dict[str, object],
        begun: float,
    ) -> None:
        self.sweep = sweep
        self.suggestions = suggestions
        self.folder = folder
        self._told = told
        self._state = state
        self._before = float(str(state.get("seconds", 0.0)))
        self._begun = begun
        self.counts = {"trials": 0, "trials_reused": 0, "decodings": 0, "decodings_reused": 0}
        self.saved_s = 0.0
        told.begin_trials()

    @property
    def seconds(self) -> float:
        """Of all drivers of this sweep together."""
        return self._before + time.time() - self._begun

    def seconds_left(self) -> float | None:
        """Of the budget; None where it has no hours."""
        hours = self.sweep.settings.budget.hours
        return None if hours is None else hours * 3600 - self.seconds

    def ended(self, one: Ended) -> None:
        """Count a trial, tell of it, and note how far the sweep is."""
        tried = self.tried(one.number)
        self.counts["trials"] += 1
        best: dict[str, float] = {}
        if one.trial is not None and one.trial.status == "finished":
            best = best_of(self.sweep, one.trial.key)
            decodings = len(self.sweep.decodings)
            self.counts["decodings"] += decodings
            self.counts["decodings_reused"] += decodings - one.written
        if one.reused and one.trial is not None:
            self.counts["trials_reused"] += 1
            self.saved_s += one.trial.cpu_seconds
        self._told.over(tried, one.reused, best, self.suggestions.expected())
        self.keep_state()

    def keep_state(self) -> None:
        """For a driver that goes on after this one."""
        self.folder.keep_state(self._state | {"seconds": round(self.seconds, 1)})

    def tried(self, number: int) -> Tried:
        """A trial that was asked for, with what the cache has of it."""
        values = self.suggestions.asked[number]
        key, cache = self.sweep.key(values), self.sweep.cache
        trial = cache.find(key)
        return Tried(
            number=number, values=values, key=key, trial=trial, curve=trial.curve if trial else cache.curve(key)
        )

    def all_tried(self) -> list[Tried]:
        """Every trial that was asked for."""
        return [self.tried(number) for number in range(len(self.suggestions.asked))]


def _suggestions(loaded: LoadedSweep, sweep: Sweep, parallel: int) -> Suggestions:
    settings = loaded.settings
    data = sweep.data.recipe.model_dump(mode="json")
    defaults = {}
    for key in settings.param_space.training:
        value = data
        for part in key.split("."):
            value = value[part]
        defaults[key] = value
    return Suggestions(
        spaces=settings.param_space.training,
        searcher=settings.searcher,
        trials=settings.budget.trials,
        parallel=parallel,
        objectives=2 if settings.objective == "both" else 1,
        seed=settings.seed,
        defaults=defaults,
    )


def _finish(ready: Prepared, run: _Run, place: ResultsPlace, publish_winner: bool, told: Told) -> SweepResult:
    """Order what was found, score the winner on the test records, write everything, publish."""
    sweep, folder = ready.sweep, run.folder
    tried = run.all_tried()
    board = make_board(sweep, tried)
    counts = run.counts | ready.counts
    told.reused(counts, run.saved_s)
    final: Final | None = None
    adapter, why_not = None, "no trial finished"
    if board.best is not None:
        told.board(sweep, board, tried)
        final = on_cluster(sweep.settings, score_winner, sweep, board.best, tried)
        told.final(final)
        adapter, why_not = None, "the sweep was told not to"
        if publish_winner:
            adapter, why_not = publish(sweep, board.best, tried, final, ready.base, place.folder)
    folder.write_board(sweep, board, tried)
    draw_plots(sweep, board, tried, folder)
    folder.write_summary(summary(ready, board, tried, final, counts, run.seconds, adapter))
    run.keep_state()
    uploaded = place.upload(f"runs/{sweep.name}")
    place.upload("trials")
    announce(uploaded or folder.path)
    if adapter is not None:
        announce(adapter)
    told.places(folder.path, adapter, why_not, place.folder, uploaded)
    return SweepResult(folder=folder.path, board=board, final=final, adapter=adapter, why_not=why_not, counts=counts)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m distributed.tune", description="Run a sweep on Ray.")
    parser.add_argument("config", type=Path, help="a YAML file, such as tune_configs/joint_sweep.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the sweep")
    parser.add_argument("--smoke", action="store_true", help="the file's small variant: a trial of the whole path")
    parser.add_argument("--results", help="folder or URI; default: $MONTAGE_RESULTS, else results/ here")
    parser.add_argument("--name", help="of the sweep; default: the file's. The same name goes on with that sweep")
    parser.add_argument("--store", help="folder of features and embeddings; default: $MONTAGE_STORE")
    parser.add_argument("--address", help="of the Ray cluster; default: $RAY_ADDRESS, else this machine")
    parser.add_argument("--retry-failed", action="store_true", help="run trials again that failed before")
    parser.add_argument("--no-publish", action="store_true", help="leave the registry and best.json as they are")
    given = parser.parse_args(arguments)
    command = shlex.join(["python -m distributed.tune", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        run_sweep(
            load_sweep(given.config, overrides=given.set, smoke=given.smoke),
            results=given.results,
            name=given.name,
            store=given.store,
            address=given.address,
            command=command.replace("'python -m distributed.tune'", "python -m distributed.tune"),
            retry_failed=given.retry_failed,
            publish_winner=not (given.no_publish or given.smoke),
            told=Told(),
        )
    except MontageError as error:
        print(f"montage: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
