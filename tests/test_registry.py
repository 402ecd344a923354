"""The registry of adapters, the one in use, and what the settings take over from it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.best import apply_best, best_entry, roll_back, use_adapter
from core.captioners.models import choose_captioners
from core.config import LoadedConfig, load_config
from core.errors import ConfigError, InputError, ModelError
from core.registry import SHIPPED, adapter_folder, list_adapters, register_adapter
from core.vlm.checkpoint import open_checkpoint

Folders = Callable[[str], Path]
Adapters = Callable[[str, int], Path]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MONTAGE_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture
def git_voice(results: Path, vlm_folder: Folders, adapter_folder: Adapters) -> str:
    """An adapter of the registry, found best with other settings than the defaults."""
    base = vlm_folder("git")
    register_adapter(
        adapter_folder("git", 1),
        results=results,
        name="git-voice",
        base={"name": "small-git", "checksum": open_checkpoint(base, name="git").key},
        decoding={"num_beams": 5, "length_penalty": 0.7},
        clustering={"k": 4},
        metrics={"rougeL": 0.61},
    )
    return "git-voice"


def settings(vlm_folder: Folders, *more: str) -> LoadedConfig:
    return load_config(
        overrides=["captioner.mode=[git]", f"captioner.models.git={vlm_folder('git')}", "dedupe.method=phash", *more]
    )


def test_the_adapter_in_use_brings_its_settings(results: Path, git_voice: str, vlm_folder: Folders) -> None:
    use_adapter(git_voice, results)
    loaded, told = apply_best(settings(vlm_folder), results)
    captioner = loaded.settings.captioner
    assert (captioner.adapter_path, captioner.decoding.num_beams, captioner.decoding.length_penalty) == (
        git_voice,
        5,
        0.7,
    )
    assert loaded.settings.cluster.k == 4
    assert told is not None
    assert git_voice in told
    assert "--adapter none" in told
    assert choose_captioners(loaded).models["git"].name.endswith(f"+ {git_voice}")


def test_what_the_user_names_wins(results: Path, git_voice: str, vlm_folder: Folders) -> None:
    use_adapter(git_voice, results)
    loaded, _ = apply_best(settings(vlm_folder, "captioner.decoding.num_beams=2", "cluster.k=7"), results)
    assert (loaded.settings.captioner.decoding.num_beams, loaded.settings.cluster.k) == (2, 7)
    alone, told = apply_best(settings(vlm_folder, "captioner.adapter_path=null"), results)
    assert (alone.settings.captioner.adapter_path, alone.settings.captioner.decoding.num_beams, told) == (None, 3, None)


def test_an_adapter_of_another_model_is_left_alone_aloud(results: Path, git_voice: str, vlm_folder: Folders) -> None:
    use_adapter(git_voice, results)
    loaded, told = apply_best(load_config(overrides=["captioner.mode=[git]", "captioner.models.git=mini"]), results)
    assert loaded.settings.captioner.adapter_path is None
    assert told is not None
    assert "git-voice goes on small-git, not on this mini-git" in told


@pytest.mark.parametrize("mode", ["template", "blip2"])
def test_no_adapter_is_looked_for_where_its_family_does_not_write(results: Path, git_voice: str, mode: str) -> None:
    use_adapter(git_voice, results)
    loaded, told = apply_best(load_config(overrides=[f"captioner.mode=[{mode}]"]), results)
    assert (loaded.settings.captioner.adapter_path, told) == (None, None)


def test_use_and_roll_back(results: Path, git_voice: str) -> None:
    assert best_entry(results) == shipped()
    use_adapter(git_voice, results)
    use_adapter("none", results)
    none = best_entry(results)
    assert none is not None
    assert (none.name, none.folder) == ("none", None)
    back = roll_back(results)
    assert back is not None
    assert back.name == git_voice
    assert back.decoding["num_beams"] == 5
    assert roll_back(results) == shipped()
    with pytest.raises(InputError, match="nothing to roll back to"):
        roll_back(results)


def shipped() -> object:
    return best_entry(Path("/nowhere"))


def test_the_same_adapter_is_taken_in_once_and_another_under_a_name_of_its_own(
    results: Path, git_voice: str, adapter_folder: Adapters
) -> None:
    base = {"name": "x", "checksum": "y"}
    again = register_adapter(adapter_folder("git", 1), results=results, name=git_voice, base=base)
    other = register_adapter(adapter_folder("git", 2), results=results, name=git_voice, base=base)
    assert again.name == git_voice
    assert other.name.startswith(f"{git_voice}-")
    assert len(other.name) == len(git_voice) + 7
    assert {again.name, other.name} <= {entry.name for entry in list_adapters(results)}


def test_a_damaged_entry_is_left_out_of_the_list(results: Path, git_voice: str) -> None:
    (results / "adapters" / git_voice / "registry.json").write_text("{")
    assert git_voice not in [entry.name for entry in list_adapters(results)]


def test_names_and_paths(results: Path, git_voice: str, tmp_path: Path) -> None:
    assert adapter_folder(git_voice, results) == results / "adapters" / git_voice
    assert adapter_folder("./elsewhere/best", results) == Path("elsewhere/best")
    with pytest.raises(ConfigError, match=r"no adapter or folder 'git-voise'; did you mean 'git-voice'"):
        adapter_folder("git-voise", results)


@pytest.mark.parametrize("name", ["none", "a/b", "../up", "", "with space"])
def test_names_that_cannot_be(results: Path, adapter_folder: Adapters, name: str) -> None:
    with pytest.raises(ConfigError, match="an adapter's name is"):
        register_adapter(adapter_folder("git", 1), results=results, name=name, base={})
    assert not (results / "adapters").exists()


def test_what_is_no_adapter_is_not_taken_in(results: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not an adapter folder"):
        register_adapter(tmp_path, results=results, name="x", base={})


def test_a_best_that_has_gone(results: Path, git_voice: str, vlm_folder: Folders) -> None:
    use_adapter(git_voice, results)
    (results / "adapters").rename(results / "moved")
    with pytest.raises(InputError, match=r"best\.json names the adapter 'git-voice', which has gone; choose another"):
        apply_best(settings(vlm_folder), results)


def test_settings_that_went_out_of_date(results: Path, git_voice: str, vlm_folder: Folders) -> None:
    use_adapter(git_voice, results)
    best = json.loads((results / "best.json").read_text())
    (results / "best.json").write_text(json.dumps(best | {"clustering": {"kk": 3}}))
    with pytest.raises(ConfigError, match=r"entry of 'git-voice' in the registry: unknown key 'cluster\.kk'"):
        apply_best(settings(vlm_folder), results)


def test_what_is_shipped_goes_on_what_is_shipped(results: Path) -> None:
    entry = best_entry(results)
    assert entry is not None
    assert entry.folder is not None
    assert entry.folder.parent == SHIPPED
    loaded, told = apply_best(load_config(overrides=["captioner.mode=[blip2]", "captioner.models.blip2=mini"]), results)
    assert loaded.settings.captioner.adapter_path == entry.name, told
    choose_captioners(loaded).models["blip2"].load()
