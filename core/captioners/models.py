"""Which models a run's captioners use: checkpoint and adapter of each family, and what the user must know of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.config import LoadedConfig
from core.errors import ConfigError, ModelError
from core.registry import adapter_folder, default_results_root
from core.settings import CaptionerSettings, Family
from core.vlm.adapters import Adapter, open_adapter
from core.vlm.checkpoint import Checkpoint, find_checkpoint
from core.vlm.model import VisionLanguageModel
from core.vlm.prompts import CLUB_PROMPT, PromptTemplate

__all__ = ["Captioners", "choose_adapter", "choose_captioners", "choose_model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Captioners:
    """The models of a run, none of them loaded yet."""

    models: Mapping[Family, VisionLanguageModel] = field(default_factory=dict)
    prompts: Mapping[Family, PromptTemplate] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    """Sentences for the user, e.g. that a family's default was replaced by mini."""

    def told(self, sentence: str | None) -> "Captioners":
        """The same, with a sentence for the user before the others."""
        return self if sentence is None else replace(self, notices=(sentence, *self.notices))


def choose_captioners(loaded: LoadedConfig) -> Captioners:
    """Find the models that the settings' modes need; in template mode none is looked for, and no adapter either.

    Raises:
        ModelUnavailableError, ModelError, ConfigError: as `find_checkpoint` and `open_adapter` do, or an adapter that
            fits none of the families, or a prompt that is not the one the adapter was trained with.
    """
    settings = loaded.settings.captioner
    if "captioner" not in loaded.settings.pipeline or not settings.families:
        return Captioners()
    adapter = _named_adapter(settings.adapter_path) if settings.adapter_path is not None else None
    owner = _owner(adapter, settings) if adapter is not None else None
    models: dict[Family, VisionLanguageModel] = {}
    prompts: dict[Family, PromptTemplate] = {}
    notices: list[str] = []
    for family in settings.families:
        checkpoint, notice = find_checkpoint(family, getattr(settings.models, family))
        mine = adapter if family == owner else None
        models[family], prompts[family], more = choose_model(checkpoint, settings, mine)
        notices += [text for text in (notice, *more) if text]
    return Captioners(models=models, prompts=prompts, notices=tuple(notices))


def choose_model(
    checkpoint: Checkpoint, settings: CaptionerSettings, adapter: Adapter | None
) -> tuple[VisionLanguageModel, PromptTemplate, list[str]]:
    """A model with its adapter, the prompt it is to be given, and sentences for the user.

    Raises:
        ConfigError: the settings' prompt is not the one the adapter was trained with.
    """
    model, notices = VisionLanguageModel(checkpoint, settings.load, adapter=adapter), []
    prompt = model.prompt
    if adapter is not None and adapter.prompt is None:
        prompt = CLUB_PROMPT
        if settings.prompt is None:
            notices.append(
                f"The adapter {adapter.name} does not say what prompt it was trained with, so it is given Montage's "
                "own; if it was another, set captioner.prompt."
            )
    if settings.prompt is not None:
        if adapter is not None and adapter.prompt is not None and adapter.prompt.text != settings.prompt:
            raise ConfigError(
                f"captioner.prompt is {settings.prompt!r}, but the adapter {adapter.name} was trained with "
                f"{adapter.prompt.text!r} and works with that only; leave captioner.prompt out"
            )
        if settings.prompt != prompt.text:  # else the template as it was saved, with what it says of missing labels
            prompt = PromptTemplate(text=settings.prompt)
    return model, prompt, notices


def choose_adapter(flag: Path | None, checkpoint: Checkpoint, settings: CaptionerSettings) -> Adapter | None:
    """The adapter of one model: the flag's, else the settings' where it is for this family."""
    if flag is not None:
        return _named_adapter(str(flag))
    if settings.adapter_path is None:
        return None
    adapter = _named_adapter(settings.adapter_path)
    return adapter if adapter.family in (None, checkpoint.family.name) else None


def _named_adapter(name: str) -> Adapter:
    return open_adapter(adapter_folder(name, default_results_root()))


def _owner(adapter: Adapter, settings: CaptionerSettings) -> Family:
    """The family that the adapter is for."""
    if adapter.family is None and len(settings.families) == 1:
        return settings.families[0]
    if adapter.family is None:
        raise ModelError(
            f"{adapter.folder} does not say which family it was trained for; name one model in captioner.mode, "
            f"not {', '.join(settings.families)}"
        )
    if adapter.family not in settings.families:
        raise ModelError(
            f"{adapter.folder} was trained for {adapter.base}, a {adapter.family} model, but captioner.mode "
            f"({', '.join(settings.mode)}) has none; add {adapter.family} or leave adapter_path out"
        )
    return adapter.family
