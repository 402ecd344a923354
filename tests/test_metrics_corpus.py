"""Scores of a set of captions: values worked out by hand, intervals, what is absent, and two sets compared."""

import math

import numpy as np
import pytest

from core.errors import ConfigError, InputError
from core.metrics.corpus import TextSettings, measure, scores
from core.metrics.diversity import distinct, diversity_difference, diversity_permutation
from core.metrics.leaks import exact_matches, handle_leaks, verbatim_copies
from core.metrics.meteor import meteor, why_no_meteor
from core.metrics.normalise import Normalisation
from core.metrics.paired import compare

TOKENIZED = TextSettings(tokenized=True, resamples=200)


def test_every_metric_by_hand() -> None:
    # Item 1 equals its reference; item 2 shares "a" with a reference of three words.
    said, wanted = ["the cat sat down", "a dog"], [["the cat sat down"], ["a big cow"]]
    found = {name: one.value for name, one in scores(measure(said, wanted, TOKENIZED), TOKENIZED).items()}
    brevity = math.exp(1 - 7 / 6)  # 6 words said, 7 in the references
    expected = {
        "bleu1": brevity * 5 / 6,
        "bleu2": brevity * math.sqrt(5 / 6 * 3 / 4),
        "bleu3": brevity * (5 / 6 * 3 / 4 * 2 / 2) ** (1 / 3),
        "bleu4": brevity * (5 / 6 * 3 / 4 * 1 * 1) ** (1 / 4),
        "sacrebleu": brevity * (5 / 6 * 3 / 4 * 1 * 1) ** (1 / 4),
        "rougeL": (1 + 2.44 * (1 / 2) * (1 / 3) / (1 / 3 + 1.44 / 2)) / 2,
        # Item 1: 10. Item 2: unigram cosine 1/sqrt(2*3), 1 of 4 orders, one bigram shorter.
        "cider": (10 + 10 / 4 / math.sqrt(6) * math.exp(-1 / 72)) / 2,
        "wer": 2 / 7,
        "distinct1": 1.0,
        "distinct2": 1.0,
        "exact_match": 0.5,
        "handle_leak": 0.0,
    }
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("candidate", "leaks"),
    [
        ("By @kabir.shoots", True),
        ("(@a)", True),
        ("thanks @Montage_IITG!", False),
        ("mail club@iitg.ac.in", False),
        ("＠kabir", True),
        ("@montage_iitg@kabir", True),
        ("@montage_iitg＠Montage_IITG", False),
        ("at 7 @ the lawn", False),
        ("hello@club dear", True),
        ("hello@Montage_IITG dear", False),
        ("by@kabir.in", False),  # may be an e-mail address
        ("by＠kabir", True),
        ("doors@7pm, 2@100", False),
        ("", False),
    ],
)
def test_handle_leaks(candidate: str, leaks: bool) -> None:
    assert handle_leaks([candidate], allowed=["@montage_iitg"]).tolist() == [leaks]


def test_copies_and_matches() -> None:
    assert verbatim_copies(["a b", "b"], iter(["a b", "c"])).tolist() == [1, 0]
    assert exact_matches(["a b", "b"], [["x", "a b"], ["a b"]]).tolist() == [1, 0]
    assert verbatim_copies([""], ["", "a"]).tolist() == exact_matches([""], [["", "a"]]).tolist() == [0]


def test_raw_texts_are_tokenised_and_normalised() -> None:
    raw = TextSettings(resamples=0, normalisation=Normalisation(remove_hashtags=True, remove_swipe_tokens=True))
    measured = measure(["Lights! #night Swipe → @me"], [["lights @me."]], raw, training=["LIGHTS… @me"])
    assert measured.metrics["exact_match"].value == 1
    assert measured.metrics["verbatim_copy"].value == 1
    assert measured.metrics["handle_leak"].value == 1
    assert "verbatim_copy" not in measured.absent


def test_what_is_absent_says_why() -> None:
    absent = measure(["a"], [["a"]], TOKENIZED).absent
    assert set(absent) == {"verbatim_copy", "meteor"}
    assert "trained on" in absent["verbatim_copy"]


def test_without_java_there_is_no_meteor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    measured = measure(["a"], [["a"]], TextSettings(tokenized=True, meteor=True))
    assert "meteor" not in measured.metrics
    assert "no `java`" in measured.absent["meteor"]


