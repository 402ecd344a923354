"""Find a CLIP model's weights: shipped, in a folder, in the hub's cache, or on the hub. Safetensors only.

Loads no model: a run whose embeddings are all in the store never needs one.
"""

import hashlib
import json
import os
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener

from core.errors import ConfigError, ModelError, ModelUnavailableError
from core.settings import EmbeddingsSettings
from core.store import Store, default_store_root, digest

__all__ = [
    "MINI_CLIP",
    "Calibration",
    "ModelFiles",
    "find_model",
    "hub_is_offline",
    "hub_is_reachable",
    "weights_checksum",
]

MINI_CLIP = Path(__file__).parent / "mini" / "clip"
"""The embedded model's folder."""

_HUB_TIMEOUT_S = 3.0
_WEIGHTS = "open_clip_model.safetensors"
_DEFAULT_HUB = {("ViT-B-32", "laion2b_s34b_b79k"): ("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", 605)}
"""Hub repository and size in MB, known without importing open_clip (which takes seconds)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Thresholds that belong to one embedding model; the defaults are ViT-B-32's."""

    clip_threshold: float = 0.80
    """Cosine from which two photos are candidates for near-duplicates."""
    label_threshold: float = 0.40
    """Score from which a label is given."""
    caption_threshold: float = 0.18
    """`clip_cosine` under which a caption does not fit its photos."""
    measured: bool = False
    """Whether the thresholds were measured for this very model; otherwise they are ViT-B-32's."""
    known_words: frozenset[str] | None = None
    """Words of labels and plain captions that the text side was trained on; None where it knows the whole language."""
    caption_words: frozenset[str] | None = None
    """All words of captions that it was trained on; None where they are the same."""
    domain: dict[str, Any] | None = None
    """How to tell photos outside the model's world; None where there is no such gate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFiles:
    """Where a model is and what identifies it."""

    name: str
    """As the user knows it: `mini`, `ViT-B-32/laion2b_s34b_b79k`, a path."""
    key: str
    """Checksum of the local files, or of the published name, which the hub's own checksums stand behind."""
    architecture: str
    """What open_clip is asked for: a model name, or `local-dir:` and a folder."""
    calibration: Calibration = field(repr=False)
    locate_weights: Callable[[], Path | None] = field(repr=False, compare=False)
    """Finds or downloads the weights file; None where the architecture's folder holds them."""
    folder: Path | None = None
    """The local folder, where there is one."""
    tag: str | None = None
    """OpenCLIP's name for published weights, which decides preprocessing and activation."""


def find_model(settings: EmbeddingsSettings, *, named: bool) -> tuple[ModelFiles, str | None]:
    """Decide which embedding model a run uses.

    Args:
        settings: the `embeddings` section.
        named: whether the user named the model. A named model is never replaced; the default is, by `mini`,
            when its weights are neither on this machine nor reachable.

    Returns:
        The model, and a sentence for the user when the default was replaced.

    Raises:
        ModelUnavailableError: a named model's weights cannot be had; says how to get them.
        ModelError: a folder is not an OpenCLIP model with safetensors weights.
    """
    model = settings.model
    if model == "mini":
        return _folder_model("mini", MINI_CLIP), None
    if model.startswith("local-dir:") or Path(model).is_dir():
        folder = Path(model.removeprefix("local-dir:"))
        return _folder_model(str(folder), folder), None
    if "/" in model and not model.startswith("hf-hub:"):
        raise ModelError(f"embeddings.model: there is no folder {model}; for a hub model write hf-hub:{model}")
    repository, size_mb = _hub_repository(model, settings.pretrained)
    files = _hub_model(settings, repository, size_mb)
    if _cached(repository) is not None:
        return files, None
    try:
        if not hub_is_reachable():
            raise ModelUnavailableError(_how_to_get(model, repository, size_mb))
        files.locate_weights()  # the download, here, where the default can still be replaced
    except ModelUnavailableError:
        if named:
            raise
        return _folder_model("mini", MINI_CLIP), (
            f"The default model {model} ({size_mb or '?'} MB) is not on this machine and the model hub cannot be "
            "reached, so the small built-in model `mini` is used. It finds duplicates and groups photos, but knows "
            "only rendered sample scenes: for labels on real photos use a real model "
            "(--set embeddings.model=ViT-B-32, once, with internet)."
        )
    return files, None


def hub_is_reachable() -> bool:
    """Whether the Hugging Face hub answers within three seconds; False when HF_HUB_OFFLINE is set."""
    if hub_is_offline():
        return False
    from huggingface_hub import constants

    answered = threading.Event()

    def ask() -> None:
        try:
            with build_opener().open(Request(constants.ENDPOINT, method="HEAD"), timeout=_HUB_TIMEOUT_S):
                answered.set()
        except HTTPError:  # an answer, too
            answered.set()
        except (OSError, HTTPException, ValueError) as error:
            if isinstance(getattr(error, "reason", None), ssl.SSLError):  # huggingface_hub has certificates of its own
                answered.set()

    # In a thread, because looking up the name may take longer than any timeout of the connection.
    attempt = threading.Thread(target=ask, daemon=True)
    attempt.start()
    attempt.join(_HUB_TIMEOUT_S)
    return answered.is_set()


