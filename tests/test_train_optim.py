"""Every optimizer and every schedule makes steps, through the Trainer's own arguments."""

import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from core.training.arguments import _trackers, trainer_arguments
from core.training.launch import share_of_batch
from core.training.optim import own_optimizer, rex_schedule, warmup_steps
from core.training.settings import Recipe, TrainSettings
from core.training.trainer import trainer_class


class Line(torch.nn.Module):
    """A straight line, with what the Trainer wants of a model."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(64, 64)

    def forward(self, x: torch.Tensor, labels: torch.Tensor, **_: Any) -> dict[str, torch.Tensor]:
        return {"loss": ((self.layer(x) - labels) ** 2).mean()}


def trained(folder: Path, **train: Any) -> tuple[Any, float, float]:
    """The trainer, and the mean loss before and after six steps."""
    torch.manual_seed(0)
    model, plain = Line(), {"device": "cpu", "dtype": "float32", "max_steps": 6, "lr": 0.01, "log_every_steps": 1}
    recipe = Recipe.model_validate({"base_model": "git", "train": {**plain, **train}, "eval": {"baseline": False}})
    rows = [{"x": torch.randn(64), "labels": torch.zeros(64)} for _ in range(12)]

    def loss() -> float:
        with torch.no_grad():
            return float(sum(model(**{k: v[None] for k, v in row.items()})["loss"] for row in rows)) / len(rows)

    before = loss()
    arguments = trainer_arguments(recipe, folder, device="cpu", share=share_of_batch(recipe, 1))
    arguments.eval_strategy = arguments.save_strategy = "no"
    trainer = trainer_class()(
        model=model, args=arguments, train_dataset=rows, optimizer_cls_and_kwargs=own_optimizer(recipe.train)
    )
    trainer.setup(
        schedule=recipe.train.schedule,
        judge=dict,
        save=print,
        keep_best=print,
        write_log=lambda history: None,
        report=lambda step, metrics, checkpoint: None,
    )
    trainer.train()
    return trainer, before, loss()


@pytest.mark.parametrize("optimizer", ["adamw_torch", "adamw_torch_fused", "adamw_8bit", "adafactor", "came"])
def test_each_optimizer_lowers_the_loss_and_is_the_one_named(tmp_path: Path, optimizer: str) -> None:
    lr = 2e-4 if optimizer == "came" else 0.01  # its steps are larger
    trainer, before, after = trained(tmp_path, optimizer=optimizer, schedule="constant", weight_decay=0.1, lr=lr)
    assert after < before
    inner = getattr(trainer.optimizer, "optimizer", trainer.optimizer)
    names = {"adamw_torch": "AdamW", "adamw_torch_fused": "AdamW", "adafactor": "Adafactor", "came": "CAME"}
    assert type(inner).__name__ == names.get(optimizer, "AdamW")
    assert ("bitsandbytes" in type(inner).__module__) == (optimizer == "adamw_8bit")
    assert bool(inner.param_groups[0].get("fused")) == (optimizer == "adamw_torch_fused")
    assert {group["weight_decay"] for group in inner.param_groups} == {0.1, 0.0}  # biases are left out


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.0, 0.5, 1, 1, 1, 1]),
        ("linear", [0.0, 0.5, 1, 0.75, 0.5, 0.25]),
        ("cosine", [0.0, 0.5, 1, 0.8536, 0.5, 0.1464]),
        ("rex", [1 / 3, 2 / 3, 1, 6 / 7, 2 / 3, 0.4]),  # (1 - p) / (1 - p/2) at p = 0, 1/4, 1/2, 3/4
    ],
)
def test_each_schedule_warms_up_and_falls_as_it_should(tmp_path: Path, schedule: str, rates: list[float]) -> None:
    trainer, *_ = trained(tmp_path, schedule=schedule, warmup_steps=2, lr=1.0)
    logged = [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]
    assert logged == pytest.approx(rates, abs=1e-4)


def test_rex_goes_on_where_it_was() -> None:
    def schedule() -> Any:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        return rex_schedule(optimizer, warmup=2, total=10)

    whole = schedule()
    rates = []
    for _ in range(10):
        rates.append(whole.get_last_lr()[0])
        whole.optimizer.step()
        whole.step()
    first = schedule()
    for _ in range(5):
        first.optimizer.step()
        first.step()
    second = schedule()
    second.load_state_dict(first.state_dict())
    assert second.get_last_lr()[0] == rates[5]
    second.optimizer.step()
    second.step()
    assert second.get_last_lr()[0] == pytest.approx(rates[6])


@pytest.mark.parametrize(
    ("settings", "total", "wanted"),
    [({"warmup_ratio": 0.05}, 120, 6), ({"warmup_ratio": 0.05}, 121, 7), ({"warmup_steps": 10}, 120, 10),
     ({"warmup_steps": 0, "warmup_ratio": 0.5}, 120, 0), ({"warmup_steps": 10}, 4, 4)],
)  # fmt: skip
def test_warm_up_in_steps_wins_over_its_ratio(settings: dict[str, Any], total: int, wanted: int) -> None:
    assert warmup_steps(TrainSettings(**settings), total) == wanted


def test_gradients_are_shortened_to_the_longest_allowed(tmp_path: Path) -> None:
    trainer, *_ = trained(tmp_path, max_grad_norm=1e-9, schedule="constant", optimizer="adamw_torch")
    free, *_ = trained(tmp_path, max_grad_norm=0, schedule="constant", optimizer="adamw_torch")
    assert trainer.args.max_grad_norm == 1e-9
    assert free.args.max_grad_norm == 0
    moments = [
        max(float(state["exp_avg"].abs().max()) for state in t.optimizer.optimizer.state.values())
        for t in (trainer, free)
    ]
    assert moments[0] < 1e-8 < 1e-4 < moments[1]
    assert math.isfinite(moments[1])


def test_batches_are_not_spread_over_several_gpus_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    recipe = Recipe.model_validate({"base_model": "git", "train": {"per_device_train_batch_size": 3}})
    arguments = trainer_arguments(recipe, tmp_path, device="cuda", share=share_of_batch(recipe, 1))
    assert (arguments.n_gpu, arguments.train_batch_size) == (1, 3)


def test_each_run_of_a_process_logs_into_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    for name in ("TENSORBOARD_LOGGING_DIR", "WANDB_MODE", "WANDB_DIR", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "taken back after the test")
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_DIR", "of the user")
    recipe = Recipe.model_validate({"base_model": "git", "train": {"trackers": "tensorboard"}})
    for folder in (tmp_path / "one", tmp_path / "two"):
        assert _trackers(recipe, folder) == ["tensorboard"]
        assert os.environ["TENSORBOARD_LOGGING_DIR"] == str(folder / "tensorboard")
        assert os.environ["WANDB_DIR"] == "of the user"
