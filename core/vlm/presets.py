"""The published checkpoints that Montage knows by a short name, and the small ones that are shipped."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.settings import Family as FamilyName
from core.vlm.blip import Blip
from core.vlm.blip2 import Blip2
from core.vlm.family import Family
from core.vlm.florence2 import Florence2
from core.vlm.git import Git

__all__ = ["DEFAULT_PRESET", "FAMILIES", "LEGACY_FLORENCE", "MINI", "PRESETS", "Preset"]

FAMILIES: Mapping[FamilyName, Family] = {family.name: family for family in (Blip2(), Git(), Florence2(), Blip())}


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """A repository of the hub."""

    family: FamilyName
    repository: str
    size_gb: float
    """What is downloaded: parameters times the bytes they are published in, so about right."""


PRESETS: Mapping[str, Preset] = {
    "blip2-flan-t5-xl": Preset(family="blip2", repository="Salesforce/blip2-flan-t5-xl", size_gb=15.8),
    "blip2-opt-2.7b": Preset(family="blip2", repository="Salesforce/blip2-opt-2.7b", size_gb=15.0),
    "git-base": Preset(family="git", repository="microsoft/git-base", size_gb=0.7),
    "git-base-coco": Preset(family="git", repository="microsoft/git-base-coco", size_gb=0.7),
    "git-large-coco": Preset(family="git", repository="microsoft/git-large-coco", size_gb=1.6),
    "florence-2-base": Preset(family="florence2", repository="florence-community/Florence-2-base", size_gb=0.9),
    "florence-2-base-ft": Preset(family="florence2", repository="florence-community/Florence-2-base-ft", size_gb=0.9),
    "florence-2-large-ft": Preset(family="florence2", repository="florence-community/Florence-2-large-ft", size_gb=3.3),
    "blip-base": Preset(family="blip", repository="Salesforce/blip-image-captioning-base", size_gb=1.0),
    "blip-large": Preset(family="blip", repository="Salesforce/blip-image-captioning-large", size_gb=1.9),
}
DEFAULT_PRESET: Mapping[FamilyName, str] = {
    "blip2": "blip2-flan-t5-xl",
    "git": "git-base-coco",
    "florence2": "florence-2-base-ft",
    "blip": "blip-base",
}
LEGACY_FLORENCE: Mapping[str, str] = {
    f"microsoft/Florence-2-{kind}": f"florence-community/Florence-2-{kind}"
    for kind in ("base", "base-ft", "large", "large-ft")
}
"""Repositories that need remote code, and the native ones with the same weights."""
_MINI = Path(__file__).parents[1] / "mini"
MINI: Mapping[FamilyName, Path] = {"blip2": _MINI / "blip2", "git": _MINI / "git"}
"""Shipped with Montage: they know the rendered sample events only."""
