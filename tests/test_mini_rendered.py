"""Training data that Montage renders itself: made once for its settings, of all topics in both parts."""

import csv
from pathlib import Path

from core.mini.rendered import with_rendered_data
from core.mini.scenes import TOPICS
from core.training.settings import Recipe


def recipe(**rendered: object) -> Recipe:
    sizes = {"train_photos": 40, "val_photos": 40, "seed": 3, **rendered}
    return Recipe.model_validate({"base_model": "mini-git", "train": {"rendered": sizes}})


def test_both_parts_show_every_topic_and_share_no_photo(tmp_path: Path) -> None:
    made = with_rendered_data(recipe(), tmp_path).train
    assert (made.train_jsonl, made.val_jsonl) == (str(tmp_path / "train.jsonl"), str(tmp_path / "val.jsonl"))
    for part in ("train", "val"):
        with (tmp_path / part / "truth.csv").open(encoding="utf-8", newline="") as file:
            assert {row["topic"] for row in csv.DictReader(file)} == set(TOPICS)
    first, other = ((tmp_path / part / "IMG_4100.jpg").read_bytes() for part in ("train", "val"))
    assert first != other


def test_data_is_rendered_again_for_other_settings_only(tmp_path: Path) -> None:
    with_rendered_data(recipe(), tmp_path)
    train, val = tmp_path / "train.jsonl", tmp_path / "val.jsonl"
    before = train.stat().st_mtime_ns, val.stat().st_mtime_ns, train.read_text()
    with_rendered_data(recipe(), tmp_path)
    assert (train.stat().st_mtime_ns, val.stat().st_mtime_ns) == before[:2]
    with_rendered_data(recipe(train_photos=20), tmp_path)
    assert 0 < len(train.read_text().splitlines()) <= 20
    assert val.stat().st_mtime_ns == before[1]
    with_rendered_data(recipe(voice="rival"), tmp_path)
    assert train.read_text() != before[2]
