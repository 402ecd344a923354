"""Real events: looked for beside the repository, skipped where they are not."""

import json
import shutil
from pathlib import Path

import pytest

from core.config import LoadedConfig
from core.embed import choose_embedder
from core.evaluate import evaluate_stages
from core.metrics.stages import read_truth
from core.pipeline import run_pipeline
from core.posts import EventDetails
from core.publish.folder import write_result
from core.record import make_record
from core.store import Store
from tests.conftest import shared_data


def test_campus_day(mini_config: LoadedConfig, store: Store) -> None:
    event = shared_data("event_campus_day")
    embedder, _ = choose_embedder(mini_config)
    truth = read_truth(event / "truth.csv")
    scores = evaluate_stages([event / "photos"], truth, mini_config.settings, store=store, embedder=embedder)
    assert scores["photos"] == 85
    assert scores["dedupe"]["f1"] >= 0.98, scores
    assert scores["labels"] is None


def test_makers_with_a_broken_photo(mini_config: LoadedConfig, store: Store, tmp_path: Path) -> None:
    makers, broken = shared_data("event_makers"), shared_data("broken")
    photos = tmp_path / "photos"
    shutil.copytree(makers, photos)
    shutil.copytree(broken, photos / "broken")
    embedder, _ = choose_embedder(mini_config)
    event = EventDetails(name="Makers")
    result = run_pipeline([photos], event, mini_config.settings, store=store, embedder=embedder)
    written = write_result(result, tmp_path / "out", store)
    files = {file.file: file for file in written.record.files}
    assert sum(file.kept for file in files.values()) == 14
    assert files["broken/ukbench09268_corrupt.jpg"].reason == "unreadable"
    assert files["LICENSE"].reason == "not_an_image"
    assert json.loads((tmp_path / "out" / "posts.json").read_text())["posts"]


@pytest.mark.parametrize("name", ["coco_captions_dev/images", "event_makers", "event_campus_day/photos"])
def test_mini_abstains_from_real_photos(name: str, mini_config: LoadedConfig, store: Store) -> None:
    folder = shared_data(name)
    embedder, _ = choose_embedder(mini_config)
    result = run_pipeline([folder], EventDetails(name="X"), mini_config.settings, store=store, embedder=embedder)
    labelled = sum(bool(file.labels) for file in make_record(result).files)
    assert labelled <= 0.05 * len(result.photos)


def test_a_burst_of_moving_people_is_not_one_photo(mini_config: LoadedConfig, store: Store) -> None:
    folder = shared_data("burst_bedroom")
    embedder, _ = choose_embedder(mini_config)
    result = run_pipeline([folder], EventDetails(name="X"), mini_config.settings, store=store, embedder=embedder)
    assert sum(reason is None for reason in result.selection.reasons) >= 15


def test_edits_of_one_photo_are_one_group(mini_config: LoadedConfig, store: Store) -> None:
    folder = shared_data("neardup_bridge/bridge-mods")
    embedder, _ = choose_embedder(mini_config)
    result = run_pipeline([folder], EventDetails(name="X"), mini_config.settings, store=store, embedder=embedder)
    assert len(result.selection.selected) == 1
