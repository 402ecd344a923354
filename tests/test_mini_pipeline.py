"""The built-in model in the whole pipeline, on rendered events that were used for nothing else."""

import csv
import doctest
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.captioners.models import choose_captioners
from core.config import LoadedConfig, load_config
from core.embed import choose_embedder
from core.evaluate import evaluate_stages
from core.metrics.stages import read_truth
from core.mini.event import write_sample_event
from core.pipeline import run_pipeline
from core.posts import EventDetails
from core.record import make_record
from core.store import Store
from tests.test_pipeline import shown, without_metadata


@pytest.mark.parametrize("seed", [70_001, 70_002, 70_003])
def test_bars_on_unseen_events(seed: int, tmp_path: Path, mini_config: LoadedConfig, store: Store) -> None:
    photos = tmp_path / "photos"
    write_sample_event(photos, photos=70, seed=seed)
    embedder, _ = choose_embedder(mini_config)
    truth = read_truth(photos / "truth.csv")
    scores = evaluate_stages([photos], truth, mini_config.settings, store=store, embedder=embedder)
    assert scores["dedupe"]["f1"] >= 0.98, scores
    assert scores["labels"]["f1"] >= 0.9, scores
    assert scores["cluster"]["purity"] >= 0.9, scores


def test_names_and_metadata_change_nothing(sample_event: Path, tmp_path: Path, mini_config: LoadedConfig) -> None:
    """Renamed, so that photos fall into other batches, and stripped of EXIF (but for those stored rotated)."""
    rng = np.random.default_rng(3)
    back: dict[str, str] = {}
    plain, renamed = tmp_path / "plain", tmp_path / "renamed"
    plain.mkdir()
    renamed.mkdir()
    for path in sorted(sample_event.glob("*.jpg")):
        data = path.read_bytes()
        upright = without_metadata(data) if b"\x01\x12\x00\x03" not in data[:400] else data
        name = f"{rng.integers(10**9):09d}.jpg"
        back[name] = path.name
        (plain / path.name).write_bytes(data)
        (renamed / name).write_bytes(upright)

    def posts(folder: Path) -> Any:
        embedder, _ = choose_embedder(mini_config)
        event, store = EventDetails(name="Freshers Night"), Store(tmp_path / f"store-{folder.name}")
        return make_record(run_pipeline([folder], event, mini_config.settings, store=store, embedder=embedder))

    before, after = posts(plain), posts(renamed)
    assert [[back[name] for name in post] for post in shown(after)] == shown(before)
    assert [post.captions for post in after.posts] == [post.captions for post in before.posts]


def test_a_second_run_loads_no_model(sample_event: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from cli.main import app\n"
        f"arguments = ['caption', {str(sample_event)!r}, '-e', 'X', '-o', {str(tmp_path / 'out')!r}, '-s',\n"
        f"    'embeddings.model=mini', '--store', {str(tmp_path / 'store')!r}, '--mode', 'hybrid']\n"
        "app(arguments, standalone_mode=False)\n"
        "print('LOADED', sorted({'torch', 'open_clip', 'sklearn', 'transformers'} & set(sys.modules)))\n"
    )
    root = Path(__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": str(root)}
    outputs = [
        subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=240)
        for _ in range(2)
    ]
    assert all(result.returncode == 0 for result in outputs), outputs[0].stderr + outputs[1].stderr
    assert "LOADED ['open_clip', 'sklearn', 'torch', 'transformers']" in outputs[0].stdout
    assert "LOADED []" in outputs[1].stdout


@pytest.mark.parametrize("family", ["blip2", "git"])
def test_the_built_in_captioners_say_what_is_in_the_photos(
    family: str, sample_event: Path, store: Store, tmp_path: Path
) -> None:
    """Beside the template's captions; most share seven tenths of their words with the leading photo's truth."""
    loaded = load_config(overrides=["embeddings.model=mini", f"captioner.mode={family},template"])
    captioners = choose_captioners(loaded)
    assert "mini" in captioners.notices[0]
    embedder, _ = choose_embedder(loaded)
    result = run_pipeline(
        [sample_event],
        EventDetails(name="Freshers Night"),
        loaded.settings,
        store=store,
        embedder=embedder,
        captioners=captioners,
    )
    with (sample_event / "truth.csv").open(encoding="utf-8") as file:
        captions = {row["file"]: row["caption"] for row in csv.DictReader(file)}
    record = make_record(result)
    right = 0
    for post in record.posts:
        assert list(post.captions) == [family, "template"]
        said, seen = post.captions[family].text.lower(), captions[post.photos[0]]
        right += len(set(said.strip(".").split()) & set(seen.split())) / len(seen.split()) >= 0.7
    assert right > len(record.posts) / 2


@pytest.mark.parametrize("name", ["core.montage", "core.metrics.stages", "core.vlm.prompts"])
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
