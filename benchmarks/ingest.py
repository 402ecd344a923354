"""Ingest, embedding and dedupe on 12-megapixel photos, against Pillow's plain open and resize.

    python -m benchmarks.ingest [--photos 60] [--json FILE]

Every case runs in a process of its own, so that peak memory is its own; each starts from files that are in the
system's cache and from an empty store. Machines are noisy: compare the ratios, not the seconds.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from core.config import load_config
from core.embed import choose_embedder
from core.ingest import ingest, load_embeddings
from core.neardup import dedupe_and_select
from core.photos import decode_photo
from core.sources import open_sources
from core.store import Store

WIDTH_PX, HEIGHT_PX = 4000, 3000


def write_photos(folder: Path, count: int) -> None:
    """12-megapixel JPEGs with a camera's detail and grain: rendered scenes, enlarged, with noise."""
    from core.mini.event import write_sample_event

    write_sample_event(folder / "small", photos=count, seed=1)
    grain = np.random.default_rng(0).normal(0, 6, (HEIGHT_PX, WIDTH_PX, 1)).astype(np.float32)
    for path in sorted((folder / "small").glob("*.jpg")):
        large = Image.open(path).convert("RGB").resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC)
        pixels = np.clip(np.asarray(large, dtype=np.float32) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / path.name, quality=92)
    shutil.rmtree(folder / "small")


def pillow_plain(folder: Path) -> int:
    """The named peer: `Image.open(...).convert("RGB").resize(...)`, photo by photo."""
    for path in sorted(folder.glob("*.jpg")):
        Image.open(path).convert("RGB").resize((768, 576))
    return len(list(folder.glob("*.jpg")))


def pillow_threads(folder: Path) -> int:
    """The same in a thread per processor."""
    paths = sorted(folder.glob("*.jpg"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda path: Image.open(path).convert("RGB").resize((768, 576)).size, paths))
    return len(paths)


def our_decode(folder: Path) -> int:
    """Montage's decoding alone: DCT scaling, orientation, metadata; one thread."""
    paths = sorted(folder.glob("*.jpg"))
    for path in paths:
        decode_photo(path.read_bytes(), path.name, max_pixels=10**9, size_px=768)
    return len(paths)


def our_ingest(folder: Path) -> int:
    """Montage's ingest without embeddings: decoding, fingerprint, quality, hash, key points; threads."""
    loaded = load_config(overrides=["embeddings.model=mini"]).settings
    with tempfile.TemporaryDirectory() as root:
        files = open_sources([folder], loaded.ingest)
        return len(ingest(files, loaded.ingest, Store(Path(root)), None, batch_size=32).photos)


def our_ingest_and_embed(folder: Path) -> int:
    """The whole ingest stage, with `mini` embeddings; the model's loading is counted."""
    return _ingested(folder, dedupe=False)


def our_dedupe(folder: Path) -> int:
    """Ingest, embeddings and near-duplicates with geometry."""
    return _ingested(folder, dedupe=True)


def _ingested(folder: Path, *, dedupe: bool) -> int:
    loaded = load_config(overrides=["embeddings.model=mini"])
    settings = loaded.settings
    embedder, _ = choose_embedder(loaded)
    with tempfile.TemporaryDirectory() as root:
        store = Store(Path(root))
        photos = ingest(open_sources([folder], settings.ingest), settings.ingest, store, embedder, batch_size=32).photos
        if dedupe:
            vectors = load_embeddings(photos, settings.ingest, store, embedder)
            dedupe_and_select(photos, vectors, settings, store, embedder)
        return len(photos)


CASES: dict[str, Callable[[Path], int]] = {
    "Pillow open + resize": pillow_plain,
    "Pillow open + resize, threads": pillow_threads,
    "Montage decode": our_decode,
    "Montage ingest": our_ingest,
    "Montage ingest + embed": our_ingest_and_embed,
    "Montage ingest + embed + dedupe": our_dedupe,
}


def measure(case: str, folder: Path) -> dict[str, float]:
    """Run one case here; seconds, photos a second, and the process's peak memory beyond its start."""
    before = peak_mb()
    start = time.perf_counter()
    photos = CASES[case](folder)
    seconds = time.perf_counter() - start
    return {"photos": photos, "seconds": seconds, "peak_mb": peak_mb(), "over_start_mb": peak_mb() - before}


def peak_mb() -> float:
    """Peak memory of this process; `ru_maxrss` would count the process that started it (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    """Run every case in a process of its own and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, options.folder)))
        return
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        write_photos(folder, options.photos)
        rows = {}
        for case in CASES:
            command = [sys.executable, "-m", "benchmarks.ingest", "--case", case, "--folder", str(folder)]
            rows[case] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    peer = rows["Pillow open + resize"]["seconds"]
    print(f"{options.photos} photos of {WIDTH_PX} x {HEIGHT_PX}, {os.cpu_count()} processors\n")
    print("| case | photos/s | against Pillow | peak MB | over start MB |\n|---|---|---|---|---|")
    for case, row in rows.items():
        speed = row["photos"] / row["seconds"]
        memory = f"{row['peak_mb']:.0f} | {row['over_start_mb']:.0f}"
        print(f"| {case} | {speed:.1f} | {peer / row['seconds']:.2f}x | {memory} |")
    if options.json:
        options.json.write_text(json.dumps({"photos": options.photos, "cases": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
