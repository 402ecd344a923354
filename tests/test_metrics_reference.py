"""Our metrics hold the values of the reference implementations, and of published examples."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from sacrebleu.metrics.bleu import BLEU

from core.metrics.bleu import bleu, sacrebleu_score
from core.metrics.cider import cider
from core.metrics.corpus import TextSettings, measure, scores
from core.metrics.text import rouge_l_items
from core.metrics.wer import word_errors
from tests.conftest import shared_data

WORDS = st.lists(st.sampled_from(["a", "b", "c", "the", "cat", "é"]), max_size=9).map(" ".join)
ITEM = st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=4))
Corpus = list[tuple[str, list[str]]]


@settings(max_examples=60)
@given(corpus=st.lists(ITEM, min_size=1, max_size=7))
def test_equal_to_coco_caption(corpus: Corpus) -> None:
    assume(any(text for _, own in corpus for text in own))
    said, wanted = [c for c, _ in corpus], [r for _, r in corpus]
    results = {i: [text] for i, text in enumerate(said)}
    truth = dict(enumerate(wanted))
    corpus_bleu, item_bleu = Bleu(4).compute_score(truth, results, verbose=0)
    ours = bleu(said, wanted)
    assert [one.value for one in ours.corpus] == pytest.approx(corpus_bleu, abs=1e-12)
    np.testing.assert_allclose(ours.items.T, item_bleu, atol=1e-12)
    np.testing.assert_allclose(cider(said, wanted), Cider().compute_score(truth, results)[1], atol=1e-12)
    np.testing.assert_allclose(rouge_l_items(said, wanted), Rouge().compute_score(truth, results)[1], atol=1e-12)


@settings(max_examples=40)
@given(corpus=st.lists(ITEM, min_size=1, max_size=7), tokenized=st.booleans())
def test_equal_to_sacrebleu(corpus: Corpus, tokenized: bool) -> None:
    said, wanted = [c for c, _ in corpus], [r for _, r in corpus]
    metric = BLEU(tokenize="none" if tokenized else "13a", force=True)
    most = max(map(len, wanted))
    streams = [[own[i] if i < len(own) else None for own in wanted] for i in range(most)]
    theirs = metric.corpus_score(said, streams)
    ours = sacrebleu_score(said, wanted, tokenized=tokenized)
    assert ours.printed == pytest.approx(theirs.score, abs=1e-9)
    assert ours.corpus.value == pytest.approx(theirs.score / 100, abs=1e-11)
    assert ours.signature == str(metric.get_signature())


def test_a_double_space_is_a_word_to_rouge_as_in_coco_caption() -> None:
    assert rouge_l_items(["a  b"], [["a b"]])[0] == pytest.approx(Rouge().calc_score(["a  b"], ["a b"]))


def test_word_error_rate_of_the_corpus_is_weighted_by_words() -> None:
    # One replaced of 4, two missing of 2: 3 errors in 6 words.
    errors = word_errors(["a b c x", ""], [["a b c d"], ["e f"]])
    assert errors.value == pytest.approx(0.5)
    assert errors.rows.tolist() == [[1, 4], [2, 2]]


PUBLISHED = {
    "nlg_eval": {
        **{"bleu1": 0.55, "bleu2": 0.428174, "bleu3": 0.284043, "bleu4": 0.201143},
        **{"rougeL": 0.522104, "cider": 1.242192},
    },
    "good": {"bleu1": 0.6667, "bleu2": 0.4899, "bleu3": 0.3469, "bleu4": 0, "rougeL": 0.4280, "cider": 0.5637},
    "bad": {"bleu1": 0.4815, "bleu2": 0.2404, "bleu3": 0.1359, "bleu4": 0, "rougeL": 0.3121, "cider": 0.2790},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_values(name: str) -> None:
    folder = shared_data("metrics")
    if name == "nlg_eval":
        said, *wanted = (_lines(folder / name / f"{file}.txt") for file in ("hyp", "ref1", "ref2"))
        references = [list(own) for own in zip(*wanted, strict=True)]
    else:  # raw text
        example = folder / "clipscore_example"
        by_id = json.loads((example / f"{name}_captions.json").read_text())
        truth = json.loads((example / "refs.json").read_text())
        said, references = [*by_id.values()], [truth[key] for key in by_id]
    settings_ = TextSettings(tokenized=name == "nlg_eval", resamples=0)
    found = scores(measure(said, references, settings_), settings_)
    tolerance = 1e-6 if name == "nlg_eval" else 5.1e-5
    assert {key: found[key].value for key in PUBLISHED[name]} == pytest.approx(PUBLISHED[name], abs=tolerance)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()
