"""`montage merge`: an adapter laid into its base writes the same, and is an ordinary checkpoint."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from cli.main import app
from core.errors import ModelError, OutputError
from core.training.merge import merge_adapter
from core.training.push import plan_upload
from core.vlm.adapters import open_adapter
from core.vlm.checkpoint import open_checkpoint
from core.vlm.names import find_named
from core.vlm.prompts import CLUB_PROMPT, PromptTemplate, read_prompt, write_prompt
from tests.checkpoints import edit_json
from tests.vlm_helpers import FAMILIES, captions, lora_config, open_model, save_adapter

Folders = Callable[[str], Path]
SHORT = PromptTemplate(text="caption of {event}")


def merged(base: Path, adapter: Path, out: Path, **how: Any) -> Any:
    return merge_adapter(open_checkpoint(base, name=base.name), open_adapter(adapter), out, **how)


@pytest.fixture
def adapter(adapter_folder: Any, tmp_path: Path) -> Callable[[str], Path]:
    """Adapters with a short prompt: the tiny opt has a token for each letter, and 160 places."""

    def copy(name: str) -> Path:
        folder = tmp_path / "adapters" / name
        shutil.copytree(adapter_folder(name, 1), folder)
        write_prompt(folder, SHORT)
        return folder

    return copy


@pytest.mark.parametrize("name", FAMILIES)
def test_the_merged_model_writes_what_the_adapter_does(
    vlm_folder: Folders, adapter: Folders, tmp_path: Path, name: str
) -> None:
    folder, out = adapter(name), tmp_path / "merged"
    done = merged(vlm_folder(name), folder, out)
    expected = captions(open_model(vlm_folder(name), adapter=open_adapter(folder)))
    assert captions(open_model(out)) == expected != captions(open_model(vlm_folder(name)))
    assert done.loss_after == pytest.approx(done.loss_before, rel=1e-4)
    assert read_prompt(out) == SHORT
    plain = transformers.AutoModelForImageTextToText.from_pretrained(out, local_files_only=True)
    assert sum(p.numel() for p in plain.parameters()) == done.parameters
    transformers.AutoProcessor.from_pretrained(out, local_files_only=True)
    assert not list(out.glob("*adapter*"))


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "DoRA": ("git", {"use_dora": True}),
    "rsLoRA": ("florence2", {"use_rslora": True}),
    "output head too": ("blip2-t5", {"modules_to_save": ["lm_head"]}),
    "vision side": ("git", {"target_modules": r"git\.image_encoder\..*\.q_proj"}),
}


@pytest.mark.parametrize(("name", "more"), KINDS.values(), ids=KINDS)
def test_other_kinds_of_lora_merge(vlm_folder: Folders, tmp_path: Path, name: str, more: Any) -> None:
    config = lora_config(open_model(vlm_folder(name)))
    for key, value in more.items():
        setattr(config, key, value)
    folder = save_adapter(tmp_path / "a", vlm_folder(name), config)
    merged(vlm_folder(name), folder, tmp_path / "m")
    with_adapter = open_model(vlm_folder(name), adapter=open_adapter(folder))
    assert captions(open_model(tmp_path / "m")) == captions(with_adapter)
    assert read_prompt(tmp_path / "m") == CLUB_PROMPT, "as captioning asks an adapter that does not say"


def test_a_base_without_the_image_token_is_saved_in_its_own_size(
    vlm_folder: Folders, adapter: Folders, tmp_path: Path
) -> None:
    """Older BLIP-2 checkpoints: the token is added when they are loaded, and their config stays as it is."""
    base = tmp_path / "older"
    shutil.copytree(vlm_folder("blip2-t5"), base)
    before = load_file(base / "model.safetensors")
    rows = before["language_model.shared.weight"].shape[0]
    edit_json(base / "config.json", lambda config: config["text_config"].update(vocab_size=rows - 1))
    small = {k: (v[: rows - 1].clone() if v.shape[:1] == (rows,) else v) for k, v in before.items()}
    save_file(small, base / "model.safetensors", metadata={"format": "pt"})
    folder = adapter("blip2-t5")
    expected = captions(open_model(base, adapter=open_adapter(folder)))
    merged(base, folder, tmp_path / "m")
    assert load_file(tmp_path / "m" / "model.safetensors")["language_model.shared.weight"].shape[0] == rows - 1
    assert captions(open_model(tmp_path / "m")) == expected


def test_the_number_format_is_the_bases_or_as_told(vlm_folder: Folders, adapter: Folders, tmp_path: Path) -> None:
    for told, dtype in ((None, torch.float32), ("bfloat16", torch.bfloat16)):
        out = tmp_path / str(told)
        done = merged(vlm_folder("git"), adapter_of(adapter, tmp_path), out, dtype=told)
        state = load_file(out / "model.safetensors")
        assert {v.dtype for v in state.values() if v.is_floating_point()} == {dtype}
        assert f"torch.{done.dtype}" == str(dtype)


def adapter_of(adapter: Folders, tmp_path: Path) -> Path:
    folder = tmp_path / "adapters" / "git"
    return folder if folder.is_dir() else adapter("git")


def test_a_damaged_adapter_is_refused(vlm_folder: Folders, adapter: Folders, tmp_path: Path) -> None:
    folder = adapter("git")
    state = load_file(folder / "adapter_model.safetensors")
    save_file({k: torch.full_like(v, float("nan")) for k, v in state.items()}, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="NaN"):
        merged(vlm_folder("git"), folder, tmp_path / "m")


def test_a_folder_in_use_is_left_alone(vlm_folder: Folders, adapter: Folders, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        merged(vlm_folder("git"), adapter("git"), tmp_path / "m")
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["mine.txt"]


def test_the_command_finds_the_base_that_the_adapter_names(
    vlm_folder: Folders, adapter: Folders, tmp_path: Path
) -> None:
    folder, out = adapter("git"), tmp_path / "m"
    edit_json(folder / "adapter_config.json", lambda c: c.update(base_model_name_or_path=str(vlm_folder("git"))))
    result = CliRunner().invoke(app, ["merge", str(folder), "--out", str(out), "--json"], catch_exceptions=False)
    assert json.loads(result.stdout)["out"] == str(out)
    assert find_named(str(out))[0].family.name == "git"
    edit_json(folder / "adapter_config.json", lambda c: c.update(base_model_name_or_path="somewhere"))
    with pytest.raises(Exception, match=r"was trained on 'somewhere', which is not to be found; name it with --model"):
        CliRunner().invoke(app, ["merge", str(folder), "--out", str(tmp_path / "n")], catch_exceptions=False)
    told = ["merge", str(folder), "--out", str(tmp_path / "n"), "--model", str(vlm_folder("git"))]
    assert "Checked: loss" in CliRunner().invoke(app, told, catch_exceptions=False).stdout


CARD = (
    "---\nlibrary_name: peft\nbase_model: x/y\n---\n\n# our voice\n\n## How well\n\n```yaml\n# settings\n```\n\n# end\n"
)


def test_a_merged_checkpoint_has_a_card_of_its_own(vlm_folder: Folders, adapter: Folders, tmp_path: Path) -> None:
    run = tmp_path / "run"
    best = Path(shutil.copytree(adapter("git"), run / "best"))
    (best / "README.md").write_text(CARD)
    (best / "card").mkdir()
    (best / "card" / "1.jpg").write_text("a picture")
    checkpoint, out = open_checkpoint(vlm_folder("git"), name="git-base"), tmp_path / "merged"
    merge_adapter(checkpoint, open_adapter(best), out)
    card = ModelCard.load(out / "README.md")
    told = card.data.to_dict()
    assert (told["base_model"], told["library_name"]) == ("microsoft/git-base", "transformers")
    assert "`microsoft/git-base` with the LoRA adapter `run/best` laid into its weights" in card.content
    for key in (checkpoint.key, open_adapter(best).key, open_checkpoint(out, name="m").key):
        assert f"checksum `{key}`" in card.content
    assert "### our voice\n\n#### How well\n\n```yaml\n# settings\n```\n\n### end" in card.text
    assert "x/y" not in card.content
    assert str(tmp_path) not in card.content
    plan = plan_upload(out)
    assert {"README.md", "card/1.jpg", "model.safetensors", "config.json", "montage.json"} <= set(plan.files)


@pytest.mark.parametrize("form", [True, False], ids=["PEFT's empty form", "no card"])
def test_an_adapter_without_a_card_is_told_so(
    vlm_folder: Folders, adapter: Folders, tmp_path: Path, form: bool
) -> None:
    folder = adapter("git")
    assert "[More Information Needed]" in (folder / "README.md").read_text()
    if not form:
        (folder / "README.md").unlink()
    merged(vlm_folder("git"), folder, tmp_path / "merged")
    card = ModelCard.load(tmp_path / "merged" / "README.md")
    assert "The adapter came without one" in card.text
    assert "base_model" not in card.data.to_dict(), "a folder's name is no repository"
