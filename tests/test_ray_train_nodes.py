"""Training on a cluster of several nodes, simulated on this machine, goes on without one of them."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.store import Store
from core.training.recipe import load_recipe
from core.training.run import train
from distributed.cluster import connect
from distributed.train_run import train_on_cluster
from distributed.train_settings import ClusterTraining
from tests.ray_train_helpers import RAY_WARNINGS, Reported

pytestmark = [pytest.mark.ray, pytest.mark.nodes, pytest.mark.slow, pytest.mark.timeout(900), *RAY_WARNINGS]

STEPS = 16
SETTINGS = (
    "train.per_device_train_batch_size=4",
    f"train.max_steps={STEPS}",
    "train.save_every_steps=2",
    "train.log_every_steps=1",
    "eval.every_steps=8",
    "eval.eval_subset_size=4",
)


@pytest.fixture
def nodes() -> Iterator[tuple[Any, list[Any]]]:
    """A head that does no work, and two nodes of one CPU."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        workers = [cluster.add_node(num_cpus=1) for _ in range(2)]
        cluster.wait_for_nodes()
        yield cluster, workers
    finally:
        cluster.shutdown()


def test_a_run_survives_the_loss_of_a_node_and_ends_the_same(nodes: tuple[Any, list[Any]], tmp_path: Path) -> None:
    from core.mini.rendered import with_rendered_data

    cluster, workers = nodes
    loaded = load_recipe("mini-montage", overrides=SETTINGS, smoke=True)
    loaded = replace(loaded, recipe=with_rendered_data(loaded.recipe, tmp_path / "data"))
    alone = train(loaded, tmp_path / "alone", store=Store(tmp_path / "store"))
    reported = Reported(tmp_path / "steps.txt")

    def lose_a_node() -> None:
        while 4 not in reported.steps():
            time.sleep(0.1)
        cluster.remove_node(workers[1], allow_graceful=False)

    loser = threading.Thread(target=lose_a_node, daemon=True)
    loser.start()
    elastic = ClusterTraining(workers=(1, 2), max_failures=2)
    with connect(cluster.address, log_to_driver=False):
        done = train_on_cluster(
            loaded, tmp_path / "run", elastic, store_root=tmp_path / "store", callbacks=[reported.callback()]
        )
    loser.join(timeout=10)
    assert reported.failures() >= 1
    assert [reported.steps().count(step) for step in (0, 2, 4)] == [1, 1, 1], "it went on from its last checkpoint"
    assert done.steps == STEPS
    one, other = (load_file(run.folder / "last" / "adapter_model.safetensors") for run in (alone, done))
    for name, weight in one.items():  # one worker now takes the batch that two took, in another order of summing
        assert torch.allclose(weight, other[name], atol=1e-4), name
    assert done.metrics == pytest.approx(alone.metrics, rel=1e-3)
