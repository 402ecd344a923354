"""The notebook: its cells run in order on a machine without a network, and nothing that they printed is committed."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "git_pokemon.ipynb"
IN_A_KERNEL = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(notebook)
nbclient.NotebookClient(notebook, timeout=600).execute()
for cell in notebook.cells:
    for output in cell.get("outputs", []):
        print(output.get("text", ""))
"""
IN_A_PROCESS = """
import json, sys
names = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
"""


def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return found


def test_no_output_is_committed() -> None:
    code = [cell for cell in cells() if cell["cell_type"] == "code"]
    assert [(cell["outputs"], cell["execution_count"]) for cell in code] == [([], None)] * len(code)
    assert len({cell["id"] for cell in cells()}) == len(cells()), "nbformat 4.5 wants an id of its own for each"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_smoke_variant_runs_from_data_to_captions(tmp_path: Path) -> None:
    has_kernel = all(importlib.util.find_spec(name) for name in ("nbclient", "nbformat", "ipykernel"))
    environment = os.environ | {
        "MONTAGE_SMOKE": "1",
        "MPLBACKEND": "Agg",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    }
    ran = subprocess.run(
        [sys.executable, "-c", IN_A_KERNEL if has_kernel else IN_A_PROCESS, str(NOTEBOOK)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    run = tmp_path / "runs" / "git-pokemon"
    assert (run / "best" / "adapter_model.safetensors").is_file()
    about = json.loads((run / "run.json").read_text(encoding="utf-8"))
    records = (tmp_path / "data" / "pokemon" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert about["data"]["train"]["records"] == len(records) >= 10, "it learns from what was imported"
    assert about["steps"] == 3
    assert '"eval_loss"' in ran.stdout
