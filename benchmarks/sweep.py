"""A sweep in CPU-hours: ours, and the same combinations each trained, encoded and written from scratch.

    python -m benchmarks.sweep tune_configs/joint_sweep.yaml [--share 0.1] [--smoke]

Ours is one run of the whole sweep with an empty store and trial cache, Ray's own processes counted in. The naive way is
measured on a random share of the sweep's own combinations of model, decoding and grouping: each in a process of its
own, with an empty store, trains, looks at the photos, writes and groups; it still uses features that it stored itself,
which is generous to it. Its total is the mean times the number of combinations, with a bootstrap interval. Rendering
the photos is in neither.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sweep_cpu import cpu_of
from core.metrics.statistics import ItemStatistics, bootstrap_intervals
from core.training.run_folder import provenance
from distributed.sweep_data import open_data
from distributed.sweep_load import LoadedSweep, load_sweep
from distributed.sweep_prepare import look, prepare
from distributed.sweep_told import Told, duration
from distributed.sweep_trial import run_trial

Found = dict[str, Any]
NAME = "measured"


def measure_ours(options: argparse.Namespace, work: Path) -> Found:
    """The sweep as it is, and the CPU of its driver, Ray and all workers."""
    command = [sys.executable, "-m", "distributed.tune", str(options.config), "--results", str(work / "results")]
    command += ["--name", NAME, "--no-publish", "--address", "local", *(["--smoke"] if options.smoke else [])]
    command += [part for one in options.set for part in ("--set", one)]
    environment = os.environ | {"MONTAGE_STORE": str(work / "store")}
    process = subprocess.Popen(command, env=environment, stdout=sys.stderr)
    seconds, wall = cpu_of(process)
    if process.returncode:
        raise SystemExit(f"the sweep failed (exit code {process.returncode}); its own message is above")
    return {"cpu_seconds": round(seconds, 1), "wall_seconds": round(wall, 1)}


def combinations(loaded: LoadedSweep, work: Path) -> list[tuple[dict[str, Any], int, int]]:
    """Of the sweep that was run: training values, decoding and grouping."""
    folder = work / "results" / "runs" / NAME
    outcomes = [json.loads(path.read_text()) for path in sorted(folder.glob("trials/*/outcome.json"))]
    sweep = _prepared(loaded, work, work / "store")
    finished = [one["values"] for one in outcomes if one["status"] == "finished"]
    return [
        (values, decoding, grouping)
        for values in finished
        for decoding in range(len(sweep.decodings))
        for grouping in range(len(sweep.groupings))
    ]


def run_naive(options: argparse.Namespace, work: Path, one: tuple[dict[str, Any], int, int]) -> float:
    """CPU seconds of one combination in a process of its own, with nothing that was computed before."""
    command = [sys.executable, "-m", "benchmarks.sweep", str(options.config), "--work", str(work)]
    command += ["--one", json.dumps(one), *(["--smoke"] if options.smoke else [])]
    command += [part for setting in options.set for part in ("--set", setting)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=sys.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def one_combination(loaded: LoadedSweep, work: Path, one: tuple[dict[str, Any], int, int]) -> None:
    """Train, look, write, group."""
    values, decoding, grouping = one
    with tempfile.TemporaryDirectory(dir=work) as folder:
        own = Path(folder)
        sweep = _prepared(loaded, work, own / "store")
        data = replace(sweep.data, test=sweep.data.val[:1])  # the winner's records are nobody's business here
        look(data, sweep.settings.clip, own / "store")
        alone = replace(
            sweep,
            data=data,
            cache_root=own / "trials",
            decodings=(sweep.decodings[decoding],),
            groupings=(sweep.groupings[grouping],),
        )
        outcome = run_trial(alone, values, report=lambda metrics: None)
        if outcome.trial.status != "finished":
            raise SystemExit(f"a combination failed: {outcome.trial.reason}")


def _prepared(loaded: LoadedSweep, work: Path, store: Path) -> Any:
    """The sweep over data that were rendered before, nothing looked at."""
    results = work / "results"

    def nothing(settings: Any, work_: Any, data: Any, *rest: Any) -> Any:
        return data, {}

    open_data(loaded.recipe.recipe, loaded.settings.data, results / "data")
    return prepare(loaded, results, store, NAME, "", nothing, Told(quiet=True)).sweep


def report(loaded: LoadedSweep, ours: Found, naive: list[float], total: int, seed: int) -> Found:
    """The comparison."""
    mean = float(np.mean(naive))
    (ends,) = bootstrap_intervals([ItemStatistics.mean(naive)], resamples=2000, seed=seed)
    low, high = ends if ends is not None else (mean, mean)
    own = ours["cpu_seconds"]
    return {
        "sweep": loaded.name,
        "combinations": total,
        "ours": {**ours, "cpu_hours": own / 3600},
        "naive": {
            "measured_combinations": len(naive),
            "cpu_seconds_each": mean,
            "cpu_hours_extrapolated": mean * total / 3600,
            "interval_95": [low * total / 3600, high * total / 3600],
            "each": naive,
        },
        "ratio": mean * total / own,
        "ratio_interval_95": [low * total / own, high * total / own],
        "signature": {
            key: value
            for key, value in provenance(loaded.recipe.recipe, command=" ".join(sys.argv)).items()
            if key in ("command", "commit", "versions", "machine")
        },
    }


def arguments() -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--share", type=float, default=0.1, help="of the combinations: measured the naive way")
    parser.add_argument("--seed", type=int, default=0, help="of the share and of the bootstrap")
    parser.add_argument("--smoke", action="store_true", help="the smoke variant: whether it runs, not how fast")
    parser.add_argument("--json", type=Path, help="default: results/benchmarks/SWEEP.json")
    parser.add_argument("--work", type=Path, help="folder to work in, kept; default: a temporary one")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Run the sweep, then a share of its combinations one by one."""
    options = arguments()
    loaded = load_sweep(options.config, overrides=options.set, smoke=options.smoke)
    if options.one:
        values, decoding, grouping = json.loads(options.one)
        one_combination(loaded, options.work, (values, decoding, grouping))
        return
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        open_data(loaded.recipe.recipe, loaded.settings.data, work / "results" / "data")
        ours = measure_ours(options, work)
        every = combinations(loaded, work)
        count = max(2, round(options.share * len(every)))
        chosen = np.random.default_rng(options.seed).choice(len(every), min(count, len(every)), replace=False)
        naive = []
        for done, index in enumerate(sorted(chosen.tolist()), start=1):
            naive.append(run_naive(options, work, every[index]))
            print(f"naive {done} of {len(chosen)}: {naive[-1]:.1f} CPU s", file=sys.stderr, flush=True)
        found = report(loaded, ours, naive, len(every), options.seed)
    own, extrapolated = found["ours"], found["naive"]
    low, high = found["ratio_interval_95"]
    print(
        f"{loaded.name}: {found['combinations']} combinations\n"
        f"ours   {duration(own['cpu_seconds'])} of CPU, {duration(own['wall_seconds'])} on the clock, measured\n"
        f"naive  {extrapolated['cpu_hours_extrapolated']:.1f} CPU-hours, extrapolated from {len(naive)} combinations "
        f"(95 %: {extrapolated['interval_95'][0]:.1f} to {extrapolated['interval_95'][1]:.1f})\n"
        f"ratio  {found['ratio']:.1f}x (95 %: {low:.1f} to {high:.1f})"
        + ("\nSMOKE: the figures mean nothing" if options.smoke else "")
    )
    path = options.json or (None if options.smoke else Path(f"results/benchmarks/{loaded.name}.json"))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
