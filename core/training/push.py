"""Upload trained weights with their card to a model hub: only when asked, privately unless told otherwise."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import ConfigError, InputError, OutputError
from core.training.bases import is_path, published_name
from core.weights import hub_is_offline

__all__ = ["Pushed", "Upload", "plan_upload", "push"]

_KEPT = (".safetensors", ".json", ".txt", ".model", ".md", ".jinja")
_PHOTOS = "card"
_NAME_KEYS = ("base_model_name_or_path", "_name_or_path", "name_or_path")
"""Where PEFT and transformers write what a model was made from, which may be a folder of this machine."""
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """What would be uploaded."""

    folder: Path
    files: dict[str, int]
    """Size in bytes by path within the folder."""
    left_out: tuple[str, ...]
    """Files that are none of a model's."""
    mended: dict[str, bytes] = field(default_factory=dict, repr=False)
    """What is uploaded in place of files that name a folder of this machine: the same with that folder's name alone."""

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(self.files.values())

    @property
    def photos(self) -> list[str]:
        """Small pictures of photos that the card shows."""
        return [name for name in self.files if name.startswith(f"{_PHOTOS}/")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """What was uploaded."""

    url: str
    """Of the commit."""
    upload: Upload


def plan_upload(folder: Path) -> Upload:
    """What of a folder is uploaded: weights in safetensors, their configuration, the card and its pictures.

    Args:
        folder: an adapter's or a checkpoint's, or a run's, of which `best/` (else `last/`) is taken.

    Raises:
        InputError: there is no model in it, or no card.
    """
    chosen = next((folder / name for name in ("best", "last") if (folder / name).is_dir()), folder)
    if not any((chosen / name).is_file() for name in ("adapter_config.json", "config.json")):
        raise InputError(f"{chosen} holds no model; name an adapter's folder, a checkpoint's, or a run's")
    if not (chosen / "README.md").is_file():
        raise InputError(
            f"{chosen} has no README.md, the card that the hub shows; `montage train` and `montage merge` write one"
        )
    every = sorted(path for path in chosen.rglob("*") if path.is_file() and not path.is_symlink())
    names = {path.relative_to(chosen).as_posix(): path.stat().st_size for path in every}
    kept = {name: size for name, size in names.items() if _is_kept(name)}
    mended = {name: text for name in kept if (text := _without_paths(chosen / name)) is not None}
    return Upload(
        folder=chosen,
        files=kept | {name: len(text) for name, text in mended.items()},
        left_out=tuple(name for name in names if name not in kept),
        mended=mended,
    )


def push(
    upload: Upload,
    repository: str,
    *,
    public: bool = False,
    message: str = "Upload by montage push",
    token: str | None = None,
) -> Pushed:
    """Upload to a repository of the hub ($HF_ENDPOINT's, if set), which is made, private, where it does not exist.

    Args:
        upload: from `plan_upload`.
        repository: `organisation/name`.
        public: make a new repository public; an existing one stays as it is.
        token: None takes $HF_TOKEN, or what `hf auth login` saved.

    Raises:
        ConfigError: no such name, no token, or HF_HUB_OFFLINE is set.
        OutputError: the hub refuses, or cannot be reached.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise ConfigError(f"a repository is organisation/name, got {repository!r}")
    if hub_is_offline():
        raise ConfigError("HF_HUB_OFFLINE is set, so nothing is uploaded; unset it to push")
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    token = token or get_token()
    if token is None:
        raise ConfigError("no token for the hub: set HF_TOKEN to one that may write, or run `hf auth login`")
    api = HfApi(token=token)
    try:
        api.create_repo(repository, private=not public, exist_ok=True, repo_type="model")
        parts = [CommitOperationAdd(name, upload.mended.get(name, upload.folder / name)) for name in upload.files]
        done = api.create_commit(repository, parts, commit_message=message)
    except Exception as error:  # whatever the hub's client, and the network libraries under it, raise
        told = " ".join(str(error).split())[:300]
        raise OutputError(f"{repository} could not be uploaded to {api.endpoint}: {told}") from None
    return Pushed(url=str(done), upload=upload)


def _is_kept(name: str) -> bool:
    if "/" in name:
        return name.startswith(f"{_PHOTOS}/") and name.endswith(".jpg")
    return name.endswith(_KEPT) and not name.startswith(".")


def _without_paths(path: Path) -> bytes | None:
    """A configuration with names in place of paths of this machine; None where it holds no path."""
    if not path.name.endswith("config.json"):
        return None
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}") from None
    after = _named(before)
    return None if after == before else (json.dumps(after, ensure_ascii=False, indent=2) + "\n").encode()


def _named(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _named(one, name) for name, one in value.items()}
    if key in _NAME_KEYS and isinstance(value, str) and is_path(value):
        return published_name(value)
    return value
