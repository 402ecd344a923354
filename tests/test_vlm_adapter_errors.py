"""LoRA adapters that are damaged, or that PEFT or Montage does not take."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import ModelError
from core.vlm.adapters import open_adapter
from core.vlm.model import VisionLanguageModel
from tests.checkpoints import edit_json
from tests.vlm_helpers import captions

Models = Callable[[str], VisionLanguageModel]


def damage(folder: Path, how: str) -> None:
    config, weights = folder / "adapter_config.json", folder / "adapter_model.safetensors"
    if how == "pickled":
        weights.rename(folder / "adapter_model.bin")
    elif how == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif how == "no config":
        config.unlink()
    elif how == "no JSON":
        config.write_text("{")
    elif how == "a list":
        config.write_text("[]")
    elif how == "prompt":
        (folder / "montage.json").write_text('{"prompt": {"txt": "a"}}')
    else:
        edit_json(config, lambda data: data.update(json.loads(how)))


DAMAGED = {
    "pickled": r"not an adapter folder: adapter_model.safetensors is missing \(adapter_model.bin would run code",
    "cut": "is damaged: .*SafetensorError",
    "no config": "not an adapter folder: adapter_config.json is missing$",
    "no JSON": "is damaged: JSONDecodeError",
    "a list": "is damaged: AttributeError",
    "prompt": r"montage.json is damaged: .*expected \{\"prompt\"",
    '{"peft_type": "IA3"}': "expected a LoRA adapter, got peft_type 'IA3'",
    '{"peft_type": null}': "expected a LoRA adapter, got peft_type None",
    '{"init_lora_weights": "pissa_niter_4"}': "a base changed by pissa_niter_4; save it again with path_initial_model",
    '{"bias": "all"}': "changes the base itself",
    '{"layer_replication": [[0, 1]]}': "changes the base itself",
}


@pytest.mark.parametrize(("how", "words"), DAMAGED.items(), ids=DAMAGED)
def test_damaged_adapters_are_refused(adapter_folder: Any, tmp_path: Path, how: str, words: str) -> None:
    folder = tmp_path / "a"
    shutil.copytree(adapter_folder("git", 1), folder)
    damage(folder, how)
    with pytest.raises(ModelError, match=rf"{re.escape(str(folder))}.*{words}"):
        open_adapter(folder)


@pytest.mark.parametrize("change", ['{"r": "many"}', '{"target_modules": "nothing"}', '{"r": 3}'])
def test_settings_that_peft_does_not_take_are_told(
    vlm: Models, adapter_folder: Any, tmp_path: Path, change: str
) -> None:
    folder = tmp_path / "a"
    shutil.copytree(adapter_folder("git", 1), folder)
    damage(folder, change)
    model = vlm("git")
    plain = captions(model)
    with pytest.raises(ModelError, match=re.escape(str(folder))):
        model.use_adapter(open_adapter(folder))
    assert captions(model) == plain
