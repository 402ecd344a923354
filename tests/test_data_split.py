"""Splits: no event and no look-alikes in two parts, the same for the same seed; and captions that vary in training."""

import json
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError, InputError, OutputError
from core.ingest import Photo
from core.photos import Header
from core.quality import measure_quality
from core.sources import SourceFile
from core.training.augment import AugmentSettings, augment_caption, drop_caption, shuffle_parts
from core.training.record import Record
from core.training.records import write_parts
from core.training.split import Split, SplitSettings, parse_shares, split_records

HEADER = Header(width_px=100, height_px=100, format="JPEG", captured_at=None, camera=None)
QUALITY = measure_quality(np.zeros((64, 64, 3), dtype=np.uint8))


def event_records(**sizes: int) -> list[Record]:
    return [
        Record(image=f"{event}/{i}.jpg", event=event, caption=f"{event} {i}", line=i)
        for event, size in sizes.items()
        for i in range(size)
    ]


def photo(name: str, perceptual_hash: int) -> Photo:
    file = SourceFile(name=name, size_bytes=1, packed_bytes=1, read=lambda: b"")
    return Photo(
        file=file, fingerprint=name, pixel_hash=name, header=HEADER, quality=QUALITY, perceptual_hash=perceptual_hash
    )


def split(records: Sequence[Record], photos: dict[str, Photo] | None = None, **given: object) -> Split:
    settings = SplitSettings.model_validate(given)
    return split_records(records, settings, photos=photos or {}, max_distance=5)


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("70/15/15", (0.7, 0.15, 0.15)),
        ("80/10/10", (0.8, 0.1, 0.1)),
        (" 90 / 10 ", (0.9, 0.1, 0.0)),
        ("0.8/0.2", (0.8, 0.2, 0.0)),
        ("0.95", (0.95, 0.05, 0.0)),
    ],
)
def test_shares_as_people_write_them(text: str, shares: tuple[float, float, float]) -> None:
    assert parse_shares(text) == pytest.approx(shares)


