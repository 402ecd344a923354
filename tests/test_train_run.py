"""Whole runs on tiny checkpoints: every family trains, goes on after a break, is saved, reloaded, and captions."""

import csv
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.errors import ConfigError, InputError, ModelError, OutputError
from core.store import Store
from core.training.data import training_data
from core.training.predictions import read_evaluation
from core.training.run import TrainingRun
from core.training.weights import last_checkpoint
from core.vlm.adapters import open_adapter
from core.vlm.checkpoint import open_checkpoint
from core.vlm.model import VisionLanguageModel
from tests.checkpoints import edit_json
from tests.train_helpers import recipe, run, stop_at, write_data
from tests.vlm_helpers import FAMILIES, captions, load_settings

ROOT = Path(__file__).parents[1]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data")


def weights(done: TrainingRun, name: str = "last") -> dict[str, torch.Tensor]:
    return load_file(done.folder / name / "adapter_model.safetensors")


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def log(done: TrainingRun, *names: str) -> list[tuple[str, ...]]:
    with (done.folder / "training_log.csv").open(newline="") as file:
        return [tuple(row[name] for name in names) for row in csv.DictReader(file)]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_goes_on_after_a_break_and_captions_from_its_folder(
    vlm_folder: Callable[[str], Path], family: str, data: Path, tmp_path: Path
) -> None:
    settings = recipe(vlm_folder(family), data, augment_captions={"shuffle": True})
    whole = run(settings, tmp_path / "whole")
    assert (whole.steps, whole.epochs) == (8, 2.0)
    with pytest.raises(KeyboardInterrupt):
        run(settings, tmp_path / "broken", progress=stop_at(6))
    again = run(settings, tmp_path / "broken", resume=True)
    assert equal(weights(whole), weights(again))
    assert equal(weights(whole, "best"), weights(again, "best"))
    columns = ("step", "train_loss", "eval_loss", "learning_rate")
    assert log(whole, *columns) == log(again, *columns)
    base = open_checkpoint(vlm_folder(family), name=family)
    plain = VisionLanguageModel(base, load_settings())
    adapted = VisionLanguageModel(base, load_settings(), adapter=open_adapter(whole.chosen))
    assert adapted.prompt.text == "a photo of"
    assert captions(adapted, count=2) != captions(plain, count=2)
    assert whole.best_step is not None
    evaluated = read_evaluation(whole.folder / "evaluations" / f"step-{whole.best_step:06d}")
    assert evaluated.metrics["eval_loss"] == pytest.approx(whole.metrics["eval_loss"], abs=1e-5)
    judged = [float(loss) for step, loss in log(whole, "step", "eval_loss") if loss and step != "0"]
    assert whole.metrics["eval_loss"] == pytest.approx(min(judged), rel=1e-6)
    assert whole.baseline["eval_loss"] not in judged


@pytest.mark.parametrize("family", ["git", "florence2"])
def test_a_run_without_stored_features_ends_the_same(
    vlm_folder: Callable[[str], Path], family: str, data: Path, tmp_path: Path
) -> None:
    stored = run(recipe(vlm_folder(family), data), tmp_path / "stored")
    told: list[str] = []
    settings = recipe(vlm_folder(family), data, features={"enabled": False})
    plain = run(settings, tmp_path / "plain", tell=told.append)
    assert any("Stored features are off" in sentence for sentence in told)
    for name, weight in weights(stored).items():  # features are computed in batches of another size, to 1e-6
        assert torch.allclose(weight, weights(plain)[name], atol=2e-4), name
    for name in ("eval_loss", "rougeL", "wer"):
        assert stored.metrics[name] == pytest.approx(plain.metrics[name], rel=1e-4)


KILLED = """
import os, signal, sys
from pathlib import Path
from core.training.recipe import load_recipe
from core.training.run import train
from core.store import Store

def progress(what, done, total):
    if what == "train" and done == 5:
        os.kill(os.getpid(), signal.SIGKILL)

out = Path(sys.argv[2])
train(load_recipe(sys.argv[1]), out, store=Store(out.parent / "store"), progress=progress)
"""


