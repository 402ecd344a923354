"""Image and text embeddings, by OpenCLIP. The model is loaded at the first photo or text not in the store."""

import re
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image

from core.config import LoadedConfig
from core.errors import ModelError
from core.store import Store, digest
from core.weights import Calibration, ModelFiles, find_model

__all__ = [
    "Embedder",
    "OpenClipEmbedder",
    "choose_embedder",
    "embed_texts",
    "judged_photos",
    "known_part",
    "known_texts",
]


class Embedder(Protocol):
    """What the pipeline needs of an embedding model; vectors are float32 of unit length."""

    @property
    def name(self) -> str:
        """As the user knows it."""
        ...

    @property
    def key(self) -> str:
        """Checksum that changes whenever the outputs may."""
        ...

    @property
    def calibration(self) -> Calibration:
        """The thresholds that belong to the model."""
        ...

    @property
    def logit_scale(self) -> float:
        """The factor on cosines that the model was trained with."""
        ...

    def load(self) -> None:
        """Load the model now rather than at its first use."""
        ...

    def preprocess(self, image: Image.Image) -> Any:
        """Turn an RGB photo into the model's input."""
        ...

    def images(self, batch: Sequence[Any]) -> np.ndarray:
        """Embed preprocessed photos: float32 (n, d)."""
        ...

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts: float32 (n, d)."""
        ...

    def in_world(self, embeddings: np.ndarray) -> np.ndarray:
        """Which photos the model can judge: bool (n,) for embeddings (n, d)."""
        ...


class OpenClipEmbedder:
    """An OpenCLIP model.

    Args:
        files: which model, from `core.weights.find_model`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
    """

    def __init__(self, files: ModelFiles, *, device: str = "cpu") -> None:
        self._files = files
        self._device = device
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any, Any] | None = None
        self._domain: dict[str, np.ndarray] | None = None

    @property
    def name(self) -> str:
        return self._files.name

    @property
    def key(self) -> str:
        return self._files.key

    @property
    def calibration(self) -> Calibration:
        return self._files.calibration

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._loaded is not None

    @property
    def logit_scale(self) -> float:
        model, _, _ = self._load()
        return float(model.logit_scale.detach().exp())

    def load(self) -> None:
        self._load()

    def preprocess(self, image: Image.Image) -> Any:
        _, transform, _ = self._load()
        return transform(image)

    def images(self, batch: Sequence[Any]) -> np.ndarray:
        import torch

        model, _, _ = self._load()
        pixel_values = torch.stack(list(batch)).to(next(model.parameters()).device)
        with torch.inference_mode():
            return _unit(model.encode_image(pixel_values).float().cpu().numpy())

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        import torch

        model, _, tokenizer = self._load()
        with torch.inference_mode():
            tokens = tokenizer(list(texts)).to(next(model.parameters()).device)
            return _unit(model.encode_text(tokens).float().cpu().numpy())

    def in_world(self, embeddings: np.ndarray) -> np.ndarray:
        domain = self.calibration.domain
        if domain is None or self._files.folder is None:
            return np.ones(len(embeddings), dtype=bool)
        if self._domain is None:
            from safetensors.numpy import load_file

            self._domain = load_file(self._files.folder / str(domain["file"]))
        centred = embeddings - self._domain["mean"]
        return np.asarray(np.linalg.norm(centred @ self._domain["whiten"], axis=1) <= float(domain["threshold"]))

    def _load(self) -> tuple[Any, Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load_open_clip(self._files, self._device)
            return self._loaded


def choose_embedder(loaded: LoadedConfig) -> tuple[OpenClipEmbedder, str | None]:
    """The embedder that the settings ask for, not loaded yet, and what the user must know about it.

    Raises:
        ModelUnavailableError: a model that the user named cannot be had.
    """
    settings = loaded.settings.embeddings
    named = bool({"embeddings.model", "embeddings.pretrained"} & loaded.named)
    files, notice = find_model(settings, named=named)
    return OpenClipEmbedder(files, device=settings.device), notice


def embed_texts(embedder: Embedder, store: Store, texts: Sequence[str]) -> np.ndarray:
    """Embed texts, each taken from the store where it is there: float32 (n, d)."""
    keys = [digest("text", embedder.key, text) for text in texts]
    found = [store.get_arrays("text", key) for key in keys]
    missing = [i for i, arrays in enumerate(found) if arrays is None]
    store.count("text", found=True, n=len(texts) - len(missing))
    if missing:
        store.count("text", found=False, n=len(missing))
        for i, vector in zip(missing, embedder.texts([texts[i] for i in missing]), strict=True):
            found[i] = {"vector": vector}
            store.put_arrays("text", keys[i], {"vector": vector})
    return np.stack([arrays["vector"] for arrays in found if arrays is not None])


def judged_photos(embedder: Embedder, embeddings: np.ndarray) -> np.ndarray:
    """Which photos of an event the model can judge: bool (n,) for embeddings (n, d).

    An event is of one world. Where most of its photos lie outside the model's, the few that seem to lie inside do so
    by chance, and the model judges none.
    """
    inside = embedder.in_world(embeddings)
    return inside if inside.mean() >= 0.5 else np.zeros_like(inside)


def known_texts(calibration: Calibration, texts: Sequence[str]) -> list[bool]:
    """Which texts the model has words for; all, where it knows the whole language."""
    words = calibration.known_words
    if words is None:
        return [True] * len(texts)
    return [all(word in words for word in text.lower().replace("-", " ").split()) for text in texts]


def known_part(calibration: Calibration, text: str) -> str:
    """The text less the words that the model never learnt: noise to a model with a closed vocabulary."""
    words = calibration.caption_words or calibration.known_words
    if words is None:
        return text
    return " ".join(word for word in re.findall(r"[^\W_]+", text.lower()) if word in words)


def _unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)


def _published_options(files: ModelFiles) -> dict[str, Any]:
    """What open_clip derives from a tag, but not from the path of the same weights: preprocessing and activation."""
    import open_clip

    published = (open_clip.get_pretrained_cfg(files.architecture, files.tag) or {}) if files.tag else {}
    preprocess = ("mean", "std", "interpolation", "resize_mode")
    options: dict[str, Any] = {f"image_{name}": published[name] for name in preprocess if name in published}
    if published.get("quick_gelu"):
        options["force_quick_gelu"] = True
    return options


def _load_open_clip(files: ModelFiles, device: str) -> tuple[Any, Any, Any]:
    import open_clip
    import torch

    weights = files.locate_weights()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ModelError(f"embeddings.device is {device}, but this machine has no CUDA device; use cpu or auto")
    by_path = weights is not None and not files.architecture.startswith("hf-hub:")  # which finds it in the cache itself
    source: dict[str, Any] = {"pretrained": str(weights), **_published_options(files)} if by_path else {}
    try:
        model, _, transform = open_clip.create_model_and_transforms(files.architecture, device=device, **source)
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        raise ModelError(f"{files.name} does not load as an OpenCLIP model: {error}") from error
    bpe = files.folder / "bpe.txt.gz" if files.folder else None
    if bpe is not None and bpe.is_file():  # a vocabulary of its own keeps a small model small
        tokenizer = open_clip.SimpleTokenizer(bpe_path=str(bpe), context_length=model.context_length)
    else:
        tokenizer = open_clip.get_tokenizer(files.architecture)
    return model.eval(), transform, tokenizer
