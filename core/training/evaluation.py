"""Judge a model on validation records while it learns: the loss of what people wrote, and the captions it writes.

Prompts, photos and stored features are those of training; decoding is fixed, so two evaluations of the same weights
give the same numbers.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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

__all__ = ["Answer", "Evaluation", "Evaluator", "Prediction", "decoding_of", "write_evaluation"]

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a model makes of one record."""

    losses: tuple[float, ...]
    """Cross-entropy of each token of the record's caption, in nats."""
    loss: float
    """The training's own loss, summed over them; with label smoothing another than their sum."""
    text: str | None
    """What it writes; None where nothing is generated."""


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
        found = self.evaluation(model, chosen, self.answers(model, chosen), step=step, total=len(records))
        return replace(found, seconds=time.perf_counter() - begun)

    def answers(self, model: VisionLanguageModel, records: Sequence[Record]) -> list[Answer]:
        """What a model makes of records, in their order; it is left in the mode it was in.

        Raises:
            ModelError, PhotoError: a photo's features cannot be had, or memory ran out.
        """
        found: dict[int, Answer] = {}
        with in_eval_mode(model.model):
            for numbers in self._batches(model, records):
                self.progress("evaluate", len(found), len(records))
                batch = [records[i] for i in numbers]
                found |= dict(zip(numbers, self._ask(model, batch), strict=True))
        self.progress("evaluate", len(records), len(records))
        return [found[i] for i in range(len(records))]

    def evaluation(
        self,
        model: VisionLanguageModel,
        records: Sequence[Record],
        answers: Sequence[Answer],
        *,
        step: int = 0,
        total: int | None = None,
        signature: Mapping[str, Any] | None = None,
    ) -> Evaluation:
        """What the answers to records come to; the model's weights are not needed.

        A corpus metric of shards is not the mean of theirs, so shards bring answers together and never scores.

        Args:
            answers: one for each record.
            step: optimizer steps that the model has been trained for.
            total: records that there are, of which these were looked at.
            signature: what the numbers depend on besides the settings.
        """
        mean = sum(one.loss for one in answers) / sum(len(one.losses) for one in answers)
        scores = loss_scores(mean, [one.losses for one in answers], self._texts)
        written = [one.text for one in answers if one.text is not None]
        if written:
            references = [record.captions for record in records]
            scores |= score_captions(written, references, self._texts, training=self.training_captions)
        if written and self.clip is not None:
            self.progress("CLIP scores", 0, len(records))
            images = [record.image for record in records]
            scores |= score_clip(self.clip.fit(written, images, self.photos, model), self._texts)
            self.progress("CLIP scores", len(records), len(records))
        return Evaluation(
            step=step,
            metrics={name: scores.metrics[name] for name in METRICS if name in scores.metrics},
            intervals={name: scores.intervals[name] for name in METRICS if name in scores.intervals},
            predictions=self._predictions(records, written, scores) if written else (),
            count=len(records),
            total=len(records) if total is None else total,
            signature={**(signature or {}), **self.signature},
            notices=(*few(len(records)), *scores.notices),
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

    def _ask(self, model: VisionLanguageModel, records: Sequence[Record]) -> list[Answer]:
        """Loss and captions of a batch; each photo's features are had once for both."""
        seen, prompts = self._features(model, records), self._prompts(records)
        captions = [self._cut(model, record.caption) for record in records]
        found = token_losses(model, text_batch(model, seen, prompts, captions))
        texts: list[str | None] = [None] * len(records)
        if self.settings.generate:
            texts = [variants[0] for variants in model.generate(seen, prompts, decoding_of(self.settings))]
        return [
            Answer(losses=row, loss=found.mean * len(row), text=text)
            for row, text in zip(found.losses, texts, strict=True)
        ]

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
