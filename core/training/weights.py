"""The trained weights as files: to go on from, and to caption with.

A Trainer's checkpoint holds what is trained: an adapter, or the trained weights of a full fine-tune. `best/` and
`last/` are complete: an adapter with its prompt, or a checkpoint in the hub's layout.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from core.errors import InputError, OutputError
from core.training.learner import LearningModel
from core.vlm.family import base
from core.vlm.loading import quiet
from core.vlm.prompts import write_prompt

__all__ = ["STATE_FILE", "is_over", "last_checkpoint", "load_trained", "put_back", "save_complete", "save_trained"]

_ADAPTER, _TRAINED = "adapter_model.safetensors", "trained.safetensors"
STATE_FILE = "trainer_state.json"
"""Of the Trainer, in each checkpoint; it is written last."""


def save_trained(model: LearningModel, folder: Path) -> None:
    """Write what is trained into a checkpoint's folder, exactly."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    if _is_adapter(model.model):
        _save_adapter(model, folder)
    else:
        trained = {name: p.detach().contiguous() for name, p in model.model.named_parameters() if p.requires_grad}
        save_file(trained, folder / _TRAINED)


def load_trained(model: Any, folder: Path) -> None:
    """Put what `save_trained` wrote back into a model that was prepared in the same way.

    Raises:
        InputError: the checkpoint is of another recipe.
    """
    from safetensors.torch import load_file

    path = folder / (_ADAPTER if _is_adapter(model) else _TRAINED)
    if not path.is_file():
        raise InputError(
            f"{folder} holds no {path.name}: it is a checkpoint of another recipe; begin anew without --resume"
        )
    saved = load_file(path)
    if _is_adapter(model):
        from peft import set_peft_model_state_dict

        result = set_peft_model_state_dict(model, saved)
        strange = result.unexpected_keys
    else:
        wanted = {name for name, p in model.named_parameters() if p.requires_grad}
        strange = sorted(wanted ^ set(saved))
        if not strange:
            model.load_state_dict(saved, strict=False)
    if strange:
        raise InputError(f"{path} is of another recipe (such as {strange[0]}); begin anew elsewhere")


def save_complete(model: LearningModel, folder: Path) -> None:
    """Write what `montage caption` takes: an adapter's folder, or a whole checkpoint; it appears when it is whole.

    Raises:
        OutputError: the folder cannot be written.
    """
    part, old = folder.with_name(f".{folder.name}.part"), _old(folder)
    try:
        put_back(folder)
        for stale in (part, old):
            shutil.rmtree(stale, ignore_errors=True)
        part.mkdir(parents=True)
        if _is_adapter(model.model):
            _save_adapter(model, part)
        else:
            with quiet():
                base(model.model).save_pretrained(part)
                model.processor.save_pretrained(part)
            write_prompt(part, model.prompt)
        if folder.exists():
            os.replace(folder, old)
        os.replace(part, folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from None


def put_back(folder: Path) -> None:
    """Undo the half of a replacement: a run killed between two renames leaves its folder under another name."""
    if not folder.exists() and _old(folder).is_dir():
        os.replace(_old(folder), folder)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is whole: a killed run may leave half of one, whose state comes last."""
    found: list[tuple[int, Path]] = []
    for path in folder.glob("checkpoint-*"):
        try:
            step = int(json.loads((path / STATE_FILE).read_text(encoding="utf-8"))["global_step"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append((step, path))
    return max(found, default=(0, None))[1]


def is_over(checkpoint: Path) -> bool:
    """Whether nothing is left to train after a checkpoint: all steps were made, or training stopped early."""
    state = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))
    control = state.get("stateful_callbacks", {}).get("TrainerControl", {})
    return bool(state["global_step"] >= state["max_steps"] or control.get("args", {}).get("should_training_stop"))


def _save_adapter(model: LearningModel, folder: Path) -> None:
    with quiet():
        model.model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's is a form to fill in
    write_prompt(folder, model.prompt)


def _is_adapter(model: Any) -> bool:
    return hasattr(model, "peft_config")
