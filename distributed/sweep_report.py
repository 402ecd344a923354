"""What a sweep leaves behind: pictures, the summary with its signature, and the winner in the registry."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.config import config_hash
from core.errors import MontageError
from core.training.run_folder import provenance
from distributed.publish_best import publish_best
from distributed.sweep_board import Board, Row, Tried
from distributed.sweep_final import Final
from distributed.sweep_folder import SweepFolder
from distributed.sweep_plots import draw_importance, draw_metric_against, draw_parallel, points_of
from distributed.sweep_prepare import Prepared
from distributed.sweep_shared import Sweep
from distributed.sweep_write import scored_in

__all__ = ["draw_plots", "publish", "summary"]


def draw_plots(sweep: Sweep, board: Board, tried: Sequence[Tried], folder: SweepFolder) -> None:
    """`plots/`: of models and decodings against each metric of the objective, of groupings against their gain."""
    pairs, groups = _flat(sweep, board, tried)
    wanted = {"rougeL": ("rougeL",), "clip": ("clip_cosine",)}.get(sweep.settings.objective, ("rougeL", "clip_cosine"))
    parameters = [*sweep.settings.param_space.training, *(f"decoding.{n}" for n in sweep.settings.param_space.decoding)]
    jobs = [(pairs, parameters, metric, f"{sweep.name}: {metric} on validation") for metric in wanted]
    names = [f"cluster.{name}" for name in sweep.settings.param_space.clustering]
    jobs.append((groups, names, f"posts.{sweep.settings.grouping}", f"{sweep.name}: groupings of the best captions"))
    for rows, named, metric, title in jobs:
        points = points_of(rows, named, metric)
        own = metric.replace(".", "-")
        for kind, picture in (
            ("parallel", draw_parallel(points, metric, title)),
            ("importance", draw_importance(points, title)),
            ("parameters", draw_metric_against(points, metric, title)),
        ):
            if picture is not None:
                folder.write(Path("plots") / f"{kind}-{own}.png", picture)


def publish(
    sweep: Sweep, best: Row, tried: Sequence[Tried], final: Final, base: Mapping[str, str], results: Path
) -> tuple[Path | None, str]:
    """Put the winner into the registry; its folder there, or why it is not."""
    one = next(one for one in tried if one.number == best.trial)
    assert one.trial is not None
    chosen = sweep.cache.folder(one.key) / one.trial.chosen
    if not (chosen / "adapter_config.json").is_file():
        return None, f"a full fine-tune is a whole model, not an adapter; it lies in {chosen}"
    decoding, grouping = sweep.decodings[best.decoding or 0], sweep.groupings[best.grouping or 0]
    try:
        folder = publish_best(
            chosen,
            results=results,
            name=sweep.name,
            base=base,
            decoding=decoding.model_dump(mode="json"),
            clustering=grouping.model_dump(mode="json"),
            metrics={name: _rounded(figure.value) for name, figure in final.figures.items()},
            source={"sweep": sweep.name, "trial": best.trial, "key": one.key, "command": sweep.command},
        )
    except MontageError as error:
        return None, str(error)
    return folder, ""


def summary(
    ready: Prepared,
    board: Board,
    tried: Sequence[Tried],
    final: Final | None,
    counts: Mapping[str, int],
    seconds: float,
    adapter: Path | None,
) -> dict[str, Any]:
    """What `sweep.json` holds."""
    sweep, best = ready.sweep, board.best
    told = provenance(sweep.data.recipe, command=sweep.command)
    by_status: dict[str, int] = {}
    for one in tried:
        status = one.trial.status if one.trial else ("stopped" if one.curve else "not run")
        by_status[status] = by_status.get(status, 0) + 1
    return {
        "name": sweep.name,
        "signature": {
            "command": sweep.command,
            "commit": told["commit"],
            "config_hash": config_hash(sweep.settings),
            "seed": sweep.settings.seed,
            "data": dict(sweep.checksums),
            "records": {part: len(getattr(sweep.data, part)) for part in ("train", "val", "test")},
            "base": ready.base,
            "code": {"training": sweep.training_code, "scoring": sweep.scoring_code},
            "versions": told["versions"] | {name: version(name) for name in ("ray", "optuna", "open_clip_torch")},
            "machine": told["machine"],
        },
        "trials": by_status,
        "counts": dict(counts),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(sum(_cpu(sweep, one) for one in tried), 1),
        "best": None if best is None else _chosen(sweep, best, tried),
        "test": None if final is None else final.as_dict(),
        "adapter": None if adapter is None else adapter.name,
    }


def _chosen(sweep: Sweep, best: Row, tried: Sequence[Tried]) -> dict[str, Any]:
    one = next(one for one in tried if one.number == best.trial)
    return {
        "trial": best.trial,
        "key": one.key,
        "training": dict(one.values),
        "decoding": sweep.decodings[best.decoding or 0].model_dump(mode="json"),
        "clustering": sweep.groupings[best.grouping or 0].model_dump(mode="json"),
        "validation": dict(best.metrics),
        "posts": dict(best.posts),
    }


def _flat(sweep: Sweep, board: Board, tried: Sequence[Tried]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows for plots: each model and decoding once, and each grouping of the best of them."""
    by_number, spaces = {one.number: one for one in tried}, sweep.settings.param_space
    data = sweep.data.recipe.model_dump(mode="json")
    pairs: dict[tuple[int, int | None], dict[str, Any]] = {}
    groups = []
    for row in board.rows:
        if not row.metrics:
            continue
        line = {
            name: by_number[row.trial].values.get(name, _at(data, name)) for name in sweep.settings.param_space.training
        }
        decoding = sweep.decodings[row.decoding or 0]
        line |= {f"decoding.{name}": getattr(decoding, name) for name in spaces.decoding}
        pairs.setdefault((row.trial, row.decoding), line | dict(row.metrics))
        if board.best is not None and (row.trial, row.decoding) == (board.best.trial, board.best.decoding):
            grouping = sweep.groupings[row.grouping or 0]
            own = {f"cluster.{name}": getattr(grouping, name) for name in spaces.clustering}
            groups.append(own | {f"posts.{name}": value for name, value in row.posts.items()})
    return list(pairs.values()), groups


def _cpu(sweep: Sweep, one: Tried) -> float:
    """Of training and of writing in all decodings."""
    if one.trial is None:
        return 0.0
    entries = scored_in(sweep, one.key)
    return one.trial.cpu_seconds + sum(float(entry.get("cpu_seconds", 0.0)) for entry in entries if entry)


def _at(data: Mapping[str, Any], key: str) -> Any:
    for part in key.split("."):
        data = data[part]
    return data


def _rounded(value: float) -> float:
    return round(value, 6)
