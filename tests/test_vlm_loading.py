"""Devices, number formats and quantization."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import ModelError
from core.vlm import loading
from core.vlm.adapters import open_adapter
from core.vlm.checkpoint import open_checkpoint
from core.vlm.loading import choose_device, choose_dtype, load_model, load_processor
from core.vlm.model import Example
from tests.checkpoints import edit_json
from tests.vlm_helpers import FAMILIES, captions, load_settings, lora_config, open_model, photos, save_adapter

Folders = Callable[[str], Path]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("quantization", ["bnb_8bit", "bnb_4bit"])
def test_quantized_models_write_and_take_adapters(
    vlm_folder: Folders, tmp_path: Path, name: str, quantization: str
) -> None:
    model = open_model(vlm_folder(name), quantization=quantization)
    kinds = {type(module).__name__ for module in model.model.modules()}
    assert {"bnb_8bit": "Linear8bitLt", "bnb_4bit": "Linear4bit"}[quantization] in kinds
    exact = [n for n, m in model.model.named_modules() if type(m) is torch.nn.Linear]
    assert {"lm_head", "output", "decoder"} & {n.rpartition(".")[2] for n in exact}, "the output head stays exact"
    plain = captions(model)
    assert len(plain) == 3
    assert any(plain)
    assert captions(model) == plain
    assert model.key != open_model(vlm_folder(name)).key
    adapter = open_adapter(save_adapter(tmp_path / "a", vlm_folder(name), lora_config(model)))
    model.use_adapter(adapter)
    assert captions(model) != plain
    example = Example(pixel_values=model.pixels(photos(1)[0]), prompt="a", caption="red stage")
    assert model.loss(model.collate([example])).isfinite()
    model.use_adapter(None)
    assert captions(model) == plain


@pytest.mark.parametrize("name", FAMILIES)
def test_bfloat16_is_near_to_float32(vlm_folder: Folders, vlm: Any, name: str) -> None:
    model = open_model(vlm_folder(name), dtype="bfloat16")
    assert model.model.get_input_embeddings().weight.dtype == torch.bfloat16
    pixels = [model.pixels(photo) for photo in photos(2)]
    exact = vlm(name)
    features = model.features(pixels)
    assert features.dtype == torch.bfloat16
    near = (features.float() - exact.features(pixels)).norm() / exact.features(pixels).norm()
    assert near < 0.1
    for form in ({"pixel_values": pixels[0]}, {"features": features[0].float().numpy()}):
        losses = [m.loss(m.collate([Example(**form, prompt="a", caption="red")])).item() for m in (model, exact)]
        assert losses[0] == pytest.approx(losses[1], rel=0.25)


def test_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device(load_settings(device="cpu")) == "cpu"
    monkeypatch.setattr(loading, "_cuda_devices", lambda: 0)
    assert choose_device(load_settings(device="auto")) == "cpu"
    for device in ("cuda", "cuda:1"):
        with pytest.raises(ModelError, match=f"device is {device}, but this machine has no CUDA device; use auto"):
            choose_device(load_settings(device=device))
    monkeypatch.setattr(loading, "_cuda_devices", lambda: 2)
    assert choose_device(load_settings(device="auto")) == "cuda"
    assert choose_device(load_settings(device="cuda:1")) == "cuda:1"
    with pytest.raises(ModelError, match="device is cuda:2, but this machine has cuda:0 to cuda:1"):
        choose_device(load_settings(device="cuda:2"))
    monkeypatch.setattr("platform.system", lambda: "Linux")
    with pytest.raises(ModelError, match="device is mps, but this machine has no Metal device; use auto"):
        choose_device(load_settings(device="mps"))


def test_the_number_format_follows_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_dtype(load_settings(dtype="float32")) == "float32"
    for has_it, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(loading, "_cpu_has_bfloat16", lambda has_it=has_it: has_it)
        assert choose_dtype(load_settings(dtype="auto")) == expected


def damaged(folder: Path, source: Path, how: str) -> Path:
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, folder)
    weights = folder / "model.safetensors"
    state = load_file(weights)
    if how == "lacking":
        state.pop("git.encoder.layer.1.output.dense.weight")
    elif how == "renamed":
        state = {f"model.{name}": value for name, value in state.items()}
    elif how == "narrower":
        edit_json(folder / "config.json", lambda config: config.update(intermediate_size=48))
    elif how == "deeper":
        edit_json(folder / "config.json", lambda config: config.update(num_hidden_layers=3))
    elif how == "shallower":
        edit_json(folder / "config.json", lambda config: config.update(num_hidden_layers=1))
    elif how == "impossible":
        edit_json(folder / "config.json", lambda config: config.update(num_attention_heads=7))
    elif how == "wrong kind":
        edit_json(folder / "config.json", lambda config: config.update(hidden_size="wide"))
    if how in ("lacking", "renamed"):
        save_file(state, weights, metadata={"format": "pt"})
    return folder


WRONG = {
    "lacking": r"1 weights are missing \(such as git.encoder.layer.1.output.dense.weight\): config.json and weights",
    "renamed": r"\d+ weights are missing \(such as git.embeddings",
    "narrower": r"6 weights have another shape \(such as git.encoder.layer.0",
    "deeper": r"\d+ weights are missing \(such as git.encoder.layer.2",
    "shallower": r"16 weights have no place \(such as git.encoder.layer.1",
    "impossible": r"the model of .* does not load: .*heads",
    "wrong kind": r"the model of .* does not load: .*hidden_size",
}


@pytest.mark.parametrize(("how", "words"), WRONG.items(), ids=WRONG)
def test_weights_that_do_not_go_with_the_config(vlm_folder: Folders, tmp_path: Path, how: str, words: str) -> None:
    checkpoint = open_checkpoint(damaged(tmp_path / "git", vlm_folder("git"), how), name="x")
    with pytest.raises(ModelError, match=rf"{tmp_path}/git: {words}"):
        load_model(checkpoint, load_settings())


def test_a_damaged_tokenizer(vlm_folder: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "git"
    shutil.copytree(vlm_folder("git"), folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=rf"{tmp_path}/git: the processor of x does not load"):
        load_processor(open_checkpoint(folder, name="x"))


def test_code_in_a_folder_is_never_run(vlm_folder: Folders, vlm: Any, tmp_path: Path) -> None:
    folder, mark = tmp_path / "git", tmp_path / "it-ran"
    shutil.copytree(vlm_folder("git"), folder)
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')\nclass Evil: pass\n")
    kinds = ["AutoConfig", "AutoModelForImageTextToText", "AutoProcessor", "AutoImageProcessor"]
    code: dict[str, Any] = dict.fromkeys(kinds, "evil.Evil") | {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    for file in ("config.json", "processor_config.json", "tokenizer_config.json"):
        edit_json(folder / file, lambda data: data.update(auto_map=code))
    assert captions(open_model(folder)) == captions(vlm("git")), "the library's own classes do"
    for file, key in (("processor_config.json", "processor_class"), ("tokenizer_config.json", "tokenizer_class")):
        edit_json(folder / file, lambda data, key=key: data.update({key: "Evil"}))
    with pytest.raises(ModelError, match="the processor of git does not load"):
        captions(open_model(folder))
    assert not mark.exists()


def test_loading_leaves_the_terminal_and_the_settings_alone(vlm_folder: Folders, capfd: Any) -> None:
    import warnings

    from transformers.utils import logging as library

    level, filters = library.get_verbosity(), list(warnings.filters)
    bars = library.is_progress_bar_enabled()
    captions(open_model(vlm_folder("git")), count=1)
    assert (library.get_verbosity(), library.is_progress_bar_enabled()) == (level, bars)
    assert warnings.filters == filters
    out, err = capfd.readouterr()
    assert out == ""
    assert err == ""
