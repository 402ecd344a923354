"""LoRA training and evaluation with stored features, against transformers' Trainer + PEFT, on 12-megapixel photos.

    python -m benchmarks.training [--model git] [--photos 24] [--steps 4] [--rounds 3] [--smoke]

The peer (`benchmarks/plain_training.py`) opens the JPEG and runs the whole model at each step and in evaluation. Both
get the same checkpoint (published size, random weights), records, batches, adapter, number format and optimizer. Every
case runs in a process of its own, in turns, so that a slow minute of the machine meets both; the first step of each is
not measured. Runs on the processor, since a GPU hides what decoding costs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.checkpoints import EVENT, LABELS, caption, write_checkpoint, write_clip
from benchmarks.ingest import HEIGHT_PX, WIDTH_PX, peak_mb, write_photos
from benchmarks.training_cases import ADAPTERS, CASES, Found, Options, recipe
from benchmarks.training_report import table
from core.store import Store
from core.training.run_folder import provenance

LABEL_TOKENS = 64
BATCH = {"git": 8, "florence2": 4}


def write_data(work: Path, options: Options) -> None:
    """Checkpoints, photos and records."""
    write_checkpoint(options.model, work / "model", small=options.smoke)
    write_clip(work / "clip", small=options.smoke)
    (work / "photos").mkdir()
    write_photos(work / "photos", options.photos)
    generator = np.random.default_rng(0)
    words = LABEL_TOKENS - (1 if options.model == "git" else 2)  # [SEP]; <s> and </s>
    records = [
        {"image": path.name, "event": EVENT, "labels": LABELS, "caption": caption(words, generator)}
        for path in sorted((work / "photos").glob("*.jpg"))[: options.photos]
    ]
    (work / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def run_case(case: str, work: Path, round_: int, options: Options) -> Found:
    """One case in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training", "--case", case, "--work", str(work)]
    command += ["--round", str(round_), "--options", json.dumps(vars(options), default=str)]
    environment = os.environ | {"MONTAGE_STORE": str(work / "checksums"), "HF_HUB_OFFLINE": "1"}
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    found: Found = json.loads(answer.splitlines()[-1])
    return found


def signature(work: Path, options: Options) -> Found:
    """What the figures depend on."""
    told = provenance(recipe(work, options), command=" ".join(["python -m benchmarks.training", *sys.argv[1:]]))
    cpu = [line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    machine = told["machine"] | {"processors": os.cpu_count(), "model": cpu[0] if cpu else None}
    return {key: told[key] for key in ("command", "commit", "versions")} | {"machine": machine}


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def arguments() -> Options:
    """The command's options, with defaults that depend on one another filled in."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(ADAPTERS), default="git")
    parser.add_argument("--photos", type=int, default=24, help="cut down to whole batches")
    parser.add_argument("--eval-photos", type=int, help="default: half of the photos")
    parser.add_argument("--steps", type=int, default=4, help="that are measured, each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, help=f"default: {BATCH}")
    parser.add_argument("--new-tokens", type=int, default=32, help="of captions in evaluation")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--workers", type=int, default=0, help="processes that read ahead, for both")
    parser.add_argument("--smoke", action="store_true", help="tiny models: whether it runs, not how fast")
    parser.add_argument("--json", type=Path, help="default: results/benchmarks/training-MODEL.json")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--round", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--options", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.photos, options.steps, options.rounds, options.batch, options.new_tokens = 4, 2, 1, 2, 6
    options.batch = options.batch or BATCH[options.model]
    options.photos = max(options.batch, options.photos - options.photos % options.batch)
    options.eval_photos = min(options.eval_photos or max(1, options.photos // 2), options.photos)
    return options


def main() -> None:
    """Run every case in turns and print the table."""
    options = arguments()
    if options.case:
        given = Options(**json.loads(options.options))
        found = CASES[options.case](options.work, Store(options.work / f"store-{options.round}"), given)
        print(json.dumps({**found, "peak_mb": peak_mb()}))
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_data(work, options)
        found: dict[str, list[Found]] = {case: [] for case in CASES}
        for round_ in range(options.rounds):
            for case in CASES if round_ % 2 == 0 else ["precompute", *list(CASES)[:0:-1]]:
                found[case].append(run_case(case, work, round_, options))
                print(f"round {round_ + 1} of {options.rounds}: {case}", file=sys.stderr, flush=True)
        about = signature(work, options)
    once = found["precompute"][0]
    title = (
        f"{options.model}: {options.photos} photos of {WIDTH_PX} x {HEIGHT_PX}, batch {options.batch}, "
        f"{options.dtype}, {once['image_tokens']} image, {once['prompt_tokens']} prompt and {LABEL_TOKENS} label "
        f"tokens, {options.workers} workers, {options.rounds} rounds of {options.steps} steps, "
        f"{os.cpu_count()} processors{', SMOKE: the figures mean nothing' if options.smoke else ''}"
    )
    text, figures = table(found, batch=options.batch, eval_photos=options.eval_photos)
    print(f"{title}\n\n{text}")
    path = options.json or (None if options.smoke else Path(f"results/benchmarks/training-{options.model}.json"))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        for runs in found.values():
            for one in runs:
                one.pop("captions", None)
        path.write_text(json.dumps({"title": title, **figures, "signature": about, "rounds": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
