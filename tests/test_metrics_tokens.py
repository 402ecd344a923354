"""Words of raw captions, and what normalisation takes out."""

import pytest

from core.errors import ConfigError
from core.metrics.normalise import Normalisation, normalise
from core.metrics.tokens import tokenize


# As printed by Stanford's PTBTokenizer 3.4.1 with coco-caption's options, its list of punctuation dropped.
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A man, a dog and 2 cats.", "a man a dog and 2 cats"),
        ("Don't stop! It's the club's night", "do n't stop ! it 's the club 's night".replace(" !", "")),
        ("we can't wait... cannot gonna wanna", "we ca n't wait can not gon na wan na"),
        ("I'd've shouldn't've who's", "i 'd 've should n't 've who 's"),
        ('"Lights," she said - a word -- and — dashes', "lights she said a word and dashes"),
        ("black-and-white photo at 5:30 p.m. on St. Mary's", "black-and-white photo at 5:30 p.m. on st. mary 's"),
        ("1,000 people, $5.50, 50% off, €20", "1,000 people $ 5.50 50 % off $ 20"),
        ("#freshers @montage_club https://example.com/a?b=c.", "#freshers @montage_club https://example.com/a?b=c"),
        ("it’s “curly” ‘single’ … 📸", "it 's curly single"),
        ("(left) and/or [right] R&B", "-lrb- left -rrb- and/or -lsb- right -rsb- r&b"),
        ("what?! six!! seven??", "what ?! six !! seven ??"),
        ("Mr. Smith vs. the U.S.A. etc.", "mr. smith vs. the u.s.a. etc."),
        ("the dogs' o'clock ma'am 90's '90s", "the dogs o'clock ma'am 90 's '90s"),
        ("Hello,world word_with_underscore &amp; more", "hello world word_with_underscore & more"),
        ("café Ünïcode नमस्ते", "café ünïcode नमस्ते"),
        ("A 24-70mm lens, 2024-05-01", "a 24-70mm lens 2024-05-01"),
        ("", ""),
        ("… !", ""),
    ],
)
def test_tokenize(text: str, words: str) -> None:
    assert tokenize(text) == words


ALL = Normalisation(lowercase=True, strip_punct=True, remove_hashtags=True, remove_swipe_tokens=True)


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("  As  it IS! ", Normalisation(), "  As  it IS! "),
        ("As  IT is!", Normalisation(lowercase=True), "as it is!"),
        ("It's a well-lit (big) room — 'yes'!", Normalisation(strip_punct=True), "It's a well-lit big room yes"),
        ("Night #club #12 c#5 out", Normalisation(remove_hashtags=True), "Night c#5 out"),
        ("Swipe → for the rest", Normalisation(remove_swipe_tokens=True), "for the rest"),
        ("Fun. Swipe left for more 👉", Normalisation(remove_swipe_tokens=True), "Fun."),
        ("Night (Swipe) out", Normalisation(remove_swipe_tokens=True), "Night out"),
        ("रात #नमस्ते दोस्तों ＃night", Normalisation(remove_hashtags=True), "रात दोस्तों"),
        ("A swiped card", Normalisation(remove_swipe_tokens=True), "A swiped card"),
        ("Lights! #night Swipe ➡️", ALL, "lights"),
    ],
)
def test_normalise(text: str, settings: Normalisation, expected: str) -> None:
    assert normalise(text, settings) == expected


def test_settings_are_true_or_false() -> None:
    with pytest.raises(ConfigError, match=r"normalize\.lowercase must be true or false, got 'no'"):
        Normalisation(lowercase="no")  # type: ignore[arg-type]
