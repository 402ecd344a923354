"""Find a model's files: shipped, in a folder, in the hub's cache, or on the hub. Loads no model.

Safetensors only: pickled weights run code when they are loaded, and there is no fallback to them.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from core.config import nearest
from core.errors import ConfigError, ModelError, ModelUnavailableError
from core.settings import Family as FamilyName
from core.store import digest
from core.vlm.family import Family
from core.vlm.presets import DEFAULT_PRESET, FAMILIES, LEGACY_FLORENCE, MINI, PRESETS
from core.vlm.prompts import PromptTemplate, read_prompt
from core.weights import hub_is_reachable, weights_checksum

__all__ = ["Checkpoint", "find_checkpoint", "from_hub", "open_checkpoint"]

_PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model")
_IMAGE_FILES = ("processor_config.json", "preprocessor_config.json")
_PICKLED = {".bin", ".pt", ".pth", ".pkl", ".ckpt"}
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A complete model on this machine."""

    name: str
    """As the user knows it: `mini`, a preset, a hub id, a path."""
    folder: Path
    family: Family
    key: str
    """Checksum that changes whenever the outputs may."""
    config: dict[str, Any] = field(repr=False)
    weights: tuple[Path, ...] = field(repr=False)
    prompt: PromptTemplate
    """What the model was trained with, else what its family is asked."""


def find_checkpoint(family: FamilyName, name: str = "auto") -> tuple[Checkpoint, str | None]:
    """Find or download the checkpoint that a family is to use.

    Args:
        name: `auto`, `mini`, a preset, a hub id (`org/name`), or a folder. `auto` takes the family's preset where it
            is on this machine, else mini: it never begins a download of gigabytes that nobody asked for. Families
            without a mini are downloaded when the hub can be reached.

    Returns:
        The checkpoint, and a sentence for the user where `auto` took mini.

    Raises:
        ModelUnavailableError: the weights are neither here nor reachable; says what would be downloaded.
        ModelError: the files are incomplete, damaged, of another family, or pickled.
        ConfigError: no such preset or folder.
    """
    if name == "auto":
        return _automatic(family)
    if name == "mini":
        if family not in MINI:
            raise ConfigError(f"captioner.models.{family}: there is no mini of {family}; minis: {', '.join(MINI)}")
        return open_checkpoint(MINI[family], name=f"mini-{family}", family=family), None
    if Path(name).is_dir():
        return open_checkpoint(Path(name), name=name, family=family), None
    if name in PRESETS:
        if PRESETS[name].family != family:
            raise ConfigError(f"captioner.models.{family}: {name} is a {PRESETS[name].family} model")
        return from_hub(family, name, PRESETS[name].repository), None
    if name in LEGACY_FLORENCE:
        raise ModelError(_legacy(name))
    if name.count("/") != 1 or name.startswith((".", "~", "/")):
        choices = [preset for preset in PRESETS if PRESETS[preset].family == family]
        hint = nearest(name, [*choices, "auto", *(["mini"] if family in MINI else [])])
        raise ConfigError(f"captioner.models.{family}: no model or folder {name!r}; {hint}")
    return from_hub(family, name, name), None


def open_checkpoint(folder: Path, *, name: str, family: FamilyName | None = None) -> Checkpoint:
    """Check a folder in the hub's layout: configuration, weights and processor of one of the four families.

    Args:
        family: the one that is expected; None takes whatever the folder holds.

    Raises:
        ModelError: see `find_checkpoint`.
    """
    config = _read_json(folder / "config.json", f"{folder} is not a model folder: config.json is missing")
    found = _family(folder, config)
    if family is not None and found.name != family:
        raise ModelError(f"{folder} holds a {found.title} model ({found.name}), but {family} was asked for")
    weights = _weights(folder)
    _check_processor(folder)
    small = [path for path in sorted(folder.iterdir()) if path.suffix in (".json", ".txt", ".model")]
    parts = [part for path in small for part in (path.name, path.read_bytes())]
    return Checkpoint(
        name=name,
        folder=folder,
        family=found,
        key=digest("checkpoint", *parts, *[weights_checksum(path) for path in weights]),
        config=config,
        weights=weights,
        prompt=read_prompt(folder) or PromptTemplate(text=found.base_prompt),
    )


def _automatic(family: FamilyName) -> tuple[Checkpoint, str | None]:
    preset = DEFAULT_PRESET[family]
    cached = cached_snapshot(PRESETS[preset].repository)
    if cached is not None:
        return open_checkpoint(cached, name=preset, family=family), None
    if family not in MINI:
        return from_hub(family, preset, PRESETS[preset].repository), None
    notice = (
        f"{FAMILIES[family].title} here is the small built-in model mini-{family}, which knows only rendered sample "
        f"scenes: what it says of real photos is not to be believed. For a real one, once, with internet: "
        f"--set captioner.models.{family}={preset} (about {PRESETS[preset].size_gb:g} GB)."
    )
    return open_checkpoint(MINI[family], name=f"mini-{family}", family=family), notice


def from_hub(family: FamilyName | None, name: str, repository: str) -> Checkpoint:
    """A checkpoint from the hub's cache, else downloaded; `family` as in `open_checkpoint`."""
    folder = cached_snapshot(repository)
    if folder is None:
        folder = _download(family, name, repository)
    return open_checkpoint(folder, name=name, family=family)


