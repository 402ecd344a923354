"""A model by whatever name a person gives it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ConfigError, ModelError, ModelUnavailableError
from core.vlm.names import find_named, known_names
from core.vlm.presets import PRESETS

Folders = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _minis_and_no_hub(vlm_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("core.vlm.checkpoint.MINI", {"blip2": vlm_folder("blip2-t5"), "git": vlm_folder("git")})


def test_families_minis_and_folders(vlm_folder: Folders) -> None:
    for name, family in (("git", "git"), ("mini-git", "git"), ("blip2", "blip2"), ("mini-blip2", "blip2")):
        checkpoint, notice = find_named(name)
        assert checkpoint.family.name == family
        assert checkpoint.name == f"mini-{family}"
        assert notice is not None
        assert "knows only rendered sample scenes" in notice
    checkpoint, notice = find_named(str(vlm_folder("blip")))
    assert (checkpoint.family.name, notice) == ("blip", None)


@pytest.mark.parametrize(
    "name", [*PRESETS, *(preset.repository for preset in PRESETS.values()), "florence2", "me/mine"]
)
def test_models_that_must_be_downloaded(name: str) -> None:
    with pytest.raises(ModelUnavailableError, match=r"the weights of \S+ .* are not on this machine"):
        find_named(name)


def test_names_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="no model or folder 'git-bsae'"):
        find_named("git-bsae")
    with pytest.raises(ConfigError, match="no model or folder 'mini-blip'"):
        find_named("mini-blip")
    with pytest.raises(ModelError, match="is the older layout of Florence-2"):
        find_named("microsoft/Florence-2-base")
    assert {"git", "mini-git", "git-base-coco"} <= set(known_names())
