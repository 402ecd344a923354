"""How words are drawn: by the distribution that was asked for, and for each photo by itself."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from core.vlm.decoding import generate_options, row_seed
from core.vlm.model import VisionLanguageModel
from tests.vlm_helpers import FAMILIES, decoding, photos

Models = Callable[[str], VisionLanguageModel]
LOGITS = np.array([2.0, 1.0, 0.5, 0.0, -1.0, -3.0])
ROWS = 4000


def drawn(temperature: float, top_p: float, seeds: list[int]) -> np.ndarray:
    """The words that rows of one distribution get."""
    how = decoding(do_sample=True, temperature=temperature, top_p=top_p)
    [sampler] = generate_options(how, variants=1, seeds=seeds)["logits_processor"]
    scores = torch.tensor(LOGITS, dtype=torch.float32).repeat(len(seeds), 1)
    return np.asarray(sampler(torch.zeros(len(seeds), 1, dtype=torch.int64), scores).argmax(1))


@pytest.mark.parametrize(
    ("temperature", "top_p", "kept"),
    [(1.0, 1.0, 6), (0.5, 1.0, 6), (2.0, 1.0, 6), (1.0, 0.8, 3), (1.0, 0.5, 1), (2.0, 0.7, 3)],
)
def test_words_come_as_often_as_they_should(temperature: float, top_p: float, kept: int) -> None:
    counts = np.bincount(drawn(temperature, top_p, [row_seed(3, f"photo {i}", 0) for i in range(ROWS)]), minlength=6)
    expected = np.exp(LOGITS / temperature)
    expected[kept:] = 0
    expected *= ROWS / expected.sum()
    assert counts[kept:].sum() == 0
    chi_square = ((counts - expected)[:kept] ** 2 / expected[:kept]).sum()
    assert chi_square < 20.5, "99.9 % of honest draws stay under this"


def test_a_row_draws_alike_in_any_company() -> None:
    seeds = [row_seed(1, f"photo {i}", 0) for i in range(50)]
    together = drawn(1.0, 1.0, seeds)
    assert (together[::-1] == drawn(1.0, 1.0, seeds[::-1])).all()
    assert [drawn(1.0, 1.0, [seed])[0] for seed in seeds] == together.tolist()


def test_one_row_draws_anew_for_each_word() -> None:
    how = decoding(do_sample=True)
    [sampler] = generate_options(how, variants=1, seeds=[7])["logits_processor"]
    scores = torch.zeros(1, 50)
    words = [int(sampler(torch.zeros(1, 1, dtype=torch.int64), scores).argmax()) for _ in range(20)]
    assert len(set(words)) > 10


def test_row_seeds_differ_by_all_they_depend_on() -> None:
    seeds = {row_seed(s, c, v) for s in (0, 1, 2) for c in ("a", "b", "c") for v in (0, 1, 2)}
    assert len(seeds) == 27
    assert all(0 <= seed < 2**63 for seed in seeds), "what torch takes"


def test_too_few_seeds_are_refused(vlm: Models) -> None:
    model = vlm("git")
    features = list(model.features([model.pixels(photo) for photo in photos(2)]))
    with pytest.raises(ValueError, match="4 rows are sampled, got 1 seeds"):
        model.generate(features, ["", ""], decoding(do_sample=True), variants=2, seeds=[[5]])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_photo_gets_its_words_in_any_batch_and_order(vlm: Models, name: str) -> None:
    model, how = vlm(name), decoding(do_sample=True, temperature=1.3, top_p=0.95)
    features = list(model.features([model.pixels(photo) for photo in photos(3)]))
    seeds = [[row_seed(0, f"photo {i}", v) for v in range(2)] for i in range(3)]

    def written(order: list[int]) -> list[list[str]]:
        chosen = [features[i] for i in order]
        return model.generate(chosen, ["a photo"] * len(order), how, variants=2, seeds=[seeds[i] for i in order])

    together = written([0, 1, 2])
    assert written([2, 0, 1]) == [together[i] for i in (2, 0, 1)]
    assert [written([i])[0] for i in range(3)] == together
    assert len({text for texts in together for text in texts}) == 6, "variants and photos differ"


@pytest.mark.parametrize("name", FAMILIES)
def test_beams_give_distinct_variants_the_best_first(vlm: Models, name: str) -> None:
    model = vlm(name)
    features = list(model.features([model.pixels(photo) for photo in photos(2)]))
    prompts = ["a photo of", "a photo of"]
    three = model.generate(features, prompts, decoding(num_beams=4), variants=3)
    one = model.generate(features, prompts, decoding(num_beams=4))
    assert [texts[0] for texts in three] == [texts[0] for texts in one]
    assert all(len(set(texts)) == 3 for texts in three)


def test_the_checkpoints_own_generation_settings_do_not_mix_in(vlm: Models) -> None:
    model = vlm("git")
    features = list(model.features([model.pixels(photo) for photo in photos(2)]))
    plain = model.generate(features, ["a", "a"], decoding())
    own = model.model.generation_config
    before = own.to_dict()
    own.update(num_beams=4, do_sample=True, temperature=0.1, top_k=3, top_p=0.2, max_length=5, min_length=3)
    own.update(repetition_penalty=5.0, no_repeat_ngram_size=1, length_penalty=-4.0, num_return_sequences=2)
    try:
        assert model.generate(features, ["a", "a"], decoding()) == plain
    finally:
        own.update(**before)
