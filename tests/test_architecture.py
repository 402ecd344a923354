"""The rules of the house, as tests."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("core", "distributed", "demo", "cli")


def modules() -> list[str]:
    found = []
    for package in PACKAGES:
        loaded = importlib.import_module(package)
        found.append(package)
        found += [m.name for m in pkgutil.walk_packages(loaded.__path__, f"{package}.")]
    return found


def test_import_rules_hold() -> None:
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--config",
        str(ROOT / "pyproject.toml"),
        "--no-cache",
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_ours(package: str) -> None:
    """dask ships a package named `distributed`; ours must win."""
    assert ROOT in Path(str(importlib.import_module(package).__file__)).parents


def test_importing_everything_reads_nothing_and_loads_no_heavy_library() -> None:
    light = [m for m in modules() if not m.startswith(("demo", "core.mini.")) and m != "cli.main"]
    script = (
        "import importlib, sys, logging\n"
        f"for name in {light!r}: importlib.import_module(name)\n"
        "import cli.main\n"
        "heavy = {'torch', 'gradio', 'ray', 'sklearn', 'open_clip', 'transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert not logging.getLogger().handlers\n"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", [m for m in modules() if m != "demo" and not m.endswith("__main__")])
def test_public_names_exist_and_are_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what it is for"
    for public in getattr(module, "__all__", ()):
        value = getattr(module, public)
        if callable(value) and getattr(value, "__module__", name) == name and not hasattr(value, "__origin__"):
            assert value.__doc__, f"{name}.{public} has no docstring"


def test_every_ignore_pattern_is_anchored() -> None:
    """Ray applies .gitignore to what it ships: a bare `data/` would also drop `core/data/`."""
    patterns = [line for line in (ROOT / ".gitignore").read_text().splitlines() if line and not line.startswith("#")]
    loose = [p for p in patterns if not p.startswith("/")]
    assert loose == ["__pycache__/", "*.pyc"]


def test_no_registry_or_machine_path_is_named() -> None:
    words = ("pypi.or" + "g", "files.python" + "hosted", "/wor" + "k/", "/opt/py" + "pi")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for path in listed.stdout.splitlines():
        file = ROOT / path
        if file.suffix in {".py", ".md", ".txt", ".toml", ".yaml", ".json", ""} and file.is_file():
            text = file.read_text(encoding="utf-8", errors="ignore")
            assert not [w for w in words if w in text], path
