"""Shared fixtures: no network, a store of the test's own, and photos made on the spot."""

import os
from pathlib import Path

import pytest

from core.config import LoadedConfig, load_config
from core.store import Store

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTAGE_STORE", str(tmp_path_factory.mktemp("store")))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "a-store")


@pytest.fixture
def mini_config() -> LoadedConfig:
    return load_config(overrides=["embeddings.model=mini"])


@pytest.fixture(scope="session")
def sample_event(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rendered event of 40 photos with truth.csv; not to be changed by tests."""
    from core.mini.event import write_sample_event

    folder = tmp_path_factory.mktemp("event") / "photos"
    write_sample_event(folder, photos=40, seed=2024)
    return folder


def shared_data(name: str) -> Path:
    """A folder of real photos; the test is skipped on a clone that has none."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"real photos are not here: {folder}")
    return folder
