"""Captions for 12-megapixel photos, against transformers' plain way on the same checkpoint, in one run.

    python -m benchmarks.captioning [--model mini-git] [--photos 200] [--beams 1] [--json FILE]

The peer opens each photo with Pillow, hands it to the checkpoint's processor and calls `generate`, photo by photo, as
the model cards show. Every case runs in a process of its own and starts with the model loaded, the files in the
system's cache and an empty store, except "again": another decoding of photos whose features are stored.
On a machine with a GPU both use it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from benchmarks.ingest import HEIGHT_PX, WIDTH_PX, peak_mb, write_photos
from core.captioners.models import choose_model
from core.config import load_config
from core.describe import describe_photos
from core.settings import PipelineConfig
from core.sources import open_sources
from core.store import Store
from core.vlm.decoding import generate_options
from core.vlm.model import VisionLanguageModel
from core.vlm.names import find_named

Job = tuple[VisionLanguageModel, str, PipelineConfig]


def open_job(name: str, beams: int, *, scale: str = "reduced", tokens: int = 32) -> Job:
    """The model, loaded, the prompt, and the settings."""
    overrides = [f"captioner.decoding.num_beams={beams}", f"captioner.decoding.max_new_tokens={tokens}"]
    config = load_config(overrides=[*overrides, f"captioner.photo_scale={scale}"]).settings
    model, prompt, _ = choose_model(find_named(name)[0], config.captioner, None)
    model.load()
    return model, prompt.fill(None, []), config


def plain(folder: Path, name: str, beams: int) -> tuple[float, list[str]]:
    """The named peer: processor and generate, photo by photo, in full resolution."""
    import torch

    model, prompt, config = open_job(name, beams)
    how = generate_options(config.captioner.decoding, variants=1, seeds=[])
    processor, inner, captions = model.processor, model.model, []
    start = time.perf_counter()
    for path in sorted(folder.glob("*.jpg")):
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        inputs = processor(images=image, text=[prompt] if prompt else None, return_tensors="pt").to(model.device)
        if model.family.name == "git" and prompt:  # as its card says: [CLS], then the question
            ids = [processor.tokenizer.cls_token_id, *processor.tokenizer(prompt, add_special_tokens=False).input_ids]
            inputs = {"pixel_values": inputs["pixel_values"], "input_ids": torch.tensor([ids]).to(model.device)}
        with torch.no_grad():
            tokens = inner.generate(**inputs, **how)
        [text] = processor.batch_decode(tokens, skip_special_tokens=True)
        captions.append(text.removeprefix(prompt).strip() if model.family.padding(inner) is None else text.strip())
    return time.perf_counter() - start, captions


def montage(folder: Path, name: str, beams: int, *, scale: str) -> tuple[float, list[str]]:
    """`montage describe`."""
    job = open_job(name, beams, scale=scale)
    with tempfile.TemporaryDirectory() as root:
        return _described(folder, job, Path(root))


def again(folder: Path, name: str, beams: int) -> tuple[float, list[str]]:
    """Another decoding (32 tokens, after one with 24) of photos whose features are stored."""
    with tempfile.TemporaryDirectory() as root:
        _described(folder, open_job(name, beams, tokens=24), Path(root))
        return _described(folder, open_job(name, beams), Path(root))


def _described(folder: Path, job: Job, root: Path) -> tuple[float, list[str]]:
    model, prompt, config = job
    out = root / f"{config.captioner.decoding.max_new_tokens}.jsonl"
    start = time.perf_counter()
    describe_photos(open_sources([folder], config.ingest), model, prompt, config, out, store=Store(root / "store"))
    seconds = time.perf_counter() - start
    return seconds, [json.loads(line)["caption"] for line in out.read_text(encoding="utf-8").splitlines()]


CASES: dict[str, Callable[[Path, str, int], tuple[float, list[str]]]] = {
    "transformers, photo by photo": plain,
    "Montage, full scale": lambda folder, name, beams: montage(folder, name, beams, scale="full"),
    "Montage, reduced scale": lambda folder, name, beams: montage(folder, name, beams, scale="reduced"),
    "Montage, other decoding again": again,
}


def run_case(case: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One case in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.captioning", "--case", case, "--folder", str(folder)]
    command += ["--model", options.model, "--beams", str(options.beams)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
    found: dict[str, Any] = json.loads(answer)
    return found


def identical(captions: Sequence[str], reference: Sequence[str]) -> float:
    """Share of captions that are the same, letter by letter."""
    return sum(a == b for a, b in zip(captions, reference, strict=True)) / len(reference)


def main() -> None:
    """Run every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini-git")
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        seconds, captions = CASES[options.case](options.folder, options.model, options.beams)
        print(json.dumps({"seconds": seconds, "captions": captions, "peak_mb": peak_mb()}))
        return
    with tempfile.TemporaryDirectory() as root:
        write_photos(Path(root), options.photos)
        rows = {case: run_case(case, Path(root), options) for case in CASES}
    peer = rows["transformers, photo by photo"]
    title = f"{options.photos} photos of {WIDTH_PX} x {HEIGHT_PX}, {options.model}, beams {options.beams}"
    print(f"{title}, {os.cpu_count()} processors, {len(set(peer['captions']))} different captions\n")
    print("| case | photos/s | against transformers | same captions | peak MB |\n|---|---|---|---|---|")
    for case, row in rows.items():
        same = identical(row["captions"], peer["captions"])
        speed, ratio = options.photos / row["seconds"], peer["seconds"] / row["seconds"]
        print(f"| {case} | {speed:.1f} | {ratio:.2f}x | {100 * same:.1f} % | {row['peak_mb']:.0f} |")
        row["same"] = same
    if options.json:
        kept = {case: {k: v for k, v in row.items() if k != "captions"} for case, row in rows.items()}
        options.json.write_text(json.dumps({"title": title, "cases": kept}, indent=2) + "\n")


if __name__ == "__main__":
    main()
