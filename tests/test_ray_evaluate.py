"""An evaluation by many workers on a real local Ray gives the figures of a single process."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.store import Store
from core.training.caption_task import CaptionTask, evaluation_recipe
from core.training.evaluate_model import evaluate_captions
from distributed.batch_pool import PoolSettings
from distributed.evaluate import ask_workers, same_everywhere
from tests.ray_helpers import RAY_MARKS, local_ray
from tests.train_helpers import recipe, run, write_data

pytestmark = RAY_MARKS
TWO = PoolSettings(workers=2)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    with local_ray():
        yield


def test_figures_are_those_of_a_single_process(
    cluster: None, vlm_folder: Callable[[str], Path], tmp_path: Path, store: Store
) -> None:
    """A model with an adapter over 37 records in five pieces, one photo damaged, CLIP scores included."""
    data = write_data(tmp_path / "data", train_records=4, val_records=37)
    (data / "20.png").write_bytes(b"no photo")
    short = {"max_steps": 2, "per_device_eval_batch_size": 1}
    made = run(recipe(vlm_folder("git"), data, train=short, eval={"baseline": False}), tmp_path / "run")
    changed = ["clipscore.enabled=true", "clipscore.model=mini", "eval.num_beams=2"]
    task = CaptionTask(
        model=None,
        adapter=made.folder / "best",
        image_root=data,
        recipe=evaluation_recipe(None, made.folder / "best", changed),
    )
    alone = evaluate_captions(task, data / "val.jsonl", store=store)
    shared = evaluate_captions(
        same_everywhere(task, TWO),
        data / "val.jsonl",
        store=Store(tmp_path / "another"),
        ask=partial(ask_workers, pool=TWO),
    )
    assert (shared.count, shared.total) == (alone.count, alone.total) == (36, 37)
    assert [p.prediction for p in shared.predictions] == [p.prediction for p in alone.predictions]
    assert [p.image for p in shared.predictions] == [p.image for p in alone.predictions]
    assert dict(shared.metrics) == pytest.approx(dict(alone.metrics), rel=1e-5, abs=1e-6)
    assert {"rougeL", "cider", "eval_loss"} <= shared.metrics.keys()
    for name, ends in alone.intervals.items():
        assert shared.intervals[name] == pytest.approx(ends, rel=1e-4, abs=1e-6), name
    assert "20.png" in " ".join(shared.notices)


def test_a_cluster_without_room_is_told_of(
    cluster: None, vlm_folder: Callable[[str], Path], tmp_path: Path, store: Store
) -> None:
    data = write_data(tmp_path / "data")
    model = str(vlm_folder("git"))
    task = CaptionTask(model=model, adapter=None, image_root=data, recipe=evaluation_recipe(model, None))
    large = PoolSettings(cpus_per_worker=64)
    with pytest.raises(ConfigError, match=r"the cluster has 2 CPUs .* one worker needs 64"):
        evaluate_captions(
            same_everywhere(task, large), data / "val.jsonl", store=store, ask=partial(ask_workers, pool=large)
        )