def test_a_killed_run_goes_on_to_the_same_weights(
    vlm_folder: Callable[[str], Path], data: Path, tmp_path: Path
) -> None:
    settings = recipe(
        vlm_folder("git"),
        data,
        train={"save_every_steps": 3, "optimizer": "came", "schedule": "rex", "lr": 1e-3, "warmup_steps": 2},
        augment_captions={"shuffle": True, "dropout": 0.2},
        eval={"every_steps": 3, "early_stopping_patience": 5},
    )
    whole = run(settings, tmp_path / "whole")
    command = [sys.executable, "-c", KILLED, str(whole.folder / "settings.yaml"), str(tmp_path / "killed")]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "killed" / "last").exists()
    checkpoints = tmp_path / "killed" / "checkpoints"
    assert last_checkpoint(checkpoints) == checkpoints / "checkpoint-3"
    (checkpoints / "checkpoint-6").mkdir()  # as if it had been killed while it wrote
    (checkpoints / "checkpoint-6" / "trainer_state.json").write_text('{"global_step": 6, "ep')
    again = run(settings, tmp_path / "killed", resume=True)
    assert again.steps == whole.steps
    assert equal(weights(whole), weights(again))
    assert log(whole, "step", "train_loss", "eval_loss") == log(again, "step", "train_loss", "eval_loss")


