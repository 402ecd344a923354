"""METEOR 1.5, by its authors' own Java program; where there is no Java there is no METEOR."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.metrics.statistics import ItemStatistics

__all__ = ["meteor", "why_no_meteor"]

Array = npt.NDArray[np.float64]

# The English parameters of METEOR 1.5 (Denkowski and Lavie 2014), as `-l en` sets them.
_ALPHA, _BETA, _GAMMA, _DELTA = 0.85, 0.2, 0.6, 0.75
_MODULES = np.array([1.0, 0.6, 0.8, 0.6])  # exact, stem, synonym, paraphrase


def why_no_meteor() -> str | None:
    """Why METEOR cannot be computed here, or None."""
    if shutil.which("java") is None:
        return "METEOR 1.5 is a Java program and this machine has no `java`; install a Java runtime to have it"
    if _program() is None:
        return "pycocoevalcap came without meteor-1.5.jar; install it again"
    return None


def meteor(
    candidates: Sequence[str], references: Sequence[Sequence[str]], *, timeout_s: float = 600.0
) -> ItemStatistics:
    """METEOR (Denkowski and Lavie 2014) with coco-caption's options, aggregated over the corpus as METEOR does.

    The alignments are the program's; the formula over their counts is repeated here, so that it can be resampled.
    Starting the program alone takes some seconds.

    Args:
        candidates: n captions, words with spaces between.
        references: those of each.

    Raises:
        RuntimeError: the program fails or takes longer than `timeout_s`; see `why_no_meteor` first.
    """
    lines = [_line(candidate, own) for candidate, own in zip(candidates, references, strict=True)]
    command = ["java", "-Xmx2G", "-jar", str(_program()), "-", "-", "-stdio", "-l", "en", "-norm"]
    text = "\n".join([*lines, ""])
    try:
        done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", timeout=timeout_s, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise RuntimeError(f"METEOR's Java program failed: {error}") from error
    found = [line.split() for line in done.stdout.splitlines()]
    if len(found) != len(lines) or any(len(row) != 23 for row in found):
        raise RuntimeError(f"METEOR's Java program gave {len(found)} lines for {len(lines)}; expected 23 numbers each")
    rows = np.array(found, dtype=np.float64)
    whole = (rows[:, 21] == rows[:, 0]) & (rows[:, 22] == rows[:, 1]) & (rows[:, 20] == 1)
    rows[whole, 20] = 0  # as the program does: a caption equal to its reference is not fragmented
    return ItemStatistics(rows=rows, combine=_combine)


def _line(candidate: str, references: Sequence[str]) -> str:
    parts = [*references, candidate]
    return "SCORE ||| " + " ||| ".join(" ".join(part.replace("|||", "").split()) for part in parts)


def _combine(sums: Array) -> Array:
    """METEOR's formula over sums (..., 23), in the order in which the program prints them."""
    said, wanted, said_function, wanted_function = (sums[..., i] for i in range(4))
    matched = sums[..., 4:20].reshape(*sums.shape[:-1], 4, 4)  # module; content said, wanted, function said, wanted
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = _weigh(matched[..., 0] @ _MODULES, matched[..., 2] @ _MODULES) / _weigh(
            said - said_function, said_function
        )
        recall = _weigh(matched[..., 1] @ _MODULES, matched[..., 3] @ _MODULES) / _weigh(
            wanted - wanted_function, wanted_function
        )
        mean = precision * recall / (_ALPHA * precision + (1 - _ALPHA) * recall)
        fragmentation = sums[..., 20] / ((sums[..., 21] + sums[..., 22]) / 2)  # chunks by words matched
        score = mean * (1 - _GAMMA * fragmentation**_BETA)
    return np.asarray(np.nan_to_num(score, nan=0.0), dtype=np.float64)


def _weigh(content: Array, function: Array) -> Array:
    return np.asarray(_DELTA * content + (1 - _DELTA) * function, dtype=np.float64)


def _program() -> Path | None:
    package = find_spec("pycocoevalcap")
    folders = list(package.submodule_search_locations or ()) if package else []
    return next((path for f in folders if (path := Path(os.fspath(f)) / "meteor" / "meteor-1.5.jar").is_file()), None)
