"""`montage adapters` as its user meets it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app

Adapters = Callable[[str, int], Path]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    def call(*arguments: str, fails: bool = False) -> Any:
        result = CliRunner().invoke(app, ["adapters", *arguments, "--results", str(tmp_path / "results")])
        assert fails is bool(result.exception), result.output
        return result.exception if fails else result.output

    return call


def test_add_use_show_and_roll_back(
    run: Callable[..., Any], adapter_folder: Adapters, vlm_folder: Callable[[str], Path]
) -> None:
    base = vlm_folder("git")
    added = run("add", str(adapter_folder("git", 1)), "--name", "club-2025", "--base", str(base))
    assert "Use it: montage adapters use club-2025" in added
    assert "In use: club-2025" in run("use", "club-2025")
    rows = json.loads(run("list", "--json"))
    assert {row["adapter"]: row["used"] for row in rows}["club-2025"] is True
    assert "*  club-2025" in run("list")
    shown = json.loads(run("show", "club-2025", "--json"))
    assert shown["base"]["name"] == base.name
    assert len(shown["base"]["checksum"]) == 40
    assert "club-2025" not in run("rollback")


def test_a_misspelt_name_is_told(run: Callable[..., Any], adapter_folder: Adapters, vlm_folder: Any) -> None:
    run("add", str(adapter_folder("git", 1)), "--name", "club-2025", "--base", str(vlm_folder("git")))
    assert "did you mean 'club-2025'?" in str(run("use", "club-2052", fails=True))