@pytest.mark.parametrize("family", ["git", "blip2-t5", "florence2"])
def test_a_full_fine_tune_goes_on_and_is_a_checkpoint_of_its_own(
    vlm_folder: Callable[[str], Path], family: str, data: Path, tmp_path: Path
) -> None:
    settings = recipe(
        vlm_folder(family), data, lora={"enabled": False}, freeze={"freeze_vision": True}, train={"lr": 1e-3}
    )
    whole = run(settings, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(settings, tmp_path / "broken", progress=stop_at(5))
    again = run(settings, tmp_path / "broken", resume=True)
    files = [load_file(done.folder / "last" / "model.safetensors") for done in (whole, again)]
    assert equal(*files)
    base = load_file(vlm_folder(family) / "model.safetensors")
    vision = open_checkpoint(vlm_folder(family), name="x").family.parts.vision
    same = {name: torch.equal(base[name], files[0][name]) for name in base if name in files[0]}
    seen = [name for name in same if name.removeprefix("model.").startswith(vision) or name.startswith(vision)]
    assert seen
    assert all(same[name] for name in seen)
    assert not all(same.values())
    trained = VisionLanguageModel(open_checkpoint(whole.chosen, name="own"), load_settings())
    assert trained.prompt.text == "a photo of"
    assert captions(trained, count=1)


def test_the_runs_folder_holds_what_it_promises(vlm_folder: Callable[[str], Path], data: Path, tmp_path: Path) -> None:
    with (data / "train.jsonl").open("a") as file:
        file.write('{"image": "0.png"}\nno json\n')
    (data / "6.png").write_bytes(b"no photo")
    told: list[str] = []
    done = run(recipe(vlm_folder("git"), data), tmp_path / "run", tell=told.append, command="montage train x")
    about = json.loads((done.folder / "run.json").read_text())
    assert about["finished"]
    assert about["command"] == "montage train x"
    assert about["data"]["train"]["records"] == 6
    assert about["parameters"]["trainable"] > 0
    assert {"torch", "transformers", "peft"} <= about["versions"].keys()
    assert len(about["base"]["checksum"]) == len(about["data"]["train"]["checksum"]) == 40
    problems = (done.folder / "data_problems.txt").read_text()
    assert ":8: " in problems
    assert ":9: is not JSON" in problems
    assert "6.png" in problems
    for words in (
        "2 of 9 lines are not used (lines 8-9)",
        "captions were cleaned",
        "1 photo cannot be read and is left out",
    ):
        assert any(words in sentence for sentence in done.notices), words
    assert any("parameters are trained in 6 steps of 2 captions" in sentence for sentence in told)
    assert log(done, "step")[0] == ("0",)
    assert (done.folder / "loss.png").read_bytes().startswith(b"\x89PNG")
    adapter = json.loads((done.folder / "last" / "adapter_config.json").read_text())
    assert adapter["auto_mapping"]["base_model_class"] == "GitForCausalLM"
    assert not (done.folder / "last" / "README.md").exists()
    assert not [path for path in done.folder.rglob("*") if path.name.startswith(".")]


def test_training_stops_early_and_keeps_the_best(vlm_folder: Callable[[str], Path], data: Path, tmp_path: Path) -> None:
    settings = recipe(
        vlm_folder("git"),
        data,
        train={"num_train_epochs": 50, "lr": 0.3, "schedule": "constant", "max_grad_norm": 0},
        eval={"early_stopping_patience": 2, "generate": False, "metric_to_monitor": "perplexity"},
    )
    done = run(settings, tmp_path / "run")
    losses = {int(step): float(value) for step, value in log(done, "step", "eval_perplexity") if value}
    assert done.steps < 200
    later = {step: value for step, value in losses.items() if step > 0}
    assert done.best_step == min(later, key=later.__getitem__)
    assert done.steps == done.best_step + 2 * 4
    assert done.chosen == done.folder / "best"


def test_a_folder_in_use_or_of_another_recipe_is_not_touched(
    vlm_folder: Callable[[str], Path], data: Path, tmp_path: Path
) -> None:
    settings = recipe(vlm_folder("git"), data, train={"max_steps": 1}, eval={"generate": False, "baseline": False})
    done = run(settings, tmp_path / "run")
    with pytest.raises(OutputError, match="holds a run already; go on with --resume"):
        run(settings, done.folder)
    other = recipe(vlm_folder("git"), data, train={"max_steps": 2}, eval={"generate": False, "baseline": False})
    with pytest.raises(ConfigError, match=r"train.max_steps was 1, is 2"):
        run(other, done.folder, resume=True)
    with pytest.raises(OutputError, match="holds something else"):
        run(settings, data)
    before = weights(done)
    assert equal(before, weights(run(settings, done.folder, resume=True)))  # nothing is left to do


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"train": {"train_jsonl": None}}, ConfigError, "train.train_jsonl is not set"),
        ({"train": {"train_jsonl": "nowhere.jsonl"}}, InputError, "nowhere.jsonl"),
        ({"train": {"trackers": ["mlflow"]}}, ConfigError, "mlflow is not installed"),
        ({"train": {"prompt": "word " * 200}}, ConfigError, "has room for 160 tokens"),
    ],
)
def test_what_is_amiss_is_told_before_training(
    vlm_folder: Callable[[str], Path],
    data: Path,
    tmp_path: Path,
    change: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        run(recipe(vlm_folder("git"), data, **change), tmp_path / "run")
    assert not any((tmp_path / "run").iterdir()), "the next may have other settings"


def test_a_run_that_learnt_something_keeps_its_folder(
    vlm_folder: Callable[[str], Path], data: Path, tmp_path: Path
) -> None:
    def fail(what: str, done: int, total: int) -> None:
        if what == "train":
            raise ModelError("no memory")

    with pytest.raises(ModelError, match="no memory"):
        run(recipe(vlm_folder("git"), data), tmp_path / "run", progress=fail)
    assert {"settings.yaml", "run.json", "training_log.csv"} <= {path.name for path in (tmp_path / "run").iterdir()}


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        (["@a", "@b"], "no record is left to train on .*no word is left"),
        (["one", "two"], r"val_jsonl is not set, and .* cannot be split: .* too few .*train\.split_by: photo"),
    ],
)
def test_one_file_that_cannot_be_split_is_told(data: Path, tmp_path: Path, captions: list[str], message: str) -> None:
    lines = [json.dumps({"image": f"{i}.png", "caption": caption}) for i, caption in enumerate(captions)]
    (data / "train.jsonl").write_text("\n".join(lines))
    with pytest.raises(InputError, match=message):
        training_data(recipe("git", data, train={"val_jsonl": None}))


