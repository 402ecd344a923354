"""What a training run itself says of photos that are in training and validation both."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from core.training.data import training_data
from core.training.estimate import estimate
from core.training.leakage import shared_photos
from core.training.record import Record
from tests.fakes import encoded, picture
from tests.train_helpers import recipe, write_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "my data")


def both(data: Path, **train: Any) -> list[str]:
    return [n for n in training_data(recipe("git", data, train=train)).notices if "both" in n]


def test_a_photo_under_another_name_is_told_at_once(data: Path) -> None:
    assert both(data) == []
    shutil.copy(data / "2.png", data / "copy.png")
    with (data / "val.jsonl").open("a") as file:
        file.write(json.dumps({"image": "copy.png", "caption": "again"}) + "\n")
    assert both(data) == [
        "1 photo is in training and validation both (such as copy.png, which is 2.png), so that scores come out "
        "too good"
    ]


def test_files_of_one_size_are_compared_to_their_end(tmp_path: Path) -> None:
    content = encoded(picture(1)) + bytes(200_000)
    for name, last in (("a.jpg", b"a"), ("b.jpg", b"b"), ("c.jpg", b"a")):
        (tmp_path / name).write_bytes(content + last)
    train = [Record(image=name, caption="x") for name in ("b.jpg", "a.jpg", "gone.jpg")]
    validation = [Record(image=name, caption="x") for name in ("away.jpg", "c.jpg", "b.jpg")]
    assert shared_photos(train, validation, tmp_path) == {"c.jpg": "a.jpg", "b.jpg": "b.jpg"}
    assert shared_photos(train[:1], validation[1:2], tmp_path) == {}


def test_how_to_look_for_look_alikes_is_said_in_a_sentence(data: Path) -> None:
    notices = training_data(recipe("git", data)).notices
    files = f"'{data}/train.jsonl' --val '{data}/val.jsonl' --image-root '{data}'"
    assert notices[-1].endswith(f"`montage data check {files}` finds look-alikes, too")
    alone = training_data(
        recipe("git", data, train={"val_jsonl": None, "eval_split_ratio": 0.5, "split_by": "photo"})
    ).notices
    assert f"`montage data split '{data}/train.jsonl' --image-root '{data}' --by photo --out FOLDER` keeps" in alone[-1]
    rendered = training_data(recipe("git", data, train={"rendered": {}})).notices
    assert not [notice for notice in rendered if "look-alike" in notice.lower()], "of which it has none"


def test_a_dry_run_tells_what_is_wrong_with_the_data(data: Path) -> None:
    with (data / "train.jsonl").open("a") as file:
        file.write("oops\n")
    notices = estimate(recipe("microsoft/git-base", data), measure_speed=False).notices
    assert any("1 of 8 lines are not used (lines 8)" in notice for notice in notices)
