"""The figures of the built-in models' cards: `python -m core.mini.report --out results/mini/seed-0.json`."""

import argparse
import hashlib
import json
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from core.mini.captioner_measure import measure_captioner
from core.mini.measure import measure, real_photos

MINI = Path(__file__).parent
CAPTIONERS = ("blip2", "git")
SHIPPED = ("clip", *CAPTIONERS)
FIRST_SEED, EVENTS, KEPT_BACK = 400, 10, 300
LIBRARIES = ("torch", "transformers", "open_clip_torch", "numpy", "opencv-python-headless", "pillow")


def report(models: Path, *, events: int, kept_back: int, real: Sequence[Path] = ()) -> dict[str, Any]:
    """All figures of the models in `models` (folders clip, blip2, git; one may be missing), with what made them."""
    command = (
        f"python -m core.mini.report --events {events} --kept-back {kept_back}{' --real PHOTOGRAPHS' if real else ''}"
    )
    made: dict[str, Any] = {"signature": signature(models, command)}
    here = present(models)
    if "clip" in here:
        made["clip"] = measure(models / "clip", events=events, first_seed=FIRST_SEED)
        if real:
            made["clip"]["real_photos"] = real_photos(models / "clip", real)
    for family in (family for family in CAPTIONERS if family in here):
        made[family] = measure_captioner(models / family, events=events, first_seed=FIRST_SEED, kept_back=kept_back)
    return made


def present(models: Path) -> list[str]:
    """Which of the models are in the folder."""
    return [name for name in SHIPPED if (models / name).is_dir()]


def signature(models: Path, command: str) -> dict[str, Any]:
    """What decides the figures: command, commit, versions, checksums of the weights."""
    weights = {folder.name: next(folder.glob("*model.safetensors")) for folder in map(models.joinpath, present(models))}
    return {
        "command": command,
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--", ":/core")),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "weights": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in weights.items()},
    }


def over_seeds(reports: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each captioner and set of photos: the value of every seed, their mean and spread."""
    rows = []
    for family in CAPTIONERS:
        for photos in ("unseen_photos", "never_trained_combinations"):
            for measured in ("exact", "attributes"):
                values = [made[family][photos][measured]["value"] for made in reports if family in made]
                if not values:
                    continue
                spread = round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else None
                mean = round(float(np.mean(values)), 4)
                rows.append(
                    {
                        "model": family,
                        "photos": photos,
                        "measure": measured,
                        "seeds": values,
                        "mean": mean,
                        "sd": spread,
                    }
                )
    return rows


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=MINI, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def main() -> None:
    """Measures, writes the report, prints it in short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--models", type=Path, default=MINI, help="a folder with clip, blip2 and git in it, or some of them"
    )
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--kept-back", type=int, default=KEPT_BACK, help="scenes of combinations never trained")
    parser.add_argument("--real", type=Path, help="a folder of photographs that should get no label")
    parser.add_argument(
        "--out", type=Path, required=True, help="the JSON file; its neighbours seed-*.json are summed up"
    )
    arguments = parser.parse_args()
    real = sorted(path for path in arguments.real.rglob("*.jpg")) if arguments.real else []
    made = report(arguments.models, events=arguments.events, kept_back=arguments.kept_back, real=real)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    seeds = sorted(arguments.out.parent.glob("seed-*.json"))
    for name, value in made.get("clip", {}).items():
        print(f"clip   {name:27} {json.dumps(value)}")
    for row in over_seeds([json.loads(path.read_text(encoding="utf-8")) for path in seeds]):
        print(f"{row['model']:6} {row['photos']:27} {row['measure']:11} {row['mean']:.4f}  seeds {row['seeds']}")


if __name__ == "__main__":
    main()
