"""Judge a model on validation records while it learns: the loss of what people wrote, and the captions it writes.

Prompts, photos and stored features are those of training; decoding is fixed, so two evaluations of the same weights
give the same numbers.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.metrics.corpus import TextSettings
from core.metrics.normalise import Normalisation
from core.settings import DecodingSettings
from core.training.clip_fit import ClipJudge
from core.training.collate import cut_caption
from core.training.features import FrozenFeatures, TrainingPhotos
from core.training.predictions import Evaluation, Prediction, write_evaluation
from core.training.record import Record
from core.training.scoring import METRICS, Scores, few, loss_scores, score_captions, score_clip
from core.training.settings import EvalSettings
from core.training.token_loss import in_eval_mode, text_batch, token_losses
from core.vlm.family import Tensor
from core.vlm.model import VisionLanguageModel
from core.vlm.prompts import PromptTemplate

__all__ = ["Evaluation", "Evaluator", "Prediction", "decoding_of", "write_evaluation"]

Progress = Callable[[str, int, int], None]
"""Called with (what is done, records done, records in all)."""


def decoding_of(settings: EvalSettings) -> DecodingSettings:
    """How captions are written in evaluation: beams or the likeliest word, never drawn at random."""
    return DecodingSettings(
        num_beams=settings.num_beams,
        max_new_tokens=settings.max_new_tokens,
        length_penalty=settings.length_penalty,
        no_repeat_ngram_size=settings.no_repeat_ngram_size,
        do_sample=False,
        temperature=1.0,
        top_p=1.0,
        seed=None,
    )


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """Evaluates a model as often as it is asked, always on the same records and in the same way."""

    settings: EvalSettings
    prompt: PromptTemplate
    """What the model is asked, in training and here."""
    photos: TrainingPhotos
    features: FrozenFeatures | None = None
    """Stored features; None runs the vision side of the model as it is."""
    clip: ClipJudge | None = None
    """Holds captions against their photos; None leaves CLIP scores out."""
    training_captions: Sequence[str] | None = None
    """What the model learns from, to tell what it copies."""
    max_caption_tokens: int | None = None
    """Longer captions cost only their beginning, as in training; None takes them whole."""
    batch_size: int = 4
    seed: int = 0
    """Of the subset and of the bootstrap."""
    resamples: int = 1000
    progress: Progress = lambda what, done, total: None

    def subset(self, records: Sequence[Record]) -> list[Record]:
        """The records that are looked at: all, or as many as the settings say, drawn once by the seed."""
        size = self.settings.eval_subset_size
        if not size or size >= len(records):
            return list(records)
        chosen = np.random.default_rng(self.seed).choice(len(records), size, replace=False)
        return [records[i] for i in sorted(chosen)]

    def evaluate(self, model: VisionLanguageModel, records: Sequence[Record], *, step: int) -> Evaluation:
        """Evaluate; the model is left in the mode it was in.

        Args:
            records: the whole validation set.
            step: optimizer steps that the model has been trained for.

        Raises:
            ModelError, PhotoError: a photo's features cannot be had, or memory ran out.
        """
        begun = time.perf_counter()
        chosen = self.subset(records)
        if not chosen:
            raise ValueError("there is no validation record to evaluate on")
        with in_eval_mode(model.model):
            scores, written = self._run(model, chosen)
        if written is not None:
            references = [record.captions for record in chosen]
            scores |= score_captions(written, references, self._texts, training=self.training_captions)
            if self.clip is not None:
                self.progress("CLIP scores", 0, len(chosen))
                images = [record.image for record in chosen]
                scores |= score_clip(self.clip.fit(written, images, self.photos, model), self._texts)
                self.progress("CLIP scores", len(chosen), len(chosen))
        predictions = () if written is None else self._predictions(chosen, written, scores)
        return Evaluation(
            step=step,
            metrics={name: scores.metrics[name] for name in METRICS if name in scores.metrics},
            intervals={name: scores.intervals[name] for name in METRICS if name in scores.intervals},
            predictions=predictions,
            count=len(chosen),
            total=len(records),
            signature=self.signature,
            notices=(*few(len(chosen)), *scores.notices),
            seconds=time.perf_counter() - begun,
        )

    @property
    def signature(self) -> dict[str, Any]:
        """What the numbers depend on besides the model and the records."""
        decoding = decoding_of(self.settings).model_dump(exclude={"seed", "temperature", "top_p"})
        return {
            "prompt": self.prompt.text,
            "decoding": decoding,
            "normalize": self.settings.normalize.model_dump(),
            "tokenization": self._texts.tokenization,
            "bleu, rougeL, cider": "coco-caption",
            "intervals": f"95 %, percentile bootstrap over records, {self.resamples} resamples; jackknife for distinct",
            "clip": None if self.clip is None else self.clip.name,
            "max_caption_tokens": self.max_caption_tokens,
            "seed": self.seed,
        }

    @property
    def _texts(self) -> TextSettings:
        how = Normalisation(**self.settings.normalize.model_dump())
        return TextSettings(normalisation=how, resamples=self.resamples, seed=self.seed)

    def _run(self, model: VisionLanguageModel, records: Sequence[Record]) -> tuple[Scores, list[str] | None]:
        """Loss and captions of all records; each photo's features are had once for both."""
        losses: dict[int, tuple[float, ...]] = {}
        written: dict[int, str] = {}
        total = 0.0
        for numbers in self._batches(model, records):
            self.progress("evaluate", len(losses), len(records))
            batch = [records[i] for i in numbers]
            seen, prompts = self._features(model, batch), self._prompts(batch)
            captions = [self._cut(model, record.caption) for record in batch]
            found = token_losses(model, text_batch(model, seen, prompts, captions))
            losses |= dict(zip(numbers, found.losses, strict=True))
            total += found.mean * sum(len(row) for row in found.losses)
            if self.settings.generate:
                texts = model.generate(seen, prompts, decoding_of(self.settings))
                written |= {number: variants[0] for number, variants in zip(numbers, texts, strict=True)}
        self.progress("evaluate", len(records), len(records))
        in_order = [losses[i] for i in range(len(records))]
        scores = loss_scores(total / sum(len(row) for row in in_order), in_order, self._texts)
        return scores, [written[i] for i in range(len(records))] if self.settings.generate else None

    def _batches(self, model: VisionLanguageModel, records: Sequence[Record]) -> Iterator[list[int]]:
        """Indices of records whose prompts may share a batch, about equally long ones together."""
        prompts = self._prompts(records)
        together = model.same_batch(prompts)
        order = sorted(range(len(records)), key=lambda i: (together[i], len(prompts[i]), i))
        while order:
            batch = [i for i in order[: self.batch_size] if together[i] == together[order[0]]]
            order = order[len(batch) :]
            yield batch

    def _features(self, model: VisionLanguageModel, records: Sequence[Record]) -> list[Tensor]:
        if self.features is not None:
            return [self.features.get(record.image) for record in records]
        return list(model.features([model.pixels(self.photos.open(record.image, model)) for record in records]))

    def _prompts(self, records: Sequence[Record]) -> list[str]:
        return [self.prompt.fill(record.event, record.labels) for record in records]

    def _cut(self, model: VisionLanguageModel, caption: str) -> str:
        """The part of a caption that training sees."""
        most = self.max_caption_tokens
        return caption if most is None else cut_caption(caption, model.processor.tokenizer, most)

    def _predictions(self, records: Sequence[Record], written: Sequence[str], scores: Scores) -> tuple[Prediction, ...]:
        return tuple(
            Prediction(
                image=record.image,
                event=record.event,
                labels=record.labels,
                prompt=self.prompt.fill(record.event, record.labels),
                references=record.captions,
                prediction=text,
                scores={name: values[i] for name, values in scores.items.items()},
            )
            for i, (record, text) in enumerate(zip(records, written, strict=True))
        )
