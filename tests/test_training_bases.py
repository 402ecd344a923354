"""The base of a trained adapter: named so that another machine understands it, and found again on this one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.training.bases import find_base, published_name
from core.training.lora import add_adapter
from core.training.settings import LoraSettings
from core.vlm.adapters import check_base, open_adapter
from core.vlm.checkpoint import open_checkpoint
from core.vlm.loading import quiet
from core.vlm.presets import MINI
from tests.checkpoints import edit_json
from tests.vlm_helpers import captions, open_model

Folders = Callable[[str], Path]
NAMES = {
    "blip2-flan-t5-xl": "Salesforce/blip2-flan-t5-xl",
    "florence-2-base": "florence-community/Florence-2-base",
    "microsoft/git-base": "microsoft/git-base",
    "someone/their-git": "someone/their-git",
    "mini-git": "mini-git",
    str(MINI["blip2"]): "mini-blip2",
    "/cache/hub/models--microsoft--git-base/snapshots/0123abc": "microsoft/git-base",
    "/home/someone/models/our-git": "our-git",
    "~/models/our-git/": "our-git",
    "../our-git": "our-git",
    "models/clubs/our-git": "our-git",
    r"C:\models\our-git": "our-git",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_a_base_is_named_without_a_path(name: str, expected: str) -> None:
    assert published_name(name) == expected


def test_a_folder_goes_before_a_preset_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "ours").mkdir(parents=True)
    (tmp_path / "git-base").mkdir()
    monkeypatch.chdir(tmp_path)
    assert published_name("git-base") == "git-base"
    assert published_name("models/ours") == "ours"


@pytest.fixture
def base(vlm_folder: Folders, tmp_path: Path) -> Path:
    """A checkpoint in a folder that is nobody else's."""
    return Path(shutil.copytree(vlm_folder("git"), tmp_path / "models" / "our-git"))


@pytest.fixture
def trained(base: Path, tmp_path: Path) -> Path:
    """A run's best adapter on that folder."""
    model = open_model(base)
    adapted = add_adapter(model.model, model.family, LoraSettings(r=2, alpha=2), base_name=str(base), seed=0)
    with quiet():
        adapted.save_pretrained(tmp_path / "run" / "best")
    return tmp_path / "run" / "best"


def test_a_trained_adapter_holds_no_path_and_goes_on_its_base(base: Path, trained: Path) -> None:
    adapter = open_adapter(trained)
    assert adapter.base == "our-git"
    assert not [path for path in trained.glob("*.json") if str(base.parent) in path.read_text(encoding="utf-8")]
    check_base(open_model(base).model, adapter, open_checkpoint(base, name="any name"))
    assert captions(open_model(base, adapter=adapter)) == captions(open_model(base)), "as begun: B is zero"


def test_the_runs_own_record_knows_where_the_base_lies(base: Path, trained: Path) -> None:
    checkpoint = open_checkpoint(base, name=str(base))
    not_found = pytest.raises(ConfigError, match="was trained on 'our-git', which is not to be found; name it with")
    with not_found:
        find_base(open_adapter(trained))
    record = {"base": {"name": str(base), "checksum": checkpoint.key}}
    (trained.parent / "run.json").write_text(json.dumps(record))
    assert find_base(open_adapter(trained)) == checkpoint
    edit_json(base / "generation_config.json", lambda config: config.update(max_length=7))
    with not_found:  # another model lies there now
        find_base(open_adapter(trained))
    (trained.parent / "run.json").write_text("half of a rec")
    with not_found:
        find_base(open_adapter(trained))
    assert find_base(open_adapter(trained), str(base)).folder == base