@pytest.mark.slow
@pytest.mark.skipif(why_no_meteor() is not None, reason="METEOR needs Java")
def test_meteor_of_items_and_corpus() -> None:
    said = ["a cat sat on the mat", "two dogs", "", "a man rides a bike"]
    wanted = [["a cat sat on the mat"], ["the dog", "three dogs run"], ["a"], ["a man is riding a bicycle"]]
    found = meteor(said, wanted)
    # Printed by the program itself (EVAL) for the same lines, each alone and all together.
    assert found.combine(found.rows).tolist() == pytest.approx([1.0, 0.2552772875, 0.0, 0.3885490544], abs=1e-9)
    assert found.value == pytest.approx(0.4497722995, abs=1e-9)


@pytest.mark.parametrize("references", [[""], [" ", ""]])
def test_a_caption_without_a_worded_reference_is_named(references: list[str]) -> None:
    with pytest.raises(InputError, match=r"caption 'b\.jpg': expected a reference that holds a word"):
        measure(["x", "y"], [["a"], references], TOKENIZED, names=["a.jpg", "b.jpg"])


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(InputError, match="no caption to score"):
        measure([], [], TOKENIZED)


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="resamples and seed must be 0 or more, got -1 and 0"):
        TextSettings(resamples=-1)


def random_captions(seed: int, n: int = 60) -> list[str]:
    generator = np.random.default_rng(seed)
    return [" ".join(f"w{i}" for i in generator.zipf(1.6, size=8) % 50) for _ in range(n)]


def test_intervals_hold_the_value_and_repeat_by_seed() -> None:
    said, wanted = random_captions(1), [[text] for text in random_captions(2)]
    found = scores(measure(said, wanted, TOKENIZED), TOKENIZED)
    for name, one in found.items():
        assert one.interval is not None, name
        low, high = one.interval
        assert low - 1e-12 <= one.value <= high + 1e-12, name
    assert {one.method for one in found.values()} == {"bootstrap", "jackknife", "wilson"}
    assert found == scores(measure(said, wanted, TOKENIZED), TOKENIZED)
    other = TextSettings(tokenized=True, resamples=200, seed=1)
    assert found["bleu1"].interval != scores(measure(said, wanted, other), other)["bleu1"].interval


def test_no_leak_among_few_captions_does_not_mean_that_none_can_leak() -> None:
    found = scores(measure(["a"] * 20, [["a"]] * 20, TOKENIZED), TOKENIZED)["handle_leak"]
    assert found.value == 0
    assert found.interval == pytest.approx((0, 0.161), abs=1e-3)  # Wilson: z² / (n + z²)


def test_one_caption_has_no_interval() -> None:
    found = scores(measure(["a b"], [["a b"]], TOKENIZED), TOKENIZED)
    assert {one.interval for one in found.values()} == {None}


def test_distinct_and_its_jackknife_against_leaving_out_by_hand() -> None:
    texts = ["a b a", "b c", "d"]
    one = distinct(texts, 1)
    assert one.value == pytest.approx(4 / 6)
    assert one.left_out.tolist() == pytest.approx([3 / 3, 3 / 4, 3 / 5])
    assert distinct(texts, 2).value == pytest.approx(3 / 3)  # "a b", "b a", "b c"
    assert distinct(["a", "b"], 2).value == 0


def test_distinct_is_compared_in_pairs() -> None:
    varied, dull = [f"w{i} x{i}" for i in range(30)], ["a b"] * 30
    one, other = distinct(varied, 1), distinct(dull, 1)
    assert diversity_permutation(one, other, permutations=200) < 0.01
    assert diversity_permutation(one, one, permutations=200) == 1
    low, high = diversity_difference(one, other) or (0, 0)
    assert low <= other.value - one.value <= high < 0


def test_no_verdict_on_what_guards_against_division_by_zero_leave() -> None:
    short, long = (measure([text] * 20, [["a b c d"]] * 20, TOKENIZED) for text in ("a b c x", "a b c x y z"))
    found = compare(short, long, TOKENIZED)
    assert found["bleu3"].verdict == "a is better"
    assert found["bleu4"].p_value < 0.05, "not a single match of four words, yet the values differ"
    assert found["bleu4"].verdict == "no difference shown"


def test_comparison_reads_better_and_no_difference() -> None:
    wanted = [[text] for text in random_captions(2)]
    good = [text if i % 2 else "w1 w2" for i, (text,) in enumerate(wanted)]
    bad = random_captions(5)
    found = compare(measure(bad, wanted, TOKENIZED), measure(good, wanted, TOKENIZED), TOKENIZED)
    assert found["cider"].verdict == "b is better"
    assert found["wer"].verdict == "b is better"
    assert found["wer"].difference < 0
    same = compare(measure(good, wanted, TOKENIZED), measure(good, wanted, TOKENIZED), TOKENIZED)
    assert {one.verdict for one in same.values()} == {"no difference shown"}
    assert {one.p_value for one in same.values()} == {1.0}
