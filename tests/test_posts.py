"""Hashtags, labels, alt texts, template captions and the montage grid."""

import pytest
from PIL import Image

from core.captioners.template import template_captions
from core.categorize import LabelScore
from core.config import load_config
from core.montage import grid_rows, montage_grid
from core.posts import EventDetails, alt_text, choose_hashtags, post_labels
from core.settings import CaptionerSettings

EVENT = EventDetails(name="Freshers Night")


def settings(**changes: object) -> CaptionerSettings:
    return load_config().settings.captioner.model_copy(update=changes)


@pytest.mark.parametrize(
    ("labels", "base", "by_label", "most", "expected"),
    [
        ([], ["#A", "#B"], {}, 15, ["#A", "#B"]),
        (["stage"], ["#A"], {"stage": ["#Stage", "#Live"]}, 15, ["#A", "#Stage", "#Live"]),
        (["stage", "night"], ["#Live"], {"stage": ["#live", "#X"], "night": ["#X", "#N"]}, 15, ["#Live", "#X", "#N"]),
        (["stage"], ["#A"], {"stage": ["#Stage", "#Live"]}, 2, ["#A", "#Stage"]),
        (["unlisted"], ["#A", "#a"], {}, 15, ["#A"]),
        (["stage"], ["#A"], {"stage": ["#S"]}, 0, []),
    ],
)
def test_hashtags(
    labels: list[str], base: list[str], by_label: dict[str, list[str]], most: int, expected: list[str]
) -> None:
    assert list(choose_hashtags(labels, base=base, by_label=by_label, most=most)) == expected


def test_a_label_needs_a_third_of_the_photos() -> None:
    def scored(*names: str) -> list[LabelScore]:
        return [LabelScore(label=name, score=0.9) for name in names]

    given = [scored("stage", "night"), scored("stage"), scored("night", "stage"), scored("food"), [], []]
    assert post_labels(given, topk=3) == ("stage", "night")
    assert post_labels([[], []], topk=3) == ()


@pytest.mark.parametrize(
    ("labels", "number", "of", "expected"),
    [
        (["stage", "night", "people"], 2, 5, "Photo 2 of 5 from Freshers Night: stage, night and people."),
        (["food"], 1, 1, "Photo from Freshers Night: food."),
        ([], 1, 1, "Photo from Freshers Night."),
    ],
)
def test_alt_text_says_what_is_known_and_no_more(labels: list[str], number: int, of: int, expected: str) -> None:
    assert alt_text(EVENT, labels, number=number, of=of) == expected


def test_template_captions() -> None:
    event = EventDetails(name="  Freshers   Night ", date="14 March 2026", place="Main Hall")
    [caption] = template_captions(event, [["stage", "night"]], [3], settings(openers=("Moments from",)), seed=0)
    assert caption == "Moments from Freshers Night (Main Hall, 14 March 2026) — stage and night."


def test_openers_take_turns_and_follow_the_seed() -> None:
    labels, counts = [[]] * 8, [2] * 8
    first = template_captions(EVENT, labels, counts, settings(), seed=1)
    assert first == template_captions(EVENT, labels, counts, settings(), seed=1)
    assert len(set(first[:4])) == 4, "four openers before any comes again"
    assert any(first != template_captions(EVENT, labels, counts, settings(), seed=s) for s in range(2, 8))


def test_the_swipe_hint_is_for_posts_of_several_photos() -> None:
    captions = template_captions(EVENT, [[], []], [1, 2], settings(include_swipe_hint=True), seed=0)
    assert [caption.endswith("Swipe →") for caption in captions] == [False, True]


@pytest.mark.parametrize("n", range(1, 40))
def test_grids_have_no_holes(n: int) -> None:
    rows = grid_rows(n)
    assert sum(rows) == n
    assert max(rows) - min(rows) <= 1


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 9])
def test_every_photo_is_in_the_grid_in_order(n: int) -> None:
    colours = [(20 * i + 30, 10, 200 - 20 * i) for i in range(n)]
    grid = montage_grid([Image.new("RGB", (90 + 40 * i, 60), c) for i, c in enumerate(colours)], tile_px=60)
    rows = grid_rows(n)
    assert grid.height == len(rows) * 60 + (len(rows) - 1) * 6
    remaining = iter(colours)
    for row, count in enumerate(rows):
        for i in range(count):
            x, y = int((i + 0.5) * grid.width / count), row * 66 + 30
            assert grid.getpixel((x, y)) == next(remaining)
