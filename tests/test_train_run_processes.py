"""Several processes on one machine, without Ray: they end as one does, weights whole or divided among them."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.errors import ConfigError
from tests.checkpoints import edit_json
from tests.train_helpers import recipe, run, write_data

ROOT = Path(__file__).parents[1]
PROCESS = """
import json, sys
from pathlib import Path
from core.store import Store
from core.training.recipe import load_recipe
from core.training.run import train

settings, out, sharded, stop_at, resume = json.loads(sys.argv[1])
train(
    load_recipe(settings), Path(out), store=Store(Path(out).parent / "store"), resume=resume, shared_batch=True,
    sharded=sharded, report=lambda step, metrics, checkpoint: checkpoint is not None and step == stop_at,
)
"""


def run_two(settings: Path, out: Path, *, sharded: bool, stop_at: int | None = None, resume: bool = False) -> None:
    """Two processes of one thread, as a launcher starts them."""

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = json.dumps([str(settings), str(out), sharded, stop_at, resume])
    common = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, told],
            cwd=ROOT,
            env=os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    ends = [(process.communicate(timeout=500)[1], process.returncode) for process in processes]
    assert all(code == 0 for _, code in ends), ends[0][0][-3000:]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("sharded", [False, True], ids=["ddp", "fsdp"])
def test_two_processes_end_as_one(vlm_folder: Callable[[str], Path], tmp_path: Path, sharded: bool) -> None:
    """Nine examples in steps of four: the second process has nothing to learn from in the last step of an epoch."""
    base = tmp_path / "base"
    shutil.copytree(vlm_folder("blip2-t5"), base)
    edit_json(base / "config.json", lambda config: config["text_config"].update(dropout_rate=0.0))
    settings = recipe(
        base,
        write_data(tmp_path / "data", train_records=9),
        lora={"enabled": False},
        freeze={"freeze_vision": True},
        train={"lr": 1e-3, "per_device_train_batch_size": 4, "save_every_steps": 2},
        eval={"generate": False},
    )
    alone = run(settings, tmp_path / "alone")
    run_two(alone.folder / "settings.yaml", tmp_path / "two", sharded=sharded, stop_at=2)
    run_two(alone.folder / "settings.yaml", tmp_path / "two", sharded=sharded, resume=True)
    one, two = weights(alone.folder), weights(tmp_path / "two")
    assert one.keys() == two.keys()
    for name, weight in one.items():  # sums in another order, which Adam makes larger where a gradient is all but zero
        assert torch.allclose(weight, two[name], atol=2e-4), name


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "last" / "model.safetensors")


def test_only_full_fine_tunes_are_divided(vlm_folder: Callable[[str], Path], tmp_path: Path) -> None:
    settings = recipe(vlm_folder("git"), write_data(tmp_path / "data"))
    with pytest.raises(ConfigError, match=r"fsdp divides the weights that are trained, .* set lora\.enabled=false"):
        run(settings, tmp_path / "run", sharded=True)
    assert not (tmp_path / "run").exists()
