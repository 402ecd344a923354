"""The model card: read from a run's folder, honest, and safe to show."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from PIL import Image

from core.errors import InputError
from core.training.card import card_metrics, write_card
from core.training.predictions import Evaluation, Prediction, write_evaluation

REFERENCES = [f"the band number {i} on stage" for i in range(12)]
EVIL = "<img src=x onerror=alert(1)> | **bold** [a](http://b) `c`\nnew | line @handle"
ABOUT: dict[str, Any] = {
    "recipe": "git-pokemon",
    "command": "montage train",
    "commit": "abc",
    "config_hash": "0123456789ab",
    "seed": 3,
    "versions": {"python": "3.11", "torch": "2.9", "bitsandbytes": None},
    "base": {"name": "microsoft/git-base", "family": "git", "checksum": "b" * 40},
    "prompt": {"text": "about {event}"},
    "data": {"train": {"records": 40, "checksum": "t" * 40}, "validation": {"records": 12, "checksum": "v" * 40}},
    "parameters": {"trainable": 1327104, "total": 177946170},
    "notices": [],
    "best_step": 20,
    "steps": 30,
    "epochs": 3.0,
}
SETTINGS = {
    "base_model": "microsoft/git-base",
    "lora": {"enabled": True, "r": 16},
    "train": {"image_root": "/home/someone/photos", "train_jsonl": "/home/someone/t.jsonl", "lr": 5e-5},
    "eval": {"metric_to_monitor": "rougeL"},
}


def evaluation(step: int, texts: list[str], rouge: float) -> Evaluation:
    predictions = tuple(
        Prediction(image=f"{i}.jpg", references=(reference,), prediction=text, scores={"rougeL": rouge})
        for i, (reference, text) in enumerate(zip(REFERENCES, texts, strict=True))
    )
    return Evaluation(
        step=step,
        metrics={"eval_loss": 2.0 - rouge, "rougeL": rouge, "handle_leak_rate": 0.0},
        intervals={"rougeL": (rouge - 0.1, rouge + 0.1)},
        predictions=predictions,
        count=12,
        total=12,
        signature={"seed": 3, "normalize": {"lowercase": True}, "tokenization": "ptb-like", "clip": None},
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder, photos = tmp_path / "run", tmp_path / "photos"
    (folder / "best").mkdir(parents=True)
    (folder / "best" / "adapter_config.json").write_text("{}")
    photos.mkdir()
    for i in range(12):
        Image.new("RGB", (640, 480), (20 * i, 0, 0)).save(photos / f"{i}.jpg")
    write(folder, ABOUT | {"image_root": str(photos)})
    (folder / "settings.yaml").write_text(yaml.safe_dump(SETTINGS))
    base, tuned = ["people"] * 12, [*REFERENCES[:-1], EVIL]
    for step, texts, rouge in ((0, base, 0.1), (10, base, 0.2), (20, tuned, 0.9), (30, base, 0.3)):
        write_evaluation(folder / "evaluations" / f"step-{step:06d}", evaluation(step, texts, rouge))
    return folder


def write(folder: Path, about: dict[str, Any]) -> None:
    (folder / "run.json").write_text(json.dumps(about))


def test_the_front_matter_is_what_the_hub_reads(run: Path) -> None:
    card = ModelCard.load(write_card(run))
    data = card.data.to_dict()
    assert data["base_model"] == "microsoft/git-base"
    assert data["library_name"] == "peft"
    assert data["pipeline_tag"] == "image-to-text"
    results = data["model-index"][0]["results"][0]
    assert data["model-index"][0]["name"] == "git-pokemon"
    assert {m["type"]: m["value"] for m in results["metrics"]} == {
        "eval_loss": 1.1,
        "rougeL": 0.9,
        "handle_leak_rate": 0.0,
    }
    assert "v" * 12 in results["dataset"]["name"]


@pytest.mark.parametrize("name", ["/home/someone/our-git", "../home/our-git", "home/our-git", r"C:\home\our-git"])
def test_a_base_of_this_machine_is_no_hub_model(run: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (run / "home" / "our-git").mkdir(parents=True)
    monkeypatch.chdir(run)
    write(run, ABOUT | {"base": ABOUT["base"] | {"name": name}})
    (run / "settings.yaml").write_text(yaml.safe_dump(SETTINGS | {"base_model": name}))
    card = ModelCard.load(write_card(run))
    assert "base_model" not in card.data.to_dict()
    assert "home" not in card.content
    assert "A LoRA adapter for `our-git`" in card.content
    assert "base_model: our-git" in card.content


def test_the_card_shows_the_best_weights_against_the_base(run: Path) -> None:
    text = write_card(run, photos=4).read_text(encoding="utf-8")
    assert "Weights of step 20, against the base model" in text
    assert "| rougeL | 0.100 (0.000–0.200) | 0.900 (0.800–1.000) | +0.917 (+0.750 to +1.000), p = 0.0" in text
    assert "| eval_loss (lower is better) | 1.900 | 1.100 |  |" in text
    assert "1,327,104 trained of 177,946,170" in text
    assert "t" * 40 in text
    rows = [line for line in text.splitlines() if line.startswith("| ![](card/")]
    assert len(rows) == 4
    assert rows[1].endswith("| the band number 3 on stage | people | the band number 3 on stage |")
    assert (run / "best" / "README.md").read_text(encoding="utf-8") == text
    for place in (run, run / "best"):
        shown = [line.split("(", 1)[1].split(")")[0] for line in rows]
        assert all((place / name).is_file() for name in shown)
        assert len(list((place / "card").iterdir())) == 4


def test_nothing_of_this_machine_is_told(run: Path) -> None:
    text = write_card(run).read_text(encoding="utf-8")
    assert "/home" not in text
    assert str(run.parent) not in text
    assert "lr: 5.0e-05" in text


def test_captions_are_text_in_the_table(run: Path) -> None:
    from markdown_it import MarkdownIt

    text = write_card(run, photos=12).read_text(encoding="utf-8").split("---\n", 2)[2]
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<img src=x" not in html
    assert "<strong>bold" not in html
    assert 'href="http://b"' not in html
    assert "&lt;img src=x onerror=alert(1)&gt; | **bold** [a](http://b) `c` new | line @handle" in html


def test_a_card_is_written_again_without_photos(run: Path) -> None:
    write_card(run)
    write(run, ABOUT | {"image_root": str(run.parent / "gone")})
    text = write_card(run).read_text(encoding="utf-8")
    assert "![](card/" not in text
    assert "| 0.jpg |" in text
    assert not (run / "card").exists()


def test_a_full_fine_tune_is_a_checkpoint(run: Path) -> None:
    (run / "best" / "adapter_config.json").unlink()
    (run / "settings.yaml").write_text(yaml.safe_dump(SETTINGS | {"lora": {"enabled": False}}))
    path = write_card(run)
    assert ModelCard.load(path).data.to_dict()["library_name"] == "transformers"
    assert "--set captioner.models.git=FOLDER" in path.read_text(encoding="utf-8")


def test_without_evaluations_the_card_says_so(run: Path) -> None:
    for path in (run / "evaluations").glob("*/metrics.json"):
        path.unlink()
    assert "It was not evaluated." in write_card(run).read_text(encoding="utf-8")


def test_the_base_models_scores_are_not_shown_as_the_trained_ones(run: Path) -> None:
    """Nothing was evaluated after the start: `eval.every_steps` was more than there were steps."""
    write(run, {name: value for name, value in ABOUT.items() if name != "best_step"})
    for path in (run / "evaluations").glob("*[123]0/metrics.json"):
        path.unlink()
    card = ModelCard.load(write_card(run))
    assert "It was not evaluated." in card.content
    assert "metrics" not in json.dumps(card.data.to_dict())


def test_names_of_photos_are_text_in_the_table(run: Path) -> None:
    folder = run / "evaluations" / "step-000020"
    lines = (folder / "predictions.jsonl").read_text().replace('"0.jpg"', '"<b>a|b</b>.jpg"')
    (folder / "predictions.jsonl").write_text(lines)
    assert r"| &lt;b&gt;a\|b&lt;/b&gt;.jpg | the band" in write_card(run).read_text(encoding="utf-8")


def test_without_a_best_step_the_last_evaluation_counts(run: Path) -> None:
    write(run, {name: value for name, value in ABOUT.items() if name != "best_step"})
    assert "Weights of step 30" in write_card(run).read_text(encoding="utf-8")


def test_other_photos_are_not_tested_in_pairs() -> None:
    base, tuned = evaluation(0, REFERENCES, 0.1), evaluation(1, REFERENCES, 0.2)
    one = Evaluation(**{name: getattr(base, name) for name in base.__slots__} | {"predictions": base.predictions[1:]})
    assert all(row["test"] == "" for row in card_metrics(one, tuned))
    assert [row["base"] for row in card_metrics(None, tuned)] == ["–"] * 3


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*run\.json: .*; is .* a run's folder\?"):
        write_card(tmp_path)
