"""How words are chosen: what `generate` is told, and sampling that does not depend on who shares the batch."""

from collections.abc import Sequence
from typing import Any

from core.settings import DecodingSettings
from core.store import digest

__all__ = ["decoding_key", "generate_options", "row_seed"]


def decoding_key(decoding: DecodingSettings, seed: int) -> dict[str, Any]:
    """What of a decoding decides the words: temperature, top_p and seed only where words are sampled."""
    if not decoding.do_sample:
        return decoding.model_dump(exclude={"seed", "temperature", "top_p"})
    return decoding.model_dump() | {"seed": decoding.seed if decoding.seed is not None else seed}


def row_seed(seed: int, content: str, variant: int) -> int:
    """The seed of one photo's sampling: the same photo gets the same words in any batch and any order."""
    return int(digest("sampling", seed, content, variant)[:15], 16)


def generate_options(decoding: DecodingSettings, *, variants: int, seeds: Sequence[int]) -> dict[str, Any]:
    """Arguments of transformers' `generate`.

    Args:
        variants: sequences wanted for each row by beam search; sampled variants are rows of their own.
        seeds: one for each row, where words are sampled.
    """
    options: dict[str, Any] = {
        "max_new_tokens": decoding.max_new_tokens,
        "num_beams": decoding.num_beams,
        "no_repeat_ngram_size": decoding.no_repeat_ngram_size or None,
        "do_sample": False,
        "num_return_sequences": 1 if decoding.do_sample else variants,
        "use_cache": True,
        # What a checkpoint's own generation_config may hold must not mix with what was asked for.
        "max_length": None,
        "min_length": 0,
        "temperature": None,
        "top_p": None,
        "top_k": None,
        "repetition_penalty": None,
    }
    if decoding.num_beams > 1:
        options |= {"length_penalty": decoding.length_penalty, "early_stopping": True}
    if decoding.do_sample:
        options["logits_processor"] = [_row_sampler(decoding, seeds)]
    return options


def _row_sampler(decoding: DecodingSettings, seeds: Sequence[int]) -> Any:
    """Gumbel-max sampling: the likeliest word after Gumbel noise is a draw from the softmax (Gumbel 1954)."""
    import torch
    from transformers import LogitsProcessor
    from transformers.generation.logits_process import TemperatureLogitsWarper, TopPLogitsWarper

    class RowSampler(LogitsProcessor):  # type: ignore[misc]
        def __init__(self) -> None:
            self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
            self._warpers = [TemperatureLogitsWarper(decoding.temperature), TopPLogitsWarper(decoding.top_p)]

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            for warper in self._warpers:
                scores = warper(input_ids, scores)
            uniform = torch.stack(
                [torch.rand(scores.shape[1], generator=g, dtype=torch.float64) for g in self._generators]
            )
            noise = -torch.log(-torch.log(uniform.clamp(1e-300, 1 - 1e-16)))
            return scores + noise.to(scores.device, scores.dtype)

    return RowSampler()
