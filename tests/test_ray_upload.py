"""What a job ships: listed by Ray's own packaging, of this repository and of one with traps laid in it."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_BYTES = 60 * 1024 * 1024


def shipped(folder: Path, scratch: Path) -> dict[str, int]:
    """Files that `ray job submit --working-dir FOLDER` uploads, with their bytes in the package."""
    from ray._private.runtime_env.packaging import create_package
    from ray._private.runtime_env.working_dir import upload_working_dir_if_needed

    package = scratch / "package.zip"

    def upload(path: str, excludes: list[str] | None, is_file: bool = False) -> None:
        create_package(path, package, include_gitignore=True, excludes=excludes)

    upload_working_dir_if_needed({"working_dir": str(folder)}, include_gitignore=True, upload_fn=upload)
    with zipfile.ZipFile(package) as archive:
        return {info.filename: info.compress_size for info in archive.infolist() if not info.is_dir()}


def test_this_folder_ships_small_and_whole(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = shipped(ROOT, tmp_path)
    tracked = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    assert tracked <= found.keys(), "all that is committed is shipped"
    heads = {name.split("/")[0] for name in found}
    assert not heads & {".git", ".venv", "build", "out", "sample", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
    assert not [name for name in found if "__pycache__" in name or name.startswith("results/runs/")]
    largest = sorted(found.items(), key=lambda item: -item[1])[:5]
    assert sum(found.values()) < MOST_BYTES, f"the largest: {largest}"
    assert {"distributed/__init__.py", "tune_configs/joint_sweep.yaml", "core/defaults.yaml"} <= found.keys()


KEPT = [
    "core/data/x.json", "core/build/x.py", "core/out/x.py", "core/results/runs/x.csv", "docs/sample/x.md",
    "adapters/club/adapter_config.json", "adapters/best.json", "tests/results/runs/x.csv",
]  # fmt: skip
LEFT = [
    ".venv/bin/python", "build/big.bin", "out/posts.json", "sample/a.jpg", "results/runs/one/log.csv",
    "results/trials/ab/adapter.bin",
    "results/adapters/club/adapter_model.safetensors", "results/best.json",
    ".git/config", ".hypothesis/x", "core/__pycache__/x.pyc", "core/x.pyc",
    ".mypy_cache/x",
]  # fmt: skip


def test_patterns_take_away_what_they_name_and_nothing_that_is_called_alike(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    for name in (*KEPT, *LEFT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    shutil.copy(ROOT / ".gitignore", folder / ".gitignore")
    assert sorted(shipped(folder, tmp_path)) == sorted([*KEPT, ".gitignore"])
