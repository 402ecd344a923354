"""`montage train --ray` and `python -m distributed.train`: what cannot be is told before Ray is started."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import ConfigError

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--num-workers", "3"],
            r"batch of 16 examples .* cannot be divided among 3 workers; take 1, 2, 4, 8, 16 ",
        ),
        (["--num-workers", "2-4"], r"cannot be divided among 3 workers"),
        (["--num-workers", "many"], r"--num-workers: expected a number such as 4, or a range such as 2-8, got 'many'"),
        (["--strategy", "fsdp"], r"fsdp divides the weights that are trained, of which an adapter has few"),
        (["--max-failures", "-2"], r"max_failures: .* got -2"),
        (["--set", "train.output_dir=null"], r"name the run's folder with --out"),
        (
            ["--address", "127.0.0.1:1", "--smoke", "--out", "{out}"],
            r"--address: no Ray cluster answers at",
        ),
    ],
)
def test_what_cannot_be_is_told(options: list[str], message: str, tmp_path: Path) -> None:
    given = [option.format(out=tmp_path / "run") for option in options]
    with pytest.raises(ConfigError, match=message):
        CliRunner().invoke(app, ["train", "--ray", "--recipe", "mini-montage", *given], catch_exceptions=False)
    assert not (tmp_path / "run").exists()


def test_the_module_tells_the_same_with_its_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "distributed.train", "--recipe", "mini-montage", "--num-workers", "5"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert told.returncode == 2
    assert told.stderr.startswith("montage: the recipe's batch of 16 examples")
    assert "Traceback" not in told.stderr