def cached_snapshot(repository: str) -> Path | None:
    """The folder of a hub repository that was downloaded before; None where it was not."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(repository, local_files_only=True))
    except (LocalEntryNotFoundError, FileNotFoundError, ValueError):
        return None
    try:
        _weights(folder)
        _check_processor(folder)
    except ModelError:  # a download that broke off, or of another program that took other files
        return None
    return folder if (folder / "config.json").is_file() else None


def _download(family: FamilyName | None, name: str, repository: str) -> Path:
    from huggingface_hub import snapshot_download

    if not hub_is_reachable():
        raise ModelUnavailableError(_how_to_get(family, name, repository, "the model hub cannot be reached"))
    try:
        return Path(snapshot_download(repository, allow_patterns=list(_PATTERNS)))
    except Exception as error:  # whatever the hub's client, and the network libraries under it, raise
        why = f"could not be downloaded ({' '.join(str(error).split())[:300]})"
        raise ModelUnavailableError(_how_to_get(family, name, repository, why)) from None


def _how_to_get(family: FamilyName | None, name: str, repository: str, why: str) -> str:
    size = next((f", about {p.size_gb:g} GB" for p in PRESETS.values() if p.repository == repository), "")
    include = " ".join(f"'{pattern}'" for pattern in _PATTERNS)
    minis = " or ".join(f"mini-{mini}" for mini in MINI)
    if family in MINI:
        offline = f"--set captioner.models.{family}=mini (montage describe: --model mini-{family})"
    else:
        offline = f"--mode {' or '.join(MINI)} (montage describe: --model {minis}); {name} has no small one"
    return (
        f"the weights of {name} ({repository}{size}) are not on this machine and {why}. "
        f"With internet, run `hf download {repository} --include {include}`, or copy that folder here and give its "
        f"path instead of {name}. To work offline with a small built-in model: {offline}"
    )


def _family(folder: Path, config: dict[str, Any]) -> Family:
    if "Florence2" in json.dumps(config.get("auto_map", {})) or (
        config.get("model_type") == "florence2" and "florence2_language" in json.dumps(config.get("text_config"))
    ):
        raise ModelError(_legacy(str(folder)))
    for family in FAMILIES.values():
        if config.get("model_type") == family.model_type:
            architectures = config.get("architectures") or [family.model_class]
            if family.model_class not in architectures:
                raise ModelError(
                    f"{folder} holds a {architectures[0]}; to write captions it must be {family.model_class}"
                )
            return family
    known = ", ".join(f"{family.model_type} ({family.title})" for family in FAMILIES.values())
    raise ModelError(f"{folder} holds a model of type {config.get('model_type')!r}; expected one of {known}")


def _legacy(name: str) -> str:
    native = LEGACY_FLORENCE.get(f"microsoft/{Path(name).name}", "florence-community/Florence-2-base-ft (and so on)")
    return (
        f"{name} is the older layout of Florence-2, which runs code from its own repository when it is loaded; "
        f"Montage does not. Use the native repository with the same weights: {native}"
    )


def _weights(folder: Path) -> tuple[Path, ...]:
    """All safetensors of a checkpoint, complete; one file goes before shards, as in transformers."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        paths = [single]
    elif index.is_file():
        paths = [folder / name for name in _shards(index)]
    else:
        pickled = sorted(path.name for path in folder.glob("*") if path.suffix in _PICKLED)
        hint = f" ({', '.join(pickled[:3])} would run code when loaded; convert it to safetensors)" if pickled else ""
        raise ModelError(f"{folder} holds no model.safetensors{hint}")
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise ModelError(
            f"{folder}: {len(missing)} of {len(paths)} weight files are missing ({', '.join(missing[:3])}); "
            "the download broke off: run it again"
        )
    for path in paths:
        try:
            with safe_open(path, framework="np"):
                pass  # reads the header, which says how long the file must be
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"{path} is cut short or no safetensors file ({error}); download it again, and after a git clone run "
                "git lfs pull"
            ) from None
    return tuple(paths)


def _shards(index: Path) -> list[str]:
    weight_map = _read_json(index, "").get("weight_map")
    names = weight_map.values() if isinstance(weight_map, dict) else []
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise ModelError(f"{index} is damaged: expected weight_map with the file of each weight; download it again")
    return sorted(set(names))


def _check_processor(folder: Path) -> None:
    found = {name: _read_json(folder / name, "") for name in _IMAGE_FILES if (folder / name).is_file()}
    if _IMAGE_FILES[1] not in found and "image_processor" not in found.get(_IMAGE_FILES[0], {}):
        raise ModelError(
            f"{folder} has no processor: {_IMAGE_FILES[1]} is missing. Copy it, and the tokenizer's files, from the "
            "model that this one was made from (a Trainer's checkpoint has none of its own)"
        )
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        alone = "; spiece.model alone is not read" if (folder / "spiece.model").is_file() else ""
        raise ModelError(f"{folder} has no tokenizer: expected one of {', '.join(_TOKENIZER_FILES)}{alone}")


def _read_json(path: Path, missing: str) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(missing)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged: {error}") from None
    if not isinstance(data, dict):
        raise ModelError(f"{path} is damaged: expected keys and values, got {type(data).__name__}")
    return data
