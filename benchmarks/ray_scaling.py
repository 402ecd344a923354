"""Training on Ray with one worker and with two, at one thread each, on the same batch: how much faster, how efficient.

    python -m benchmarks.ray_scaling [--recipe mini-montage] [--batch 32] [--steps 60] [--rounds 3] [--smoke]

Strong scaling: two workers take half of the batch each, so that both learn the same from it. Every case runs in a
process and a local Ray of its own, in turns, so that a slow minute of the machine meets all; the first steps of each
are not measured. `alone` is core's trainer without Ray, on one thread: what Ray and DDP cost by themselves. Needs as
many idle cores as workers.
"""

import argparse
import csv
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.store import Store
from core.training.recipe import LoadedRecipe, load_recipe
from core.training.run_folder import provenance

WARM_UP_STEPS = 5
WORKERS = {"alone": 0, "1 worker": 1, "2 workers": 2}
Found = dict[str, Any]
Options = argparse.Namespace


def recipe(work: Path, options: Options) -> LoadedRecipe:
    """The recipe's training, without evaluations in between and at one batch for all cases."""
    from core.mini.rendered import with_rendered_data

    changed = (
        f"train.per_device_train_batch_size={options.batch}",
        "train.gradient_accumulation_steps=1",
        f"train.max_steps={options.steps + WARM_UP_STEPS}",
        "train.save_every_steps=1000000",
        "train.log_every_steps=1",
        "train.device=cpu",
        f"train.rendered.train_photos={options.photos}",
        "train.rendered.val_photos=8",
        "eval.every_steps=1000000",
        "eval.baseline=false",
        "eval.generate=false",
        "eval.metric_to_monitor=val_loss",
        "eval.early_stopping_patience=null",
    )
    loaded = load_recipe(options.recipe, overrides=changed)
    return replace(loaded, recipe=with_rendered_data(loaded.recipe, work / "data"))


def run_case(case: str, work: Path, options: Options) -> Found:
    """Train once, and time each step."""
    from core.training.run import train

    begun = time.perf_counter()
    loaded, workers = recipe(work, options), WORKERS[case]
    with tempfile.TemporaryDirectory(dir=work) as folder:
        out = Path(folder) / "run"
        if workers == 0:
            train(loaded, out, store=Store(work / "store"))
        else:
            _train_on_ray(loaded, out, workers, work / "store")
        with (out / "training_log.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["train_loss"]]
    at = [float(row["seconds"]) for row in rows]
    steps = [after - before for before, after in itertools.pairwise(at)][WARM_UP_STEPS - 1 : -1]
    return {
        "step_seconds": steps,
        "loss": float(rows[-1]["train_loss"]),
        "seconds_in_all": time.perf_counter() - begun,
    }


def _train_on_ray(loaded: LoadedRecipe, out: Path, workers: int, store: Path) -> None:
    from distributed.cluster import connect
    from distributed.train_run import train_on_cluster
    from distributed.train_settings import ClusterTraining

    cluster = ClusterTraining(workers=(workers, workers), cpus_per_worker=1)
    with connect("local", num_cpus=workers, dashboard=False, log_to_driver=False):
        train_on_cluster(loaded, out, cluster, store_root=store)


def table(found: dict[str, list[Found]], batch: int) -> tuple[str, Found]:
    """Markdown, and the same figures by name."""
    median = {case: statistics.median(s for one in runs for s in one["step_seconds"]) for case, runs in found.items()}
    by_round = [
        statistics.median(one["step_seconds"]) / statistics.median(two["step_seconds"])
        for one, two in zip(found["1 worker"], found["2 workers"], strict=True)
    ]
    speedup = median["1 worker"] / median["2 workers"]
    figures = {
        "step_seconds": median,
        "speedup": speedup,
        "speedup_by_round": by_round,
        "efficiency": speedup / 2,
        "ray_and_ddp_overhead": median["1 worker"] / median["alone"] - 1,
    }
    lines = ["| case | photos/s, median | a step, ms, median | loss of the last step |", "|---|---|---|---|"]
    lines += [
        f"| {case} | {batch / median[case]:.1f} | {1000 * median[case]:.1f} | {runs[0]['loss']:.4f} |"
        for case, runs in found.items()
    ]
    lines.append(
        f"\nTwo workers are {speedup:.2f}x as fast as one (by round {min(by_round):.2f}-{max(by_round):.2f}): "
        f"efficiency {100 * speedup / 2:.0f} %. One worker on Ray takes "
        f"{100 * figures['ray_and_ddp_overhead']:+.0f} % more than without Ray."
    )
    return "\n".join(lines), figures


def arguments() -> Options:
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="mini-montage", help="one that renders its own data")
    parser.add_argument("--batch", type=int, default=32, help="of all workers together")
    parser.add_argument("--photos", type=int, default=256)
    parser.add_argument("--steps", type=int, default=60, help="that are measured, each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--smoke", action="store_true", help="whether it runs, not how fast")
    parser.add_argument("--json", type=Path, help="default: results/benchmarks/ray-scaling.json")
    parser.add_argument("--case", choices=list(WORKERS), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.batch, options.photos, options.steps, options.rounds = 4, 24, 4, 1
    return options


def _in_own_process(case: str, work: Path, options: Options) -> Found:
    command = [sys.executable, "-m", "benchmarks.ray_scaling", "--case", case, "--work", str(work)]
    command += ["--recipe", options.recipe, "--batch", str(options.batch), "--photos", str(options.photos)]
    command += ["--steps", str(options.steps)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    found: Found = json.loads(answer.splitlines()[-1])
    return found


def main() -> None:
    """Run every case in turns and print the table."""
    options = arguments()
    if options.case:
        print(json.dumps(run_case(options.case, options.work, options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        loaded = recipe(work, options)
        found: dict[str, list[Found]] = {case: [] for case in WORKERS}
        for round_ in range(options.rounds):
            for case in WORKERS if round_ % 2 == 0 else reversed(WORKERS):
                found[case].append(_in_own_process(case, work, options))
                print(f"round {round_ + 1} of {options.rounds}: {case}", file=sys.stderr, flush=True)
    told = provenance(loaded.recipe, command=" ".join(["python -m benchmarks.ray_scaling", *sys.argv[1:]]))
    machine = told["machine"] | {"processors": os.cpu_count(), "load_before": os.getloadavg()[0]}
    title = (
        f"{loaded.name}: batch {options.batch}, {options.rounds} rounds of {options.steps} steps, one thread a worker, "
        f"{os.cpu_count()} processors{', SMOKE: the figures mean nothing' if options.smoke else ''}"
    )
    text, figures = table(found, options.batch)
    print(f"{title}\n\n{text}")
    path = options.json or (None if options.smoke else Path("results/benchmarks/ray-scaling.json"))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        signature = {key: told[key] for key in ("command", "commit", "config_hash", "seed", "versions")}
        about = {"title": title, **figures, "signature": signature | {"machine": machine}, "rounds": found}
        path.write_text(json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    main()
