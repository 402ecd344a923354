"""Which model a run uses, and what is said when it cannot be had."""

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.config import load_config
from core.embed import OpenClipEmbedder, _published_options, choose_embedder, known_part, known_texts
from core.errors import ConfigError, ModelError, ModelUnavailableError
from core.weights import Calibration, find_model

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real OpenCLIP checkpoint in the hub's layout, with random weights."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny-clip")
    torch.manual_seed(0)
    model = open_clip.model.CLIP(**TINY)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    config = {"model_cfg": TINY, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without downloaded weights and without internet (HF_HUB_OFFLINE is set for all tests)."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def test_a_model_folder_loads_and_embeds(tiny_clip: Path) -> None:
    embedder, notice = choose_embedder(load_config(overrides=[f"embeddings.model={tiny_clip}"]))
    assert notice is None
    assert not embedder.is_loaded, "nothing is loaded before it is needed"
    vectors = embedder.images([embedder.preprocess(Image.new("RGB", (50, 40), c)) for c in ("red", "blue")])
    texts = embedder.texts(["a photo of food", "night"])
    for block in (vectors, texts):
        assert block.shape == (2, 16)
        assert block.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(block, axis=1), 1.0, rtol=1e-5)
    assert embedder.in_world(vectors).all(), "without a gate everything is inside"
    assert not embedder.calibration.measured


def test_the_key_follows_weights_and_config(tiny_clip: Path, tmp_path: Path) -> None:
    def key(folder: Path) -> str:
        return find_model(settings(f"embeddings.model={folder}"), named=True)[0].key

    before = key(tiny_clip)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in tiny_clip.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert key(copy) == before, "the same model elsewhere is the same model"
    data = bytearray((copy / "open_clip_model.safetensors").read_bytes())
    data[-8] ^= 1
    (copy / "open_clip_model.safetensors").write_bytes(data)
    assert key(copy) != before


def settings(*overrides: str) -> Any:
    return load_config(overrides=overrides).settings.embeddings


@pytest.mark.usefixtures("empty_hub")
def test_the_default_is_replaced_by_mini_and_that_is_said() -> None:
    embedder, notice = choose_embedder(load_config())
    assert embedder.name == "mini"
    assert notice is not None
    assert "605 MB" in notice
    assert "mini" in notice


@pytest.mark.usefixtures("empty_hub")
@pytest.mark.parametrize("override", ["embeddings.model=ViT-B-32", "embeddings.pretrained=laion2b_s34b_b79k"])
def test_a_named_model_is_never_replaced(override: str) -> None:
    with pytest.raises(ModelUnavailableError, match=r"hf download laion/CLIP-ViT-B-32.*605 MB.*embeddings\.model=mini"):
        choose_embedder(load_config(overrides=[override]))


def test_weights_in_the_hubs_cache_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "models--laion--CLIP-ViT-B-32-laion2B-s34B-b79K"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    (snapshot / "open_clip_model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    files, notice = find_model(settings(), named=False)
    assert notice is None
    assert files.name == "ViT-B-32/laion2b_s34b_b79k"
    assert (files.calibration.clip_threshold, files.calibration.label_threshold) == (0.80, 0.40)


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("embeddings.model=ViT-B-23", ConfigError, "did you mean 'ViT-B-32'"),
        ("embeddings.pretrained=laion", ConfigError, "embeddings.pretrained: ViT-B-32 has .*laion2b_s34b_b79k"),
        ("embeddings.model=models/mine", ModelError, "there is no folder models/mine; for a hub model write hf-hub:"),
    ],
)
def test_wrong_names(override: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        choose_embedder(load_config(overrides=[override]))


def test_folders_that_are_no_model(tiny_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"open_clip_config\.json is missing"):
        find_model(settings(f"embeddings.model={tmp_path}"), named=True)
    (tmp_path / "open_clip_config.json").write_bytes((tiny_clip / "open_clip_config.json").read_bytes())
    (tmp_path / "open_clip_pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match=r"open_clip_pytorch_model\.bin would run code when loaded; convert"):
        find_model(settings(f"embeddings.model={tmp_path}"), named=True)


def test_weights_of_another_architecture_are_refused(tiny_clip: Path, tmp_path: Path) -> None:
    config = json.loads((tiny_clip / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["width"] = 48
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    weights = (tiny_clip / "open_clip_model.safetensors").read_bytes()
    (tmp_path / "open_clip_model.safetensors").write_bytes(weights)
    files, _ = find_model(settings(f"embeddings.model={tmp_path}"), named=True)
    with pytest.raises(ModelError, match="does not load as an OpenCLIP model"):
        OpenClipEmbedder(files).texts(["x"])


def test_a_device_that_is_not_there(tiny_clip: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    files, _ = find_model(settings(f"embeddings.model={tiny_clip}"), named=True)
    with pytest.raises(ModelError, match="no CUDA device; use cpu or auto"):
        OpenClipEmbedder(files, device="cuda").texts(["x"])


@pytest.mark.parametrize(
    ("model", "tag", "expected"),
    [
        ("ViT-B-16-SigLIP", "webli", {"image_mean": (0.5, 0.5, 0.5), "image_resize_mode": "squash"}),
        ("ViT-B-32", "openai", {"force_quick_gelu": True}),
        ("ViT-B-32", "laion2b_s34b_b79k", {"image_resize_mode": "shortest"}),
    ],
)
def test_published_weights_bring_their_own_preprocessing(
    model: str, tag: str, expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """open_clip applies it for a tag, and not for the path of the same weights."""
    import open_clip

    monkeypatch.setattr("core.weights._cached", lambda repository: tmp_path)
    files, _ = find_model(settings(f"embeddings.model={model}", f"embeddings.pretrained={tag}"), named=True)
    options = _published_options(files)
    assert expected.items() <= options.items()
    assert options.keys() <= inspect.signature(open_clip.create_model_and_transforms).parameters.keys()


def test_known_words() -> None:
    calibration = Calibration(known_words=frozenset({"group", "photo", "night"}))
    assert known_texts(calibration, ["group photo", "Night", "Lord Ganesha", "group-photo"]) == [
        True,
        True,
        False,
        True,
    ]
    assert known_texts(Calibration(), ["anything"]) == [True]
    assert known_part(calibration, "Moments from Freshers Night — a group photo.") == "night group photo"
    assert known_part(Calibration(), "Moments from Freshers Night") == "Moments from Freshers Night"