@pytest.mark.parametrize("text", ["80/10", "80/10/20", "eighty", "", "50/25/20/5", "120/-20", "80", "nan/1", "inf/1"])
def test_shares_that_cannot_be(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected shares that add up to 100, as 80/10/10"):
        parse_shares(text)


def test_training_and_validation_need_a_share() -> None:
    with pytest.raises(ConfigError, match=r"each need a share above 0"):
        parse_shares("100/0")


@pytest.mark.parametrize("shares", [(0.7, 0.15, 0.15), (0.8, 0.1, 0.1), (0.95, 0.05, 0.0)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_event_is_in_two_parts_and_shares_are_reached(shares: tuple[float, float, float], seed: int) -> None:
    records = event_records(**{f"event{n}": 5 + n % 7 for n in range(40)})
    found = split(records, shares=shares, seed=seed)
    events = [{record.event for record in part} for part in found.parts.values()]
    assert sum(map(len, events)) == len(set.union(*events)) == 40
    assert sorted(r.image for part in found.parts.values() for r in part) == sorted(r.image for r in records)
    assert list(found.reached.values()) == pytest.approx([share for share in shares if share], abs=0.02)
    assert found.notes == ()


def test_the_order_of_the_lines_does_not_matter_but_the_seed_does() -> None:
    records = event_records(**{f"event{n}": 3 for n in range(30)})
    mixed = random.Random(1).sample(records, len(records))
    places = [{r.image for r in split(given, seed=4).parts["validation"]} for given in (records, mixed)]
    assert places[0] == places[1]
    assert {r.image for r in split(records, seed=5).parts["validation"]} != places[0]


def test_parts_keep_the_order_of_the_file() -> None:
    records = event_records(**{f"event{n}": 3 for n in range(9)})
    train = split(records).parts["train"]
    assert [records.index(record) for record in train] == sorted(records.index(record) for record in train)


def test_an_event_spelt_in_two_ways_is_one() -> None:
    records = event_records(a=4, b=4, c=4)
    records += [replace(record, event=" A", image=f"x{record.image}") for record in records[:4]]
    for seed in range(5):
        parts = split(records, seed=seed).parts
        assert sum(any(record.event_key == "a" for record in part) for part in parts.values()) == 1


def test_look_alikes_stay_together_also_across_events() -> None:
    records = event_records(**{f"event{n}": 2 for n in range(10)})
    photos = {record.image: photo(record.image, 0xFFFF << (5 * n)) for n, record in enumerate(records[:10])}
    photos["event0/0.jpg"] = photo("event0/0.jpg", 0b1)
    photos["event9/0.jpg"] = photo("event9/0.jpg", 0b111)
    for seed in range(8):
        found = split(records, photos, seed=seed)
        place = {record.image: part for part, held in found.parts.items() for record in held}
        assert place["event0/0.jpg"] == place["event9/0.jpg"] == place["event0/1.jpg"] == place["event9/1.jpg"]
    assert any("Look-alike photos join 10 events into 9 groups" in note for note in found.notes)


def test_by_photo_keeps_records_of_one_photo_and_its_copies_together() -> None:
    records = [Record(image=f"{n}.jpg", caption=str(n)) for n in range(40)]
    records += [replace(record, caption=f"again {record.caption}") for record in records[:20]]
    photos = {"0.jpg": photo("0.jpg", 7), "39.jpg": photo("39.jpg", 7), "38.jpg": photo("38.jpg", 7)}
    for seed in range(4):
        found = split(records, photos, by="photo", seed=seed)
        images = [{record.image for record in part} for part in found.parts.values()]
        assert sum(map(len, images)) == 40
        assert sum(bool(part & {"0.jpg", "38.jpg", "39.jpg"}) for part in images) == 1
        assert found.notes == ()


@pytest.mark.parametrize(
    ("sizes", "shares", "message"),
    [
        (
            {"a": 9, "b": 3},
            (0.8, 0.1, 0.1),
            r"12 records name 2 events: .* ask for two parts \(90/10\), or split",
        ),
        ({"a": 9}, (0.9, 0.1, 0.0), r"9 records name 1 event: too few for the parts train, validation, since no event"),
        ({"": 9}, (0.9, 0.1, 0.0), r"9 records name no event: too few .*--by photo"),
    ],
)
def test_too_few_events_are_refused_with_a_way_out(
    sizes: dict[str, int], shares: tuple[float, float, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        split(event_records(**sizes), shares=shares)
    assert sum(split(event_records(**sizes), shares=shares, by="photo").groups.values()) >= 9


def test_few_large_events_give_every_part_one_and_say_what_was_reached() -> None:
    found = split(event_records(a=50, b=30, c=20), shares=(0.8, 0.1, 0.1))
    assert found.groups == {"train": 1, "validation": 1, "test": 1}
    assert {part: len(held) for part, held in found.parts.items()}["train"] == 50
    assert "train got 50% of the records instead of 80%: 3 groups, the largest of 50 records" in found.notes[0]


def test_records_without_an_event_are_kept_together_aloud() -> None:
    found = split(event_records(a=5, b=5, c=5) + [replace(r, event="") for r in event_records(x=3)])
    assert sum(any(not r.event for r in part) for part in found.parts.values()) == 1
    assert "3 records name no event; they are kept together" in found.notes[0]


@pytest.mark.parametrize("renamed", [0, 1, 2])
def test_a_split_that_is_broken_off_leaves_files_of_one_split(
    renamed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"{part}.jsonl" for part in ("train", "val", "test")]

    def write(caption: str) -> None:
        records = [Record(image="a.jpg", caption=caption)]
        write_parts({files[0]: records, files[1]: records, files[2]: None if caption == "new" else records})

    write("old")
    left = iter(range(renamed))
    real = os.replace

    def replace_some(source: Path | str, target: Path) -> None:
        if str(source).endswith(".part") and next(left, None) is None:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr("core.training.records.os.replace", replace_some)
    if renamed < 2:
        with pytest.raises(KeyboardInterrupt):
            write("new")
    else:
        write("new")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["train.jsonl", "val.jsonl"][:renamed]
    assert {json.loads(path.read_text())["caption"] for path in tmp_path.iterdir()} == ({"new"} if renamed else set())


def test_a_split_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path) -> None:
    files = [tmp_path / f"{part}.jsonl" for part in ("train", "val")]
    write_parts({path: [Record(image="a.jpg", caption="old")] for path in files})
    (tmp_path / ".val.jsonl.part").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*train\.jsonl, .*val\.jsonl: "):
        write_parts({path: [Record(image="a.jpg", caption="new")] for path in files})
    assert [json.loads(path.read_text())["caption"] for path in files] == ["old", "old"]
    assert not (tmp_path / ".train.jsonl.part").exists()


def test_sentences_are_shuffled_whole() -> None:
    texts = {shuffle_parts("One, two. Three! Four", np.random.default_rng(seed)) for seed in range(40)}
    assert texts == {
        "One, two. Three! Four",
        "One, two. Four. Three!",
        "Three! One, two. Four",
        "Three! Four. One, two.",
        "Four. One, two. Three!",
        "Four. Three! One, two.",
    }


@pytest.mark.parametrize(
    ("text", "keep_first", "all_texts"),
    [
        ("a stage, red light.", 0, {"a stage, red light.", "red light, a stage."}),
        ("a, b, c", 1, {"a, b, c", "a, c, b"}),
        ("a, b", 5, {"a, b"}),
        ("10,000 people at night.", 0, {"10,000 people at night."}),
        ("", 0, {""}),
    ],
)
def test_comma_parts_of_a_single_sentence_are_shuffled(text: str, keep_first: int, all_texts: set[str]) -> None:
    assert {shuffle_parts(text, np.random.default_rng(s), keep_first=keep_first) for s in range(30)} == all_texts


def test_dropout_drops_its_share_and_draws_alike_whatever_the_caption() -> None:
    generator = np.random.default_rng(0)
    dropped = [drop_caption("x", generator, share=0.3) == "" for _ in range(2000)]
    assert 0.26 < np.mean(dropped) < 0.34
    chosen = AugmentSettings(shuffle=True, dropout=0.5)
    states = []
    for caption in ("a, b, c", "one"):
        generator = np.random.default_rng(3)
        augment_caption(caption, chosen, generator)
        states.append(generator.integers(1 << 30))
    assert states[0] == states[1], "one caption's length must not change what another one gets"
    same = [augment_caption("a, b, c. d", chosen, np.random.default_rng(8)) for _ in range(2)]
    assert same[0] == same[1]
    assert augment_caption("a, b", AugmentSettings(), np.random.default_rng(0)) == "a, b"


def test_parts_kept_first_cannot_be_fewer_than_none() -> None:
    with pytest.raises(ValueError, match=r"keep_first"):
        AugmentSettings(keep_first=-1)
