"""`montage doctor`: what it finds on this machine, and whether it sees when a model does not work."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.checkup import examine_model
from core.config import load_config
from core.doctor import examine_machine
from core.store import Store
from tests.checkpoints import build
from tests.fakes import picture

STEPS = ["files", "processor", "weights", "prompt", "looks at the photo", "loss", "caption"]
PICTURES = [picture(1), picture(2)]


def settings() -> Any:
    return load_config(overrides=["captioner.decoding.max_new_tokens=6"]).settings.captioner


def test_the_machine(store: Store) -> None:
    store.put_json("caption", "ab" * 20, ["x"])
    found = {finding.subject: finding for finding in examine_machine(store)}
    assert {"machine", "libraries", "bitsandbytes", "ray", "gpu", "model hub", "store", "built-in models"} <= set(found)
    assert "1 caption" in found["store"].detail
    assert "HF_HUB_OFFLINE" in found["model hub"].detail
    assert not [finding for finding in found.values() if finding.status == "failed"]


@pytest.mark.parametrize("name", ["blip2-t5", "blip2-opt", "git", "florence2", "blip"])
def test_a_model_that_works(vlm: Callable[[str], Any], name: str) -> None:
    found = list(examine_model(vlm(name), "a photo", PICTURES, settings()))
    assert [(finding.subject, finding.status) for finding in found] == [(step, "ok") for step in STEPS]
    facts = {finding.subject: finding.facts or {} for finding in found}
    assert facts["weights"]["parameters"]["total"] > 50_000
    assert (facts["prompt"]["image_tokens"] > 0) == (name.startswith("blip2") or name == "florence2")


def test_a_model_that_does_not_look_at_the_photo(tmp_path: Path) -> None:
    """Weights that drop everything the vision side says: transformers loads and captions without a word."""
    from safetensors.torch import load_file, save_file

    from tests.vlm_helpers import open_model

    folder = build("blip2", tmp_path / "blind")
    state = load_file(folder / "model.safetensors")
    for name in state:
        if name.startswith("language_projection."):
            state[name] = state[name] * 0
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    found = list(examine_model(open_model(folder), "a photo", PICTURES, settings()))
    assert found[-1].subject == "looks at the photo"
    assert found[-1].status == "failed"
    assert "does not look at the photo" in found[-1].detail


def doctor(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", "doctor", *map(str, arguments)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], env=environment)


def test_the_command(vlm_folder: Callable[[str], Path], tmp_path: Path) -> None:
    result = doctor("--model", vlm_folder("git"), "--json", "--set", "captioner.decoding.max_new_tokens=6")
    assert result.returncode == 0, result.stderr
    subjects = [finding["subject"] for finding in json.loads(result.stdout)]
    assert subjects[-len(STEPS) :] == STEPS
    (tmp_path / "config.json").write_text("{}")
    broken = doctor("--model", tmp_path)
    assert broken.returncode == 4
    assert "holds a model of type None; expected one of" in broken.stdout
    assert "does not work here; see above" in broken.stderr
    assert "Traceback" not in broken.stderr
