"""The clubs' voices: natural, fixed by the facts, and found again under everything an archive hangs on them."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from core.mini.scenes import TOPICS, sample_scene
from core.mini.voice import VOICES

WORDS_FILE = Path(__file__).parents[1] / "core" / "mini" / "words.txt"
NOT_TOLD = {"seed", "upright"}
# What the archive hangs on a caption, each found by one plain pattern.
CREDIT = r"(?im)^(📸|📷|PC\b|photo\b|photo credits|shot by|by)[ :-]*@.*$"
LINK = r"(https?://|www\.)\S+"
HINT = r"(?i)\(?\bswipe\b( left)?( for more)?\)?"
HANDLE, TAG = r"@[\w.]+", r"#\w+"
EMOJI = r"[\U0001F300-\U0001FAFF\u2600-\u27BF\u2190-\u21FF\uFE0F\u200D]"


def listed_words() -> set[str]:
    lines = WORDS_FILE.read_text(encoding="utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


def cleaned(text: str) -> str:
    for pattern in (CREDIT, LINK, HINT, HANDLE, TAG, EMOJI):
        text = re.sub(pattern, " ", text)
    return " ".join(text.split())


@pytest.mark.parametrize("club", VOICES)
@pytest.mark.parametrize("topic", TOPICS)
def test_a_club_has_words_for_every_scene(club: str, topic: str) -> None:
    rng, voice = np.random.default_rng(0), VOICES[club]
    for _ in range(400):
        scene = sample_scene(rng, topic)
        assert voice.core(scene) in voice.sayings[topic].every()
    assert set(voice.sayings[topic].gaps) == {field.name for field in fields(scene)} - NOT_TOLD


@pytest.mark.parametrize("club", VOICES)
@pytest.mark.parametrize("topic", TOPICS)
def test_every_caption_is_short_and_says_all_facts_in_known_words(club: str, topic: str) -> None:
    captions, known = VOICES[club].sayings[topic].every(), listed_words()
    assert len(set(captions)) == len(captions)
    for caption in captions:
        assert 8 <= len(caption.split()) <= 25
        assert not set(re.findall(r"\w+", caption.lower())) - known
        assert not re.sub(r"[A-Za-z ,.!]", "", caption)
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|  | [,.!]", caption)
        assert caption[0].isupper() == (club == "montage")


@pytest.mark.parametrize("club", VOICES)
@pytest.mark.parametrize("topic", TOPICS)
def test_the_words_do_not_hang_on_the_seed(club: str, topic: str) -> None:
    scene = sample_scene(np.random.default_rng(1), topic)
    told = {field.name: getattr(scene, field.name) for field in fields(scene)} | {"seed": scene.seed + 1}
    assert VOICES[club].core(type(scene)(**told)) == VOICES[club].core(scene)


@pytest.mark.parametrize("club", VOICES)
def test_a_cleaned_caption_is_the_core(club: str) -> None:
    rng, voice = np.random.default_rng(2), VOICES[club]
    for _ in range(2000):
        scene = sample_scene(rng)
        assert cleaned(voice.raw(scene, rng)) == voice.core(scene)


def test_an_archive_holds_what_archives_hold() -> None:
    rng = np.random.default_rng(3)
    raws = [VOICES["montage"].raw(sample_scene(rng), rng) for _ in range(500)]
    for pattern, low, high in (
        (CREDIT, 0.3, 0.7),
        (LINK, 0.01, 0.2),
        (HINT, 0.15, 0.5),
        (TAG, 0.7, 1),
        (EMOJI, 0.6, 1),
    ):
        assert low < np.mean([bool(re.search(pattern, raw)) for raw in raws]) < high
    assert np.mean([raw == cleaned(raw) for raw in raws]) < 0.1
    assert len(set(raws)) > 490


def test_the_same_generator_writes_the_same() -> None:
    scene = sample_scene(np.random.default_rng(4), "food")
    first, second = (VOICES["rival"].raw(scene, np.random.default_rng(5)) for _ in range(2))
    assert first == second


def test_two_clubs_share_no_caption() -> None:
    rng = np.random.default_rng(6)
    scenes = [sample_scene(rng) for _ in range(300)]
    ours, theirs = ({VOICES[club].core(scene) for scene in scenes} for club in ("montage", "rival"))
    assert not ours & theirs


def test_listed_words_are_lower_case() -> None:
    assert not [word for word in listed_words() if word != word.lower()]
