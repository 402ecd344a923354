"""Full fine-tunes whose weights, gradients and optimizer state are divided among processes (FSDP2, `fully_shard`).

Beside its share of what is trained every process keeps the whole model: the first judges and saves with it, so that
evaluations and checkpoints are those of a single process; the others have it in main memory only.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from core.training.launch import is_main_process, process_count
from core.training.learner import LearningModel, learner
from core.training.settings import Recipe
from core.training.weights import load_trained

_Trainer: Any = object  # `sharded_trainer_class` puts the Trainer in

__all__ = ["ShardedModel", "check_shardable", "shard", "sharded_trainer_class"]

_OPTIMIZER_FILE = "optimizer.pt"
_OPTIMIZERS = ("adamw_torch", "adamw_torch_fused")
"""Those that work on a part of a weight as on the whole."""


def check_shardable(recipe: Recipe) -> None:
    """Refuse what cannot be divided.

    Raises:
        ConfigError: an adapter, or another optimizer than AdamW.
    """
    if recipe.lora.enabled:
        raise ConfigError(
            "fsdp divides the weights that are trained, of which an adapter has few; set lora.enabled=false for a full "
            "fine-tune, or take ddp"
        )
    if recipe.train.optimizer not in _OPTIMIZERS:
        raise ConfigError(f"fsdp works with train.optimizer {' or '.join(_OPTIMIZERS)}, got {recipe.train.optimizer}")


class ShardedModel:
    """A model and its divided copy, which is the one that learns."""

    def __init__(self, model: LearningModel, divided: Any) -> None:
        self.model = model
        self.divided = divided
        self.learner = learner(model, divided)

    def gather(self) -> None:
        """Bring what was learnt into the whole model of the main process; all processes call it."""
        import torch

        with torch.no_grad():
            for whole, part in self._pairs():
                full = part.full_tensor()
                if is_main_process():
                    whole.copy_(full)

    def scatter(self) -> None:
        """Divide what the whole model holds; all processes call it."""
        import torch
        from torch.distributed.tensor import distribute_tensor

        with torch.no_grad():
            for whole, part in self._pairs():
                full = whole.detach().to(part.device)
                part.copy_(distribute_tensor(full, part.device_mesh, part.placements))

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        """Each trained weight, whole and divided."""
        divided = dict(self.divided.named_parameters())
        for name, whole in self.model.model.named_parameters():
            if whole.requires_grad:
                yield whole, divided[name]


def shard(model: LearningModel) -> ShardedModel:
    """Divide a model that is prepared for training: each repeated layer by itself, then what is left."""
    import torch
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    kind, whole = torch.device(model.device).type, model.model.to("cpu")
    mesh = init_device_mesh(kind, (process_count(),))
    found = ShardedModel(model, copy.deepcopy(whole))
    for layer in _layers(found.divided):
        fully_shard(layer, mesh=mesh)
    fully_shard(found.learner, mesh=mesh)
    found.learner._is_fsdp_managed_module = True  # tells the Trainer that gradients may wait for one another
    if is_main_process():
        whole.to(model.device)
    return found


def _layers(module: Any) -> Iterator[Any]:
    """Members of the outermost lists of modules, that is, a transformer's layers."""
    import torch

    for child in module.children():
        if isinstance(child, torch.nn.ModuleList):
            yield from child
        else:
            yield from _layers(child)


class _ShardedTrainer(_Trainer):  # type: ignore[misc]
    """What is other in the Trainer where a `ShardedModel` learns."""

    def set_shards(self, shards: ShardedModel) -> None:
        """Have it leave placement and gradients to FSDP; at once after it was made."""
        self._shards = shards
        self.is_distributed_loading_by_transformers = True

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """As without shards, after they were gathered."""
        self._shards.gather()
        found: dict[str, float] = super().evaluate(*args, **kwargs)
        return found

    def collect(self) -> None:
        """Gather the shards."""
        self._shards.gather()

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        self._shards.gather()
        super()._save(output_dir, state_dict)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_trained(self._shards.model.model, Path(resume_from_checkpoint))
        self._shards.scatter()

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        import torch
        from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

        super()._save_optimizer_and_scheduler(output_dir)
        state = get_optimizer_state_dict(self.model, self.optimizer.optimizer, options=_whole())
        if self.args.should_save:
            torch.save(state, Path(output_dir) / _OPTIMIZER_FILE)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        import torch
        from torch.distributed.checkpoint.state_dict import set_optimizer_state_dict

        if checkpoint is None:
            return
        state = torch.load(Path(checkpoint) / _OPTIMIZER_FILE, map_location="cpu", weights_only=True)
        set_optimizer_state_dict(self.model, self.optimizer.optimizer, state, options=_whole())
        schedule = torch.load(Path(checkpoint) / "scheduler.pt", map_location="cpu", weights_only=True)
        self.lr_scheduler.load_state_dict(schedule)

    def _clip_grad_norm(self, model: Any) -> Any:
        return _full(super()._clip_grad_norm(model))

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        return _full(super()._get_grad_norm(model, grad_norm))

    @contextmanager
    def _defer_fsdp_gradient_reduction(self) -> Iterator[None]:
        self.model.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            self.model.set_requires_gradient_sync(True)


def sharded_trainer_class(trainer_class: Any) -> Any:
    """The Trainer for a `ShardedModel`, made of the one for a whole model."""
    return type("ShardedTrainer", (_ShardedTrainer, trainer_class), {"__doc__": _ShardedTrainer.__doc__})


def _whole() -> Any:
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(full_state_dict=True, cpu_offload=True)


def _full(value: Any) -> Any:
    return value.full_tensor() if hasattr(value, "full_tensor") else value