def hub_is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids asking the hub."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}


def _folder_model(name: str, folder: Path) -> ModelFiles:
    config, weights = folder / "open_clip_config.json", folder / _WEIGHTS
    for path in (config, weights):
        if not path.is_file():
            unsafe = sorted(p.name for p in folder.glob("*") if p.suffix in {".bin", ".pt", ".pth", ".pkl"})
            hint = f" ({', '.join(unsafe)} would run code when loaded; convert it to safetensors)" if unsafe else ""
            raise ModelError(f"{folder} is not an OpenCLIP model folder: {path.name} is missing{hint}")
    calibration_file = folder / "calibration.json"
    parts = [path.read_bytes() for path in (config, calibration_file) if path.is_file()]
    return ModelFiles(
        name=name,
        key=digest(*parts, weights_checksum(weights)),
        architecture=f"local-dir:{folder.resolve()}",
        calibration=_read_calibration(calibration_file),
        locate_weights=lambda: None,
        folder=folder,
    )


def weights_checksum(path: Path) -> str:
    """SHA-256 of a weights file, 64 hexadecimal digits; a file that has not changed is not read again.

    In the hub's cache it is the name of the file itself. Samples would not do: fine-tuned parts of one base differ in
    few places.
    """
    target = path.resolve()
    if re.fullmatch(r"[0-9a-f]{64}", target.name):
        return target.name
    about = target.stat()
    store = Store(default_store_root())
    key = digest("checksum", str(target), about.st_size, about.st_mtime_ns, about.st_ino)
    known = store.get_json("checksum", key)
    if known is None:
        with target.open("rb") as file:
            known = hashlib.file_digest(file, "sha256").hexdigest()
        store.put_json("checksum", key, known)
    return str(known)


def _read_calibration(path: Path) -> Calibration:
    if not path.is_file():
        return Calibration()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        words, more = data.get("known_words"), data.get("caption_words")
        return Calibration(
            clip_threshold=float(data["clip_threshold"]),
            label_threshold=float(data["label_threshold"]),
            caption_threshold=float(data["caption_clip_cosine_threshold"]),
            measured=True,
            known_words=None if words is None else frozenset(words),
            caption_words=None if more is None else frozenset(more),
            domain=data.get("domain"),
        )
    except (ValueError, KeyError, TypeError) as error:
        expected = "expected thresholds as core/mini/train_clip.py writes"
        raise ModelError(f"{path} is damaged: {error!r}; {expected}") from None


def _hub_repository(model: str, pretrained: str | None) -> tuple[str, int | None]:
    if model.startswith("hf-hub:"):
        return model.removeprefix("hf-hub:"), None
    if (model, pretrained) in _DEFAULT_HUB:
        return _DEFAULT_HUB[model, str(pretrained)]
    import open_clip

    if model not in open_clip.list_models():
        from core.config import nearest

        raise ConfigError(f"embeddings.model: no model {model!r}; {nearest(model, [*open_clip.list_models(), 'mini'])}")
    tags = open_clip.list_pretrained_tags_by_model(model)
    if pretrained not in tags:
        raise ConfigError(f"embeddings.pretrained: {model} has {', '.join(tags) or 'no weights'}, got {pretrained!r}")
    repository = str((open_clip.get_pretrained_cfg(model, pretrained) or {}).get("hf_hub") or "").strip("/")
    if not repository:
        raise ModelError(f"{model}/{pretrained} is published only as pickled weights, which Montage does not load")
    return repository, None


def _cached(repository: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, _WEIGHTS)
    return Path(found) if isinstance(found, str) else None


def _hub_model(settings: EmbeddingsSettings, repository: str, size_mb: int | None) -> ModelFiles:
    from_hub = settings.model.startswith("hf-hub:")

    def locate() -> Path:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError

        try:
            return Path(hf_hub_download(repository, _WEIGHTS))
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise ModelUnavailableError(f"{_how_to_get(settings.model, repository, size_mb)} ({error})") from None

    calibrated = (settings.model, settings.pretrained) in _DEFAULT_HUB
    return ModelFiles(
        name=settings.model if from_hub else f"{settings.model}/{settings.pretrained}",
        key=digest("hub", settings.model, None if from_hub else settings.pretrained),
        tag=None if from_hub else settings.pretrained,
        architecture=settings.model,
        calibration=Calibration(measured=calibrated),
        locate_weights=locate,
    )


def _how_to_get(model: str, repository: str, size_mb: int | None) -> str:
    size = f", about {size_mb} MB" if size_mb else ""
    return (
        f"the weights of {model} are not on this machine and the model hub cannot be reached. With internet, run "
        f"`hf download {repository} {_WEIGHTS}`{size}, or copy that folder here and name it with "
        "--set embeddings.model=FOLDER. To work offline with the small built-in model: --set embeddings.model=mini"
    )
