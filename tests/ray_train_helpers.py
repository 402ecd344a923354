"""What the tests of training on Ray share; imports Ray only when it is asked for something."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

RAY_WARNINGS = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Ray's own."""


class Reported:
    """What came to Ray's controller, which is another process: each step that workers report, and each failure."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def callback(self) -> Any:
        """For `ray.train.RunConfig`."""
        from ray.train import UserCallback

        path = self._path

        class Notes(UserCallback):
            def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
                with path.open("a") as file:
                    file.write(f"{metrics[0]['step']}\n")

            def after_exception(self, run_context: Any, worker_exceptions: Mapping[int, Exception]) -> None:
                with path.open("a") as file:
                    file.write("failed\n")

        return Notes()

    def steps(self) -> list[int]:
        """Reported so far, in order."""
        return [int(line) for line in self._lines() if line != "failed"]

    def failures(self) -> int:
        """Times that workers failed."""
        return self._lines().count("failed")

    def _lines(self) -> list[str]:
        return self._path.read_text().split() if self._path.is_file() else []
