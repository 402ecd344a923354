"""`montage evaluate captions`: the figures of training's own evaluation, for any model and any records."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import ConfigError, InputError
from core.store import Store
from core.training.caption_task import CaptionTask, evaluation_recipe
from core.training.clip_fit import ClipJudge
from core.training.evaluate_model import Answers, ask_here, evaluate_captions
from core.training.evaluation import Evaluator
from core.training.features import TrainingPhotos
from core.training.predictions import Evaluation, read_evaluation
from core.training.records import read_records
from tests.fakes import ColourEmbedder
from tests.train_helpers import recipe, run, write_data

ON_CPU = ["train.device=cpu", "train.dtype=float32", "eval.max_new_tokens=6"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data", train_records=4, val_records=9)


def task(model: Path, data: Path, *overrides: str, **changed: Any) -> CaptionTask:
    made = evaluation_recipe(str(model), None, [*ON_CPU, *overrides])
    return CaptionTask(**({"model": str(model), "adapter": None, "image_root": data, "recipe": made} | changed))


def quiet(what: str, done: int, total: int) -> None: ...


@pytest.mark.parametrize("name", ["git", "blip2-t5", "blip"])
def test_it_is_the_evaluation_of_training(
    vlm_folder: Callable[[str], Path], data: Path, store: Store, name: str
) -> None:
    asked = task(vlm_folder(name), data, "train.clean_captions=false")
    found = evaluate_captions(asked, data / "val.jsonl", store=store, training_captions=["a singer on stage"])
    model, prompt = asked.opened
    training = Evaluator(
        settings=asked.recipe.eval,
        prompt=prompt,
        photos=TrainingPhotos(root=data),
        training_captions=["a singer on stage"],
        max_caption_tokens=asked.recipe.train.max_seq_len,
        seed=asked.recipe.train.seed,
    )
    expected = training.evaluate(model, read_records(data / "val.jsonl", data).records, step=0)
    assert dict(found.metrics) == pytest.approx(dict(expected.metrics), rel=1e-5, abs=1e-6)
    assert [p.prediction for p in found.predictions] == [p.prediction for p in expected.predictions]
    assert found.intervals.keys() == expected.intervals.keys()
    assert found.signature["decoding"] == expected.signature["decoding"]
    assert found.signature["data_checksum"]
    assert (found.count, found.total) == (9, 9)


def in_pieces(size: int) -> Callable[..., Answers]:
    """Asks as many workers do: some records at a time, the last ones first."""

    def ask(asked: CaptionTask, records: Any, store: Store, progress: Any) -> Answers:
        answers: dict[int, Any] = {}
        failed: dict[str, str] = {}
        for start in reversed(range(0, len(records), size)):
            told = ask_here(asked, records[start : start + size], store, progress)
            answers |= {start + i: answer for i, answer in told.answers.items()}
            failed |= told.failed
        return Answers(answers=answers, failed=failed)

    return ask


def test_shards_bring_answers_together_and_not_scores(
    vlm_folder: Callable[[str], Path], data: Path, store: Store
) -> None:
    asked = task(vlm_folder("git"), data)
    whole = evaluate_captions(asked, data / "val.jsonl", store=store)
    split = evaluate_captions(asked, data / "val.jsonl", store=store, ask=in_pieces(2))
    assert [p.prediction for p in split.predictions] == [p.prediction for p in whole.predictions]
    assert dict(split.metrics) == pytest.approx(dict(whole.metrics), rel=1e-6)
    for name, ends in whole.intervals.items():
        assert split.intervals[name] == pytest.approx(ends, rel=1e-5), name
    alone = [
        evaluate_captions(replace(asked), part, store=store).metrics
        for part in _halves(data / "val.jsonl", sizes=(2, 7))
    ]
    assert np.mean([one["eval_loss"] for one in alone]) != pytest.approx(whole.metrics["eval_loss"], rel=1e-6)


def _halves(path: Path, *, sizes: tuple[int, int]) -> list[Path]:
    lines = path.read_text().splitlines(keepends=True)
    parts = [path.with_name("one.jsonl"), path.with_name("two.jsonl")]
    parts[0].write_text("".join(lines[: sizes[0]]))
    parts[1].write_text("".join(lines[sizes[0] :]))
    return parts


def test_an_adapter_is_evaluated_as_its_run_did(vlm_folder: Callable[[str], Path], data: Path, store: Store) -> None:
    made = run(recipe(vlm_folder("git"), data, eval={"max_new_tokens": 4, "num_beams": 2}), data.parent / "run")
    best = made.folder / "best"
    asked = CaptionTask(model=None, adapter=best, image_root=data, recipe=evaluation_recipe(None, best))
    found = evaluate_captions(asked, data / "val.jsonl", store=store)
    before = read_evaluation(made.folder / "evaluations" / f"step-{made.best_step:06d}")
    assert found.step == made.best_step
    same = {name: value for name, value in before.metrics.items() if name != "verbatim_copy_rate"}
    assert dict(found.metrics) == pytest.approx(same, rel=1e-4, abs=1e-5)
    assert [p.prediction for p in found.predictions] == [p.prediction for p in before.predictions]
    assert [p.prompt for p in found.predictions] == [p.prompt for p in before.predictions]
    assert found.signature["decoding"]["num_beams"] == 2


def test_what_cannot_be_read_is_told(vlm_folder: Callable[[str], Path], data: Path, store: Store) -> None:
    (data / "5.png").write_bytes(b"no photo")
    with (data / "val.jsonl").open("a") as file:
        file.write("no json\n")
    for kept in (store, Store(None)):
        found = evaluate_captions(task(vlm_folder("git"), data), data / "val.jsonl", store=kept, ask=in_pieces(4))
        assert (found.count, found.total) == (8, 9)
        assert "5.png" not in [p.image for p in found.predictions]
        told = " ".join(found.notices)
        assert "photos that cannot be read, left out: 1 (5.png" in told
        assert "1 lines are not used (lines 10)" in told
        assert "captions were cleaned" in told


def test_a_subset_and_no_captions(vlm_folder: Callable[[str], Path], data: Path, store: Store) -> None:
    asked = task(
        vlm_folder("git"), data, "eval.eval_subset_size=4", "eval.generate=false", "eval.metric_to_monitor=val_loss"
    )
    found = evaluate_captions(asked, data / "val.jsonl", store=store)
    assert (found.count, found.total, found.metrics.keys()) == (4, 9, {"eval_loss", "perplexity"})


def test_embeddings_that_workers_made_are_not_made_again(
    vlm_folder: Callable[[str], Path], data: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = ColourEmbedder()
    judge = ClipJudge(embedder, Store(None))
    monkeypatch.setattr("core.training.evaluate_model.open_clip_judge", lambda *_, **__: judge)
    asked = task(vlm_folder("git"), data)
    plain = evaluate_captions(asked, data / "val.jsonl", store=store)
    assert embedder.photos_embedded == 9

    def ask(asked: CaptionTask, records: Any, store: Store, progress: Any) -> Answers:
        images = [record.image for record in records]
        vectors = ClipJudge(ColourEmbedder(), store).embeddings(images, asked.photos, asked.opened[0])
        return replace(ask_here(asked, records, store, progress), embeddings=dict(zip(images, vectors, strict=True)))

    gathered = evaluate_captions(asked, data / "val.jsonl", store=store, ask=ask)
    assert embedder.photos_embedded == 9
    assert gathered.metrics["clip_cosine"] == pytest.approx(plain.metrics["clip_cosine"], rel=1e-5)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [(["eval.beams=3"], r"unknown key 'eval.beams'; did you mean 'num_beams'"), (["eval.num_beams=x"], "num_beams")],
)
def test_settings_that_cannot_be(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        evaluation_recipe("mini-git", None, overrides)


def test_no_record_at_all(vlm_folder: Callable[[str], Path], data: Path, store: Store) -> None:
    (data / "none.jsonl").write_text("")
    with pytest.raises(InputError, match="holds no usable record; `montage data check`"):
        evaluate_captions(task(vlm_folder("git"), data), data / "none.jsonl", store=store)
    for photo in data.glob("*.png"):
        photo.write_bytes(b"no photo")
    with pytest.raises(InputError, match=r"no record of .* has a photo that can be read"):
        evaluate_captions(task(vlm_folder("git"), data), data / "val.jsonl", store=store)


def test_the_command(vlm_folder: Callable[[str], Path], data: Path, tmp_path: Path) -> None:
    out, model = tmp_path / "out", vlm_folder("git")
    options = [part for setting in ON_CPU for part in ("--set", setting)]
    arguments = ["evaluate", "captions", str(data / "val.jsonl"), "--model", str(model), *options]
    told = CliRunner().invoke(app, [*arguments, "--out", str(out), "--json"], catch_exceptions=False)
    found = json.loads(told.stdout)
    assert found["count"] == 9
    assert 0 <= found["metrics"]["rougeL"] <= 1
    kept: Evaluation = read_evaluation(out / "evaluation")
    assert kept.metrics["rougeL"] == pytest.approx(found["metrics"]["rougeL"], abs=1e-6)
    shown = " ".join(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout.split())  # lines end anywhere
    assert "rougeL" in shown
    assert "9 of 9 records" in shown
    with pytest.raises(ConfigError, match="name a model with --model, an adapter with --adapter, or both"):
        CliRunner().invoke(app, ["evaluate", "captions", str(data / "val.jsonl")], catch_exceptions=False)
