"""Adapters in the pipeline: which model they go to, which prompt they are given, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.captioners.models import choose_captioners
from core.config import LoadedConfig, load_config
from core.errors import ConfigError, ModelError
from core.pipeline import run_pipeline
from core.posts import EventDetails
from core.record import EventRecord, make_record
from core.store import Store
from core.vlm.prompts import CLUB_PROMPT
from tests.fakes import ColourEmbedder, encoded, picture

Folders = Callable[[str], Path]
Adapters = Callable[[str, int], Path]


def settings(mode: str, bases: dict[str, Path], adapter: Path | None, *more: str) -> LoadedConfig:
    overrides = [f"captioner.mode=[{mode}]", "captioner.decoding.max_new_tokens=8", *more]
    overrides += [f"captioner.models.{family}={folder}" for family, folder in bases.items()]
    overrides += [f"captioner.adapter_path={adapter}"] if adapter else []
    return load_config(overrides=overrides)


def caption(loaded: LoadedConfig, photo: Path, store: Store) -> EventRecord:
    captioners = choose_captioners(loaded)
    event = EventDetails(name="Holi")
    return make_record(
        run_pipeline([photo], event, loaded.settings, store=store, embedder=ColourEmbedder(), captioners=captioners)
    )


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(picture(1)))
    return path


def with_prompt(adapter: Path, folder: Path, text: str) -> Path:
    """A copy of an adapter that says what it was trained with."""
    folder.mkdir()
    for path in adapter.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "montage.json").write_text(json.dumps({"prompt": {"text": text}}))
    return folder


def test_an_adapter_goes_to_its_own_family_and_changes_its_captions(
    vlm_folder: Folders, adapter_folder: Adapters, photo: Path, store: Store
) -> None:
    bases = {"git": vlm_folder("git"), "blip": vlm_folder("blip")}
    plain = caption(settings("git,blip", bases, None, f"captioner.prompt={CLUB_PROMPT.text!r}"), photo, store)
    adapted = caption(settings("git,blip", bases, adapter_folder("git", 1)), photo, store)
    names = {captioner.captioner: captioner.model for captioner in adapted.captioners}
    assert names["git"].endswith(f"+ {adapter_folder('git', 1).name}")
    assert "+" not in names["blip"]
    before, after = plain.posts[0].captions, adapted.posts[0].captions
    assert after["git"].text != before["git"].text


def test_the_prompt_saved_with_the_adapter_is_the_one_used(
    vlm_folder: Folders, adapter_folder: Adapters, photo: Path, store: Store, tmp_path: Path
) -> None:
    adapter = with_prompt(adapter_folder("git", 1), tmp_path / "mine", "a photo of {event}")
    loaded = settings("git", {"git": vlm_folder("git")}, adapter)
    assert caption(loaded, photo, store).captioners[0].prompt == "a photo of {event}"
    assert choose_captioners(loaded).notices == ()


def test_an_adapter_that_does_not_say_gets_the_clubs_prompt(vlm_folder: Folders, adapter_folder: Adapters) -> None:
    chosen = choose_captioners(settings("git", {"git": vlm_folder("git")}, adapter_folder("git", 1)))
    assert chosen.prompts["git"] == CLUB_PROMPT
    assert "does not say what prompt it was trained with" in chosen.notices[0]


def test_another_prompt_than_the_adapters_is_refused(
    vlm_folder: Folders, adapter_folder: Adapters, tmp_path: Path
) -> None:
    adapter = with_prompt(adapter_folder("git", 1), tmp_path / "mine", "a photo of {event}")
    loaded = settings("git", {"git": vlm_folder("git")}, adapter, "captioner.prompt=something else")
    with pytest.raises(ConfigError, match=r"was trained with 'a photo of \{event\}' and works with that only"):
        choose_captioners(loaded)


def test_an_adapter_of_no_family_in_the_mode_is_refused(vlm_folder: Folders, adapter_folder: Adapters) -> None:
    loaded = settings("blip,template", {"blip": vlm_folder("blip")}, adapter_folder("git", 1))
    with pytest.raises(ModelError, match=r"a git model, but captioner\.mode .* has none; add git"):
        choose_captioners(loaded)


def test_the_base_is_shown_beside_its_adapter(
    vlm_folder: Folders, adapter_folder: Adapters, photo: Path, store: Store
) -> None:
    bases, adapter = {"git": vlm_folder("git")}, adapter_folder("git", 1)
    alone = caption(settings("git", bases, None), photo, store).posts[0].captions["git"]
    record = caption(settings("git", bases, adapter, "captioner.show_base=true"), photo, store)
    shown = record.posts[0].captions
    assert list(shown) == ["git", "git_base"]
    assert shown["git_base"].text == alone.text != shown["git"].text
    assert record.posts[0].published == "git"
    assert list(record.posts[0].alternatives) == ["git_base"]


def test_without_an_adapter_there_is_no_base_to_show(vlm_folder: Folders, photo: Path, store: Store) -> None:
    record = caption(settings("git", {"git": vlm_folder("git")}, None, "captioner.show_base=true"), photo, store)
    assert list(record.posts[0].captions) == ["git"]
