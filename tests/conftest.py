"""Shared fixtures: no network, a store of the test's own, and photos made on the spot."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from core.config import LoadedConfig, load_config
from core.store import Store

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTAGE_STORE", str(tmp_path_factory.mktemp("store")))


@pytest.fixture(autouse=True)
def _own_results(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No adapter is in use, not even the one that is shipped, unless a test asks for it."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "best.json").write_text('{"adapter": null}\n', encoding="utf-8")
    monkeypatch.setenv("MONTAGE_RESULTS", str(folder))


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


@pytest.fixture(scope="session")
def vlm_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Tiny checkpoints (blip2-t5, blip2-opt, git, florence2, blip), each built once; not to be changed by tests."""
    root = tmp_path_factory.mktemp("checkpoints")

    @cache
    def folder(name: str) -> Path:
        from tests.checkpoints import build

        family, _, language = name.partition("-")
        return build(family, root / name, language=language)

    return folder


@pytest.fixture(scope="session")
def vlm(vlm_folder: Callable[[str], Path]) -> Callable[[str], Any]:
    """The same checkpoints loaded, each once; a test that changes one puts it back."""

    @cache
    def model(name: str) -> Any:
        from tests.vlm_helpers import open_model

        return open_model(vlm_folder(name))

    return model


@pytest.fixture(scope="session")
def adapter_folder(
    vlm_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, int], Path]:
    """LoRA adapters of the same checkpoints, "attention" preset, by checkpoint and seed; not to be changed by tests."""
    root = tmp_path_factory.mktemp("adapters")

    @cache
    def folder(name: str, seed: int) -> Path:
        from tests.vlm_helpers import lora_config, open_model, save_adapter

        base = vlm_folder(name)
        return save_adapter(root / f"{name}-{seed}", base, lora_config(open_model(base)), seed=seed)

    return folder
