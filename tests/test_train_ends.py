"""How a run ends: its last weights are evaluated, and what was half replaced is put back."""

from collections.abc import Callable
from pathlib import Path

from core.training.weights import put_back
from tests.train_helpers import recipe, run, write_data


def test_the_last_weights_are_evaluated_where_the_steps_do_not_divide(
    vlm_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    settings = recipe(vlm_folder("git"), write_data(tmp_path / "data"), eval={"every_steps": 3})
    done = run(settings, tmp_path / "run")
    assert done.steps == 8
    evaluated = sorted(path.name for path in (done.folder / "evaluations").glob("step-*"))
    assert evaluated == ["step-000000", "step-000003", "step-000006", "step-000008"]


def test_a_folder_that_a_killed_run_had_moved_away_is_put_back(tmp_path: Path) -> None:
    (tmp_path / ".best.old").mkdir()
    (tmp_path / ".best.old" / "montage.json").write_text("{}")
    put_back(tmp_path / "best")
    assert (tmp_path / "best" / "montage.json").is_file()
    (tmp_path / ".best.old").mkdir()  # the replacement was whole, only the old one not yet removed
    put_back(tmp_path / "best")
    assert (tmp_path / "best" / "montage.json").is_file()
