"""An evaluation's files, curves of a run, and the scores' edge cases."""

import json
import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.errors import InputError
from core.metrics.corpus import TextSettings
from core.metrics.normalise import Normalisation
from core.training.curves import draw_curves, read_log
from core.training.predictions import Evaluation, Prediction, read_evaluation, write_evaluation
from core.training.scoring import loss_scores, score_captions, score_clip

EVIL = '<script>alert("x")</script> & "quotes" \u2028 ' + "| *bold* `code` [a](b) {{ 7 * 7 }}"
PLAIN = TextSettings(resamples=50)


def evaluation(*predictions: Prediction, **changed: Any) -> Evaluation:
    plain: dict[str, Any] = {
        "step": 120,
        "metrics": {"eval_loss": 2.5, "rougeL": 0.25},
        "intervals": {"rougeL": (0.2, 0.3)},
        "predictions": predictions,
        "count": len(predictions),
        "total": 9,
        "signature": {"seed": 1, "normalize": {"lowercase": True}},
        "notices": ("only 2 records: too few to conclude from",),
    }
    return Evaluation(**(plain | changed))


def prediction(image: str = "a/1.jpg", text: str = "a band", **changed: Any) -> Prediction:
    plain: dict[str, Any] = {"event": "Fest", "labels": ("stage",), "prompt": "say", "references": ("the band", "b")}
    return Prediction(image=image, prediction=text, **(plain | {"scores": {"rougeL": 0.5, "cider": None}} | changed))


