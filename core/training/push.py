"""Upload trained weights with their card to a model hub: only when asked, privately unless told otherwise."""

import re
from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigError, InputError, OutputError
from core.weights import hub_is_offline

__all__ = ["Pushed", "Upload", "plan_upload", "push"]

_KEPT = (".safetensors", ".json", ".txt", ".model", ".md", ".jinja")
_PHOTOS = "card"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """What would be uploaded."""

    folder: Path
    files: dict[str, int]
    """Size in bytes by path within the folder."""
    left_out: tuple[str, ...]
    """Files that are none of a model's."""

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
        raise InputError(f"{chosen} has no README.md, the card that the hub shows; `montage train` writes one")
    every = sorted(path for path in chosen.rglob("*") if path.is_file() and not path.is_symlink())
    names = {path.relative_to(chosen).as_posix(): path.stat().st_size for path in every}
    kept = {name: size for name, size in names.items() if _is_kept(name)}
    return Upload(folder=chosen, files=kept, left_out=tuple(name for name in names if name not in kept))


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
    from huggingface_hub import HfApi, get_token

    token = token or get_token()
    if token is None:
        raise ConfigError("no token for the hub: set HF_TOKEN to one that may write, or run `hf auth login`")
    api = HfApi(token=token)
    try:
        api.create_repo(repository, private=not public, exist_ok=True, repo_type="model")
        done = api.upload_folder(
            repo_id=repository,
            folder_path=upload.folder,
            allow_patterns=[_literal(name) for name in upload.files],
            commit_message=message,
        )
    except Exception as error:  # whatever the hub's client, and the network libraries under it, raise
        told = " ".join(str(error).split())[:300]
        raise OutputError(f"{repository} could not be uploaded to {api.endpoint}: {told}") from None
    return Pushed(url=str(done), upload=upload)


def _is_kept(name: str) -> bool:
    if "/" in name:
        return name.startswith(f"{_PHOTOS}/") and name.endswith(".jpg")
    return name.endswith(_KEPT) and not name.startswith(".")


def _literal(name: str) -> str:
    """A file name as a pattern that matches nothing else."""
    return re.sub(r"([*?\[])", r"[\1]", name)
