"""A model by whatever name a person gives it: a family, a preset, mini, a hub id, a folder."""

from pathlib import Path

from core.config import nearest
from core.errors import ConfigError
from core.settings import ModelChoice
from core.vlm.checkpoint import Checkpoint, find_checkpoint, from_hub, open_checkpoint
from core.vlm.presets import FAMILIES, LEGACY_FLORENCE, MINI, PRESETS

__all__ = ["find_named", "known_names"]


def known_names() -> list[str]:
    """Families, minis and presets."""
    return [*FAMILIES, *(f"mini-{family}" for family in MINI), *PRESETS]


def find_named(name: str, models: ModelChoice | None = None) -> tuple[Checkpoint, str | None]:
    """Find or download a model whose family the name need not say.

    Args:
        models: the settings' checkpoints, for a name that is a family's; None takes `auto`.

    Returns:
        The checkpoint, and a sentence for the user where it is a mini.

    Raises:
        ModelUnavailableError, ModelError, ConfigError: as `find_checkpoint`.
    """
    for family in FAMILIES:
        if name == family:
            return find_checkpoint(family, "auto" if models is None else getattr(models, family))
        if name == f"mini-{family}" and family in MINI:
            knows = "knows only rendered sample scenes: what it says of real photos is not to be believed."
            return find_checkpoint(family, "mini")[0], f"{name} {knows}"
    if Path(name).is_dir():
        return open_checkpoint(Path(name), name=name), None
    if name in PRESETS:
        return find_checkpoint(PRESETS[name].family, name)
    if name in LEGACY_FLORENCE:
        return find_checkpoint("florence2", name)
    if name.count("/") == 1 and not name.startswith((".", "~", "/")):
        family_of = {preset.repository: preset.family for preset in PRESETS.values()}
        return from_hub(family_of.get(name), name, name), None
    raise ConfigError(f"no model or folder {name!r}; {nearest(name, known_names())}")