def test_one_file_is_split_by_event_and_records_are_written_once(
    vlm_folder: Callable[[str], Path], data: Path, tmp_path: Path
) -> None:
    settings = recipe(
        vlm_folder("git"),
        data,
        train={"val_jsonl": None, "eval_split_ratio": 0.3, "max_steps": 1},
        eval={"generate": False, "baseline": False},
    )
    done = run(settings, tmp_path / "run", store=Store(tmp_path / "store"))
    about = json.loads((done.folder / "run.json").read_text())
    assert (about["data"]["train"]["records"], about["data"]["validation"]["records"]) == (5, 2)


@pytest.mark.parametrize("family", ["git", "blip2-t5"])
def test_accumulating_batches_is_the_same_as_a_large_batch(
    vlm_folder: Callable[[str], Path], family: str, tmp_path: Path
) -> None:
    data = write_data(tmp_path / "data", train_records=4)
    base = without_dropout(vlm_folder(family), tmp_path / "base")  # which would draw for each batch
    ends = []
    for size, accumulated in ((4, 1), (1, 4)):
        settings = recipe(
            base,
            data,
            lora={"dropout": 0.0},
            train={
                "per_device_train_batch_size": size,
                "gradient_accumulation_steps": accumulated,
                "max_steps": 1,
                "max_grad_norm": 0,
                "schedule": "constant",
                "optimizer": "adafactor",
            },
            eval={"generate": False, "baseline": False},
        )
        ends.append(run(settings, tmp_path / f"run-{size}"))
    losses = [float(log(done, "train_loss")[0][0]) for done in ends]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    norms = [float(log(done, "grad_norm")[0][0]) for done in ends]
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)


def without_dropout(folder: Path, copy: Path) -> Path:
    shutil.copytree(folder, copy)
    off = dict.fromkeys(("dropout_rate", "hidden_dropout_prob", "attention_probs_dropout_prob"), 0.0)
    edit_json(copy / "config.json", lambda config: config.get("text_config", config).update(off))
    return copy


@pytest.mark.parametrize("quantization", ["bnb_8bit", "bnb_4bit"])
def test_an_adapter_learns_on_quantized_weights_and_goes_on_a_base_loaded_so(
    vlm_folder: Callable[[str], Path], data: Path, tmp_path: Path, quantization: str
) -> None:
    settings = recipe(
        vlm_folder("git"), data, quantization=quantization, train={"max_steps": 2, "lr": 0.05}, eval={"baseline": False}
    )
    done = run(settings, tmp_path / "run")
    base = open_checkpoint(vlm_folder("git"), name="git")
    how = load_settings(quantization=quantization)
    plain = VisionLanguageModel(base, how)
    adapted = VisionLanguageModel(base, how, adapter=open_adapter(done.folder / "last"))
    assert captions(adapted, count=2) != captions(plain, count=2)


def test_bfloat16_trains_adapters_in_float32(vlm_folder: Callable[[str], Path], data: Path, tmp_path: Path) -> None:
    settings = recipe(
        vlm_folder("blip2-t5"),
        data,
        train={"dtype": "bfloat16", "max_steps": 2, "gradient_checkpointing": True},
        eval={"baseline": False},
    )
    done = run(settings, tmp_path / "run")
    assert {weight.dtype for weight in weights(done).values()} == {torch.float32}
    assert all(torch.isfinite(weight).all() for weight in weights(done).values())


def test_photos_in_training_and_validation_both_are_told(data: Path) -> None:
    lines = (data / "train.jsonl").read_text().splitlines()
    (data / "val.jsonl").write_text("\n".join(lines[:2]))
    (notice,) = [n for n in training_data(recipe("git", data)).notices if "both" in n]
    assert notice.startswith("2 photos are in training and validation both (such as 0.png)")
