"""What a run reports as it goes, how it is stopped from outside, and how several processes share its batch."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.errors import ConfigError
from core.training.launch import BatchShare, load_settings, share_of_batch
from core.training.padding import PaddedCollator, PaddedDataset, pad_last_batches
from core.training.settings import Recipe
from tests.train_helpers import recipe, run, write_data


def test_evaluations_and_checkpoints_are_reported_and_an_answer_ends_the_run(
    vlm_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    settings = recipe(
        vlm_folder("git"),
        write_data(tmp_path / "data"),
        train={"save_every_steps": 2},
        eval={"every_steps": 3, "generate": False},
    )
    told: list[tuple[int, bool, Path | None]] = []

    def report(step: int, metrics: dict[str, float], checkpoint: Path | None) -> bool:
        assert checkpoint is None or (checkpoint / "trainer_state.json").is_file()
        assert step == 0 or metrics["train_loss"] > 0
        told.append((step, "eval_loss" in metrics, checkpoint and checkpoint.name))
        return step == 6

    done = run(settings, tmp_path / "run", report=report)
    assert told == [
        (0, True, None),
        (2, False, "checkpoint-2"),
        (3, True, None),
        (4, False, "checkpoint-4"),
        (6, True, "checkpoint-6"),
    ]
    assert done.steps == 6
    assert "training was stopped after step 6 of 8" in done.notices
    assert (done.folder / "last" / "adapter_model.safetensors").is_file()
    again = run(settings, tmp_path / "run", resume=True)  # and goes on to its end where it is asked to
    assert again.steps == 8


def batch(size: int, accumulation: int) -> Recipe:
    train = {"per_device_train_batch_size": size, "gradient_accumulation_steps": accumulation}
    return Recipe.model_validate({"base_model": "git", "train": train})


@pytest.mark.parametrize(
    ("size", "accumulation", "processes", "share"),
    [
        (16, 1, 1, (16, 1)),
        (16, 1, 2, (8, 1)),
        (2, 4, 2, (2, 2)),
        (2, 4, 8, (1, 1)),
        (4, 3, 2, (3, 2)),
        (16, 2, 1, (16, 2)),
    ],
)
def test_the_batch_is_divided_among_processes(
    size: int, accumulation: int, processes: int, share: tuple[int, int]
) -> None:
    found = share_of_batch(batch(size, accumulation), processes)
    assert found == BatchShare(size=share[0], accumulation=share[1])
    assert found.size * found.accumulation * processes == size * accumulation


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"batch of 4 .* cannot be divided among 3 workers; take 1, 2, 4 "):
        share_of_batch(batch(2, 2), 3)


def several(monkeypatch: pytest.MonkeyPatch, rank: int = 1) -> None:
    for name, value in (("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", 2)):
        monkeypatch.setenv(name, str(value))


def test_one_gpu_for_several_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Recipe.model_validate({"base_model": "git", "train": {"device": "cuda:1"}})
    assert load_settings(settings).device == "cuda:1"
    several(monkeypatch)
    with pytest.raises(ConfigError, match=r"train\.device is cuda:1, but 2 processes train .* train\.device=auto"):
        load_settings(settings)


def test_each_process_takes_the_device_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    several(monkeypatch)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    settings = Recipe.model_validate({"base_model": "git"})
    assert load_settings(settings).device == "cuda:1"
    monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", "cpu")  # a Ray worker without a GPU, on a machine that has one
    assert load_settings(settings).device == "cpu"


@pytest.mark.parametrize(("examples", "size", "processes"), [(7, 2, 2), (8, 2, 2), (9, 2, 4), (1, 2, 3)])
def test_an_epoch_ends_in_padding_and_not_in_its_beginning(examples: int, size: int, processes: int) -> None:
    from accelerate.data_loader import BatchSamplerShard
    from torch.utils.data import BatchSampler, SequentialSampler

    shares = []
    for process in range(processes):
        shard = BatchSamplerShard(BatchSampler(SequentialSampler(range(examples)), size, False), processes, process)
        pad_last_batches(shard)
        shares.append(list(shard))
        assert len(shares[-1]) == len(shard) == len(shares[0])
    learnt = sorted(i for share in shares for indices in share for i in indices if i >= 0)
    assert learnt == list(range(examples))
    assert all(len({i >= 0 for i in indices}) == 1 for share in shares for indices in share)


def test_padding_counts_no_label() -> None:
    dataset = PaddedDataset([10, 11, 12])
    collate = PaddedCollator(lambda examples: {"labels": torch.tensor(examples)}, ignored=-100)
    assert collate([dataset[1], dataset[2]]) == {"labels": pytest.approx([11, 12])}
    padding = collate([dataset[-2], dataset[-1]])
    assert padding["labels"].tolist() == [-100, -100]
    assert padding["padding"]


def test_an_evaluation_that_was_not_reached_is_made_up_for(vlm_folder: Callable[[str], Path], tmp_path: Path) -> None:
    settings = recipe(vlm_folder("git"), write_data(tmp_path / "data"), train={"save_every_steps": 4})
    whole = run(settings, tmp_path / "whole")

    def report(step: int, metrics: dict[str, float], checkpoint: Path | None) -> None:
        if step == whole.steps and "eval_loss" not in metrics:  # all steps are made, and evaluation is next
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(settings, tmp_path / "broken", report=report)
    assert not (tmp_path / "broken" / "evaluations" / "step-000008").exists()
    again = run(settings, tmp_path / "broken", resume=True)
    assert (tmp_path / "broken" / "evaluations" / "step-000008").is_dir()
    assert (again.best_step, again.metrics) == (whole.best_step, whole.metrics)
