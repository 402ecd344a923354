"""`montage explain`: the price of each token before and after, and what moved."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from core.errors import ConfigError, ModelError, PhotoError
from core.settings import PipelineConfig
from core.training.explain import explain, explain_photo
from core.training.explain_picture import explanation_page, explanation_picture, write_explanation
from core.training.moved import by_layer, moved_between
from core.vlm.adapters import Adapter, open_adapter
from core.vlm.checkpoint import open_checkpoint
from core.vlm.loading import quiet
from core.vlm.model import Example, VisionLanguageModel
from core.vlm.prompts import PromptTemplate, write_prompt
from tests.checkpoints import edit_json
from tests.vlm_helpers import FAMILIES, lora_config, open_model, photos, save_adapter

Folders = Callable[[str], Path]
Models = Callable[[str], VisionLanguageModel]
CAPTION = "happy band on a red stage"
PROMPT = PromptTemplate(text="caption of {event}")


@pytest.fixture
def tuned(adapter_folder: Any, vlm_folder: Folders, tmp_path: Path) -> Callable[[str], Adapter]:
    """Adapters with a prompt that the tiny models have room for."""

    def copy(name: str) -> Adapter:
        folder = tmp_path / "adapters" / name
        shutil.copytree(adapter_folder(name, 1), folder)
        write_prompt(folder, PROMPT)
        edit_json(folder / "adapter_config.json", lambda c: c.update(base_model_name_or_path=str(vlm_folder(name))))
        return open_adapter(folder)

    return copy


@pytest.mark.parametrize("name", FAMILIES)
def test_prices_average_to_the_losses_of_both_models(vlm_folder: Folders, tuned: Any, name: str) -> None:
    model, adapter, photo = open_model(vlm_folder(name)), tuned(name), photos(1)[0]
    found = explain(model, adapter, photo, CAPTION, event="Fest")
    assert found.prompt == "caption of Fest"
    example = Example(pixel_values=model.pixels(photo), prompt=found.prompt, caption=CAPTION)
    assert found.tuned_loss == pytest.approx(float(model.loss(model.collate([example]))), rel=1e-4)
    model.use_adapter(None)
    assert found.base_loss == pytest.approx(float(model.loss(model.collate([example]))), rel=1e-4)
    assert found.tokens[-1].text == "⟨end⟩"
    said = "".join(token.text for token in found.tokens[:-1])
    assert re.sub("##|␣|⟨s⟩", "", said) == CAPTION.replace(" ", "")
    assert any(token.change < 0 for token in found.tokens)
    assert any(token.change > 0 for token in found.tokens)


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "LoRA": ("florence2", {}),
    "DoRA": ("git", {"use_dora": True}),
    "rsLoRA": ("blip2-t5", {"use_rslora": True}),
    "output head too": ("git", {"modules_to_save": ["output"]}),
}


@pytest.mark.parametrize(("name", "more"), KINDS.values(), ids=KINDS)
def test_what_moved_is_what_merging_changes(vlm_folder: Folders, tmp_path: Path, name: str, more: Any) -> None:
    model = open_model(vlm_folder(name))
    folder = save_adapter(tmp_path / "a", vlm_folder(name), lora_config(model, **more))
    write_prompt(folder, PROMPT)
    before = {n: p.detach().clone() for n, p in model.model.named_parameters()}
    found = explain(model, open_adapter(folder), photos(1)[0], CAPTION)
    model.use_adapter(None)
    assert explain(model, open_adapter(folder), photos(1)[0], CAPTION) == found, "looking at it changes nothing"
    with quiet():
        merged = dict(model.model.merge_and_unload().named_parameters())
    expected = {
        n: float((merged[n] - weight).norm()) / (float(weight.norm()) or 1.0)
        for n, weight in before.items()
        if not torch.equal(merged[n], weight)
    }
    assert {one.name: one.change for one in found.moved} == pytest.approx(expected, rel=1e-4)
    assert [one.change for one in found.moved] == sorted((one.change for one in found.moved), reverse=True)
    assert {one.part for one in found.moved} == {"language"}
    assert found.moved_parameters == sum(before[n].numel() for n in expected)
    assert found.total_parameters == sum(p.numel() for p in before.values())


def test_an_adapters_own_numbers_are_counted(vlm_folder: Folders, tuned: Any) -> None:
    found = explain(open_model(vlm_folder("git")), tuned("git"), photos(1)[0], CAPTION)
    query = next(one for one in found.moved if one.name == "git.encoder.layer.0.attention.self.query.weight")
    assert (query.parameters, query.trained) == (32 * 32, 4 * (32 + 32))


def test_changes_are_laid_out_by_kind_and_layer(vlm_folder: Folders, tuned: Any) -> None:
    found = explain(open_model(vlm_folder("git")), tuned("git"), photos(1)[0], CAPTION)
    table = by_layer(found.moved)
    assert list(table) == [
        "git.encoder.layer.*.attention.output.dense",
        *(f"git.encoder.layer.*.attention.self.{kind}" for kind in ("key", "query", "value")),
    ]
    assert all(set(row) == {0, 1} for row in table.values())


def test_a_full_fine_tune_is_compared_weight_by_weight(vlm_folder: Folders, tmp_path: Path) -> None:
    base, other = open_model(vlm_folder("git")), open_model(vlm_folder("git"))
    name = "git.encoder.layer.1.intermediate.dense.weight"
    with torch.no_grad():
        other.model.get_parameter(name).mul_(1.5)
    (moved,) = moved_between(base, other)
    assert (moved.name, moved.part) == (name, "language")
    assert moved.change == pytest.approx(0.5)
    other.model.save_pretrained(tmp_path / "tuned")
    other.processor.save_pretrained(tmp_path / "tuned")
    found = explain(base, open_model(tmp_path / "tuned"), photos(1)[0], CAPTION)
    assert [one.name for one in found.moved] == [name]
    assert found.tuned_loss != found.base_loss
    with pytest.raises(ModelError, match="is not a fine-tuned"):
        moved_between(base, open_model(vlm_folder("blip")))


def test_without_an_adapter_the_base_is_shown(vlm_folder: Folders) -> None:
    found = explain(open_model(vlm_folder("git")), None, photos(1)[0], CAPTION)
    assert found.tuned_loss is None
    assert found.moved == ()
    assert explanation_picture(found).startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="caption is empty"):
        explain(open_model(vlm_folder("git")), None, photos(1)[0], " ")


def test_pictures_and_pages_take_any_caption(vlm_folder: Folders, tuned: Any, tmp_path: Path) -> None:
    caption = "<b>$x_1$ 😀 & \\frac"
    found = explain(open_model(vlm_folder("florence2")), tuned("florence2"), photos(1)[0], caption, event="<i>&")
    for name in ("a.png", "a.html"):
        write_explanation(found, photos(1)[0], tmp_path / name)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width >= 7 * 120
    page = explanation_page(found, photos(1)[0], b"png")
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;i&gt;&amp;" in page
    with pytest.raises(ConfigError, match=r"written as \.png or \.html, got a\.jpg"):
        write_explanation(found, photos(1)[0], tmp_path / "a.jpg")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    photos(1)[0].save(tmp_path / "photo.jpg")
    return tmp_path / "photo.jpg"


def test_the_command_prints_and_draws(vlm_folder: Folders, tuned: Any, photo: Path, tmp_path: Path) -> None:
    adapter = tuned("git")
    asked = ["explain", str(photo), "--caption", CAPTION, "--adapter", str(adapter.folder), "--event", "Fest"]
    shown = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "e.html")], catch_exceptions=False).stdout
    assert "stage" in shown
    assert "Mean: base " in shown
    assert "Weights that moved: 8, holding 8,192 of " in shown
    assert (tmp_path / "e.html").is_file()
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"], catch_exceptions=False).stdout)
    assert told["tuned_loss"] == pytest.approx(sum(t["tuned"] for t in told["tokens"]) / len(told["tokens"]))
    assert len(told["writes"]) == 2


def test_the_command_compares_whole_checkpoints(
    vlm_folder: Folders, photo: Path, mini_config: Any, tmp_path: Path
) -> None:
    base = str(vlm_folder("git"))
    asked = ["explain", str(photo), "--caption", CAPTION, "--adapter", base]
    assert "name the base model" in CliRunner().invoke(app, asked).output
    with pytest.raises(ConfigError, match=r"as \.png or \.html, got e\.jpg"):  # before a model is looked for
        CliRunner().invoke(app, [*asked, "--model", "none", "--out", "e.jpg"], catch_exceptions=False)
    told = json.loads(CliRunner().invoke(app, [*asked, "--model", base, "--json"], catch_exceptions=False).stdout)
    assert told["moved"] == []
    assert told["tuned_loss"] == told["base_loss"]


def test_a_photo_that_cannot_be_read_is_named(vlm_folder: Folders, tmp_path: Path, mini_config: Any) -> None:
    (tmp_path / "a.jpg").write_bytes(b"text")
    settings: PipelineConfig = mini_config.settings
    with pytest.raises(PhotoError, match=r"a\.jpg ends in \.jpg but does not decode"):
        explain_photo(open_checkpoint(vlm_folder("git"), name="git"), None, tmp_path / "a.jpg", CAPTION, settings)
