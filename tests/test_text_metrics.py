"""Text measures against values worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics.text import rouge_l

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "the", "cat"]), min_size=1, max_size=12).map(" ".join)


@pytest.mark.parametrize(
    ("candidate", "references", "expected"),
    [
        ("a b c", ["a b d"], 2 / 3),
        ("the cat sat on the mat", ["the cat is on the mat"], 5 / 6),
        ("a b", ["a b c d"], 2.44 * 0.5 / (0.5 + 1.44)),
        ("a b c d", ["a b"], 2.44 * 0.5 / (1 + 1.44 * 0.5)),
        # The best precision (3/4) and the best recall (1) may come from different references.
        ("a b c d", ["a b", "a b c x y z"], 2.44 * 0.75 / (1 + 1.44 * 0.75)),
        ("d c b a", ["a b c d"], 1 / 4),
        ("x", ["a b"], 0),
        ("", ["a b"], 0),
        ("🎉 …", ["a b"], 0),
        ("The CAT, sat!", ["the cat — sat"], 1),
        ("It’s   night", ["it's night"], 1),
        ("a\nb", ["", "a b"], 1),
    ],
)
def test_rouge_l(candidate: str, references: list[str], expected: float) -> None:
    assert rouge_l(candidate, references) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("references", [[], [""], ["🎉", "!"]])
def test_references_without_a_word_are_refused(references: list[str]) -> None:
    with pytest.raises(ValueError, match="a reference that holds a word"):
        rouge_l("a", references)


@given(candidate=WORDS, references=st.lists(WORDS, min_size=1, max_size=3))
def test_rouge_l_is_a_share_and_full_marks_are_for_the_same_words(candidate: str, references: list[str]) -> None:
    assert 0 <= rouge_l(candidate, references) <= 1
    assert rouge_l(candidate, [*references, candidate]) == pytest.approx(1)