def test_an_evaluation_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "evaluations" / "step-000120"
    written = evaluation(prediction(), prediction("b.jpg", EVIL, references=(EVIL,)))
    write_evaluation(folder, written)
    assert read_evaluation(folder) == written
    first = json.loads((folder / "predictions.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert first == {
        "image": "a/1.jpg",
        "event": "Fest",
        "labels": ["stage"],
        "prompt": "say",
        "reference": "the band",
        "references": ["b"],
        "prediction": "a band",
        "scores": {"rougeL": 0.5, "cider": None},
    }


class Texts(HTMLParser):
    """What a browser would show, and which elements it would make."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name == "src"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_captions_as_text(tmp_path: Path) -> None:
    folder = tmp_path / "evaluations" / "step-000120"
    write_evaluation(folder, evaluation(prediction(EVIL, EVIL, event=EVIL, labels=(EVIL,), references=(EVIL,))))
    page = Texts()
    page.feed((folder / "predictions.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert page.text.count(EVIL) == 5
    assert "0.200 – 0.300" in page.text


def test_small_pictures_are_shared_by_all_steps(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    (root / "a").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x010F] = "a camera that knows where it was"
    Image.new("RGB", (800, 600), "red").save(root / "a" / "1.jpg", exif=exif)
    (root / "broken.jpg").write_bytes(b"no photo")
    evaluated = evaluation(prediction(), prediction("broken.jpg"), prediction("../outside.jpg"))
    for step in (1, 2):
        write_evaluation(tmp_path / "evaluations" / f"step-{step}", evaluated, image_root=root)
    pictures = list((tmp_path / "evaluations" / "thumbnails").iterdir())
    assert len(pictures) == 1
    assert b"camera" not in pictures[0].read_bytes()
    with Image.open(pictures[0]) as picture:
        assert max(picture.size) == 240
    for step in (1, 2):
        page = Texts()
        page.feed((tmp_path / "evaluations" / f"step-{step}" / "predictions.html").read_text(encoding="utf-8"))
        (source,) = page.sources
        assert (tmp_path / "evaluations" / f"step-{step}" / source).resolve() == pictures[0].resolve()


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    write_evaluation(
        tmp_path / "e", evaluation(metrics={"perplexity": math.inf}, intervals={"perplexity": (1, math.inf)})
    )
    told = json.loads((tmp_path / "e" / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert told["metrics"] == {"perplexity": None}
    assert told["intervals"] == {"perplexity": [1, None]}
    read_evaluation(tmp_path / "e")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*metrics\.json: No such file"):
        read_evaluation(tmp_path)
    write_evaluation(tmp_path, evaluation(prediction()))
    (tmp_path / "predictions.jsonl").write_text('\n{"image": "a"}\n')
    with pytest.raises(InputError, match=r"predictions\.jsonl:2 is not a prediction: KeyError\('reference'\)"):
        read_evaluation(tmp_path)
    (tmp_path / "metrics.json").write_text("[]")
    with pytest.raises(InputError, match="expected keys and values, got list"):
        read_evaluation(tmp_path)


def test_samples_are_the_same_photos_every_time() -> None:
    many = evaluation(*(prediction(f"{i}.jpg") for i in range(10)))
    assert [p.image for p in many.samples(4)] == ["0.jpg", "2.jpg", "5.jpg", "7.jpg"]
    assert len(many.samples(99)) == 10
    assert evaluation().samples(3) == []


def test_a_record_without_words_is_counted_and_left_out() -> None:
    tags = TextSettings(normalisation=Normalisation(remove_hashtags=True), resamples=0)
    found = score_captions(["a band", "a band @x"], [["a band"], ["#stage #night"]], tags, training=["A band!"])
    assert found.notices == ("records without a word in their captions: 1; they have no text metrics",)
    assert found.metrics["exact_match"] == 1.0
    assert found.metrics["handle_leak_rate"] == 0.5, "of all captions"
    assert found.metrics["verbatim_copy_rate"] == 1.0
    assert found.items["rougeL"] == [1.0, None]
    nothing = score_captions(["a band"], [["#stage"]], tags)
    assert nothing.metrics == {"handle_leak_rate": 0.0}


def test_texts_are_normalised_before_they_are_compared() -> None:
    how = Normalisation(lowercase=True, strip_punct=True, remove_hashtags=True, remove_swipe_tokens=True)
    settings = TextSettings(normalisation=how, resamples=0)
    found = score_captions(["Lights & LIFE on stage. #night Swipe →"], [["lights life on stage"]], settings)
    assert found.metrics["exact_match"] == 1.0
    assert found.metrics["rougeL"] == 1.0


def test_perplexity_is_the_exponential_of_the_mean_over_tokens() -> None:
    found = loss_scores(1.5, [(1.0, 2.0, 3.0), (0.0,)], PLAIN)
    assert found.metrics == {"eval_loss": 1.5, "perplexity": pytest.approx(math.exp(1.5))}
    assert found.items == {"loss": [2.0, 0.0]}
    assert found.intervals.keys() == {"eval_loss", "perplexity"}
    smoothed = loss_scores(1.9, [(1.0, 2.0, 3.0), (0.0,)], PLAIN)
    assert smoothed.metrics["eval_loss"] == 1.9
    assert smoothed.intervals.keys() == {"perplexity"}, "the interval would be another number's"


def test_what_clip_cannot_judge_is_said() -> None:
    assert score_clip([None, None], PLAIN).metrics == {}
    assert "cannot judge 2 of 2" in score_clip([None, None], PLAIN).notices[0]


LOG = """step,epoch,train_loss,learning_rate,grad_norm,seconds,eval_loss,eval_rougeL,eval_cider,eval_odd
0,0,,,,1,3.5,0.1,0.2,7
10,0.5,3.2,1e-4,1,2,,,,
20,1,2.5,5e-5,1,3,2.6,0.4,1.2,nan
"""


def test_curves_are_drawn_from_the_log(tmp_path: Path) -> None:
    (tmp_path / "training_log.csv").write_text(LOG)
    columns = read_log(tmp_path / "training_log.csv")
    assert columns["train_loss"] == [(10, 3.2), (20, 2.5)]
    assert columns["eval_rougeL"] == [(0, 0.1), (20, 0.4)]
    assert columns["eval_odd"] == [(0, 7.0)]
    written = draw_curves(tmp_path)
    assert [path.name for path in written] == ["loss.png", "metrics.png"]
    sizes = []
    for path in written:
        with Image.open(path) as picture:
            sizes.append(picture.size)
            assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 50, "nothing is drawn"
    assert sizes[1][1] > sizes[0][1], "three plots in two rows"
    before = [path.read_bytes() for path in written]
    assert [path.read_bytes() for path in draw_curves(tmp_path)] == before


def test_without_metrics_there_is_one_picture(tmp_path: Path) -> None:
    (tmp_path / "training_log.csv").write_text("step,train_loss\n1,2\n2,1\n")
    assert [path.name for path in draw_curves(tmp_path)] == ["loss.png"]


def test_a_damaged_log_says_where(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*training_log\.csv"):
        draw_curves(tmp_path)
    (tmp_path / "training_log.csv").write_text("step,train_loss\n1,2\n2,abc\n")
    with pytest.raises(InputError, match=r"training_log\.csv:3: expected a number in every column, got 'abc'"):
        draw_curves(tmp_path)
