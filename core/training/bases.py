"""Fine-tuned models by their folders, and the base that an adapter was trained on, by the name it gives."""

from pathlib import Path

from core.errors import ConfigError, ModelError
from core.vlm.adapters import Adapter, open_adapter
from core.vlm.checkpoint import Checkpoint, open_checkpoint
from core.vlm.names import find_named

__all__ = ["find_base", "open_tuned"]


def find_base(adapter: Adapter, name: str | None = None) -> Checkpoint:
    """Find an adapter's base.

    Args:
        name: as `find_named` takes it; None takes what the adapter names.

    Raises:
        ConfigError, ModelError: as `find_named`; where the adapter names no model that is to be found, says so.
    """
    if name is not None:
        return find_named(name)[0]
    try:
        return find_named(adapter.base)[0]
    except (ConfigError, ModelError) as error:
        told = f"{adapter.folder} was trained on {adapter.base!r}, which is not to be found; name it with --model"
        raise type(error)(f"{told} ({error})") from None


def open_tuned(folder: Path) -> Adapter | Checkpoint:
    """A fine-tuned model by its folder: an adapter, or a whole checkpoint.

    Raises:
        ModelError: it is neither, or damaged.
    """
    if (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file():
        return open_checkpoint(folder, name=str(folder))
    return open_adapter(folder)
