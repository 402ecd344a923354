"""A model in training: loaded for it, with or without its vision side; to the Trainer, a batch in and a loss out."""

from collections.abc import Sequence
from typing import Any

from core.errors import ModelError
from core.settings import LoadSettings
from core.training.freeze import frozen_modules, set_trainable
from core.training.lora import add_adapter
from core.training.settings import Recipe
from core.vlm.checkpoint import Checkpoint
from core.vlm.family import IGNORED, Family, Tensor, base
from core.vlm.loading import check_complete, choose_device, choose_dtype, explained, quantization_config, quiet
from core.vlm.model import VisionLanguageModel
from core.vlm.prompts import PromptTemplate

__all__ = ["LearningModel", "learner", "without_vision"]


class LearningModel(VisionLanguageModel):
    """A model whose weights change: loss, captions and features are those of the moment.

    Args:
        checkpoint: the base.
        settings: device and number format of the base's weights.
        prompt: the template it is trained with.
    """

    def __init__(self, checkpoint: Checkpoint, settings: LoadSettings, prompt: PromptTemplate) -> None:
        super().__init__(checkpoint, settings)
        self._prompt = prompt
        self._removed: dict[str, int] = {}
        self.has_vision = True

    @property
    def prompt(self) -> PromptTemplate:
        """The template it is trained with."""
        return self._prompt

    def load_without_vision(self) -> None:
        """Load all but what stored features have passed through; its weights are not even read."""
        with self._lock:
            if self._model is None:
                model, self._removed = _load_without_vision(self.checkpoint, self.settings)
                self.family.adjust(model, self.processor)
                self._model = model
                self.has_vision = False

    def drop_vision(self) -> None:
        """Free the memory of what stored features have passed through."""
        with self._lock:
            self._removed = without_vision(self.model, self.family)
            self.has_vision = False

    def parameter_counts(self) -> dict[str, int]:
        """As of the whole model, also where its vision side is not in memory."""
        counts = super().parameter_counts()
        for part, removed in self._removed.items():
            counts[part] += removed
            counts["total"] += removed
        return counts

    def prepare(self, recipe: Recipe) -> None:
        """Put on a new adapter, or set free the weights that a full fine-tune trains."""
        with self._lock:
            if recipe.train.attention != "auto":
                self.model.set_attn_implementation(recipe.train.attention)
            if recipe.lora.enabled:
                self._model = add_adapter(
                    self.model, self.family, recipe.lora, base_name=self.checkpoint.name, seed=recipe.train.seed
                )
            else:
                set_trainable(self.model, self.family, recipe.freeze)
            if recipe.train.gradient_checkpointing:
                _checkpoint_activations(base(self._model), self.family)

    def features(self, pixel_values: Sequence[Any]) -> Tensor:
        """What the vision side makes of preprocessed photos: (B, T, D).

        Raises:
            ModelError: it was not loaded.
        """
        if not self.has_vision:
            raise ModelError(f"{self.name} was loaded without its vision side, and features of a photo are not stored")
        return super().features(pixel_values)


def learner(model: LearningModel, module: Any = None) -> Any:
    """What the Trainer trains: a module whose forward takes a batch and gives its loss.

    Frozen parts stay in evaluation mode whatever is asked, and the loss of a part of an accumulated batch is weighted
    by its tokens, so that accumulation changes nothing.

    Args:
        module: the network that learns; None takes the model's own.
    """
    import torch

    class Learner(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model.model if module is None else module
            self._frozen = [*frozen_modules(self.model, model.family)]

        def forward(self, num_items_in_batch: Any = None, padding: bool = False, **batch: Any) -> dict[str, Any]:
            if padding:  # of an epoch's end: gradients of zero, so that all processes have some
                return {"loss": model.family.loss(self.model, batch | {"labels": batch["labels"].clamp(min=0)}) * 0}
            loss = model.family.loss(self.model, batch)
            if num_items_in_batch is not None:
                loss = loss * ((batch["labels"] != IGNORED).sum() / num_items_in_batch)
            return {"loss": loss}

        def train(self, mode: bool = True) -> Any:
            super().train(mode)
            for module in self._frozen:
                module.training = False
            return self

    return Learner()


def without_vision(model: Any, family: Family) -> dict[str, int]:
    """Put nothing in place of the layers that stored features have passed through, in place.

    Returns:
        Parameters that were removed, by part. BLIP-2's query tokens, which are no layer, stay.
    """
    import torch

    prefixes = {"vision": family.parts.vision, "bridge": family.parts.bridge}
    removed = dict.fromkeys(family.features_include, 0)
    for part in family.features_include:
        for prefix in prefixes[part]:
            path, _, name = prefix.rstrip(".").rpartition(".")
            owner = base(model).get_submodule(path)
            layer = getattr(owner, name)
            if isinstance(layer, torch.nn.Module):
                removed[part] += sum(parameter.numel() for parameter in layer.parameters())
                setattr(owner, name, torch.nn.Identity())
    return removed


def _load_without_vision(checkpoint: Checkpoint, settings: LoadSettings) -> tuple[Any, dict[str, int]]:
    """As `core.vlm.loading.load_model`, of a class that has no such layers, so that nothing reads their weights.

    Returns:
        The model, and how many parameters it lacks, by part.
    """
    import torch
    import transformers

    whole = getattr(transformers, checkpoint.family.model_class)
    removed: dict[str, int] = {}

    def build(self: Any, config: Any, *args: Any, **kwargs: Any) -> None:
        whole.__init__(self, config, *args, **kwargs)
        removed.update(without_vision(self, checkpoint.family))

    part: Any = type(whole.__name__, (whole,), {"__init__": build, "__module__": whole.__module__})
    options: dict[str, Any] = {"dtype": getattr(torch, choose_dtype(settings))}
    device = choose_device(settings)
    if settings.quantization != "none":
        options |= {"quantization_config": quantization_config(settings), "device_map": {"": device}}
    with torch.inference_mode(False), quiet(), explained(checkpoint, "model"):
        model, info = part.from_pretrained(
            checkpoint.folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **options
        )
        model.__class__ = whole  # whoever saves or checks it knows the class by its published name
        model = model.to(device) if settings.quantization == "none" else model
    check_complete(checkpoint, model, info)
    return model.eval(), removed


def _checkpoint_activations(model: Any, family: Family) -> None:
    if not model.supports_gradient_checkpointing:
        raise ModelError(f"{family.title} cannot compute activations again; set train.gradient_checkpointing=false")
    with quiet():  # not reentrant: the other kind needs inputs with gradients, and so would train a frozen ViT
        enable = getattr(model, "activation_checkpointing_enable", None)
        if enable is not None:
            enable(activation_checkpointing_kwargs={"use_reentrant": False})
        else:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
