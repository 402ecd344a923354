"""A loaded model: photos in, captions out, and the loss of given captions. Loaded at its first use.

Shapes: B photos, T image tokens, D the width of the features.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from core.errors import ModelError
from core.settings import DecodingSettings, LoadSettings
from core.store import digest
from core.vlm.adapters import Adapter, attach, check_base, detach
from core.vlm.checkpoint import Checkpoint
from core.vlm.decoding import generate_options
from core.vlm.family import Batch, Family, Tensor, mask, pad
from core.vlm.loading import choose_device, choose_dtype, load_model, load_processor, quiet
from core.vlm.prompts import PromptTemplate

__all__ = ["Example", "VisionLanguageModel"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One photo and caption to learn from."""

    features: np.ndarray | None = None
    """Stored features (T, D), or None where `pixel_values` are given."""
    pixel_values: np.ndarray | None = None
    """A preprocessed photo, float32 (3, H, W)."""
    prompt: str
    caption: str


class VisionLanguageModel:
    """One checkpoint, with at most one adapter on top. Threads may share it: it encodes and writes for one at a time.

    Args:
        checkpoint: from `core.vlm.checkpoint`.
        settings: device, number format, quantization.
        adapter: from `core.vlm.adapters.open_adapter`.
    """

    def __init__(self, checkpoint: Checkpoint, settings: LoadSettings, *, adapter: Adapter | None = None) -> None:
        self.checkpoint = checkpoint
        self.settings = settings
        self._adapter = adapter
        self._lock = threading.RLock()
        self._model: Any = None
        self._processor: Any = None

    @property
    def family(self) -> Family:
        """What sets it apart from other families."""
        return self.checkpoint.family

    @property
    def name(self) -> str:
        """As the user knows it."""
        return self.checkpoint.name if self._adapter is None else f"{self.checkpoint.name} + {self._adapter.name}"

    @property
    def prompt(self) -> PromptTemplate:
        """The template it was trained with: the adapter's, else the checkpoint's."""
        own = self._adapter.prompt if self._adapter is not None else None
        return own or self.checkpoint.prompt

    @property
    def key(self) -> str:
        """Checksum of all that decides the captions, but prompt and decoding."""
        return digest("vlm", self.features_key, None if self._adapter is None else self._adapter.key)

    @property
    def features_key(self) -> str:
        """Checksum of all that decides the features of a photo."""
        changed = self._adapter.key if self._adapter is not None and self._adapter.changes_features else None
        dtype = choose_dtype(self.settings)
        return digest("features", self.checkpoint.key, dtype, self.settings.quantization, changed)

    @property
    def is_loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._model is not None

    @property
    def model(self) -> Any:
        """The transformers model, inside a PEFT model where there is an adapter."""
        self.load()
        return self._model

    @property
    def processor(self) -> Any:
        """The transformers processor."""
        if self._processor is None:  # the lock is not asked for later, or decoding would wait for writing
            with self._lock:
                self._processor = self._processor or load_processor(self.checkpoint)
        return self._processor

    def load(self) -> None:
        """Load processor, weights and adapter now rather than at their first use.

        Raises:
            ModelError: weights or adapter do not fit; says which and what to do.
        """
        with self._lock:
            if self._model is None:
                model = load_model(self.checkpoint, self.settings)
                self.family.adjust(model, self.processor)
                problems = self.family.check(model, self.processor)
                if problems:
                    raise ModelError(f"{self.checkpoint.folder}: {'; '.join(problems)}")
                self._model = model if self._adapter is None else attach(model, self._adapter, self.checkpoint)

    def use_adapter(self, adapter: Adapter | None) -> None:
        """Put another adapter on the loaded base, or none; the base is not loaded again.

        Raises:
            ModelError: it does not fit; the model then goes on with the one it had.
        """
        with self._lock:
            if self._model is not None:
                if adapter is not None:
                    check_base(self._model, adapter, self.checkpoint)
                model, self._model = self._model, None  # loaded afresh should anything fail from here on
                self._model = detach(model) if adapter is None else attach(model, adapter, self.checkpoint)
            self._adapter = adapter

    @property
    def has_adapter(self) -> bool:
        """Whether an adapter is on."""
        return self._adapter is not None

    @contextmanager
    def without_adapter(self) -> Iterator[None]:
        """The base alone within the block; not for a model that another thread writes with at the same time."""
        adapter = self._adapter
        self.use_adapter(None)
        try:
            yield
        finally:
            self.use_adapter(adapter)

    @property
    def reduced_size_px(self) -> int:
        """Longer side to which a photo may be reduced before the processor brings it to its own size."""
        return max(512, 3 * self.family.image_size_px(self.processor))

    def pixels(self, image: Image.Image) -> np.ndarray:
        """A photo as the model wants it: float32 (3, H, W). Safe in threads."""
        values = self.processor.image_processor(images=[image], return_tensors="np")["pixel_values"][0]
        return np.asarray(values, dtype=np.float32)

    def features(self, pixel_values: Sequence[np.ndarray]) -> Tensor:
        """What the frozen side makes of preprocessed photos: (B, T, D), on the model's device."""
        import torch

        model, batch = self.model, torch.from_numpy(np.stack(pixel_values)).to(self.device)
        with self._lock, torch.inference_mode(), self._explained():
            return self.family.features(model, batch)

    def storable(self, features: Tensor) -> dict[str, np.ndarray]:
        """Features of one photo (T, D) as arrays; bfloat16, which numpy lacks, as its bits."""
        import torch

        features = features.detach().cpu().contiguous()
        if features.dtype == torch.bfloat16:
            return {"bfloat16": features.view(torch.uint16).numpy()}
        return {"features": features.numpy()}

    def restored(self, arrays: dict[str, np.ndarray]) -> Tensor:
        """The features that `storable` made arrays of."""
        import torch

        if "bfloat16" in arrays:
            return torch.from_numpy(arrays["bfloat16"]).view(torch.bfloat16)
        return torch.from_numpy(arrays["features"])

    def generate(
        self,
        features: Sequence[Tensor],
        prompts: Sequence[str],
        decoding: DecodingSettings,
        *,
        variants: int = 1,
        seeds: Sequence[Sequence[int]] = (),
    ) -> list[list[str]]:
        """Write captions.

        Args:
            features: (T, D) of each photo.
            prompts: one for each photo; equally long ones, in tokens, where the family does not pad.
            variants: captions for each photo.
            seeds: for each photo, one a variant; only used when sampling.

        Returns:
            For each photo its captions; those of beam search the likeliest first.
        """
        import torch

        rows = [self.family.prompt_ids(self.model, self.processor, prompt) for prompt in prompts]
        repeats = variants if decoding.do_sample else 1
        rows = [row for row in rows for _ in range(repeats)]
        flat = [seed for of_photo in seeds for seed in of_photo]
        if decoding.do_sample and len(flat) != len(rows):
            raise ValueError(f"{len(rows)} rows are sampled, got {len(flat)} seeds")
        pad_id = self.processor.tokenizer.pad_token_id
        left = self.family.padding(self.model) == "left"
        self._check_room(max(map(len, rows)), decoding.max_new_tokens)
        with self._lock, torch.inference_mode(), quiet(), self._explained():
            tokens = self.family.generate(
                self.model,
                torch.stack([row.to(self.device) for row in features]).repeat_interleave(repeats, 0),
                pad(rows, pad_id, left=left).to(self.device),
                mask(rows, left=left).to(self.device),
                **generate_options(decoding, variants=variants, seeds=flat),
            )
        texts = [text.strip() for text in self.processor.batch_decode(tokens, skip_special_tokens=True)]
        return [texts[i : i + variants] for i in range(0, len(texts), variants)]

    def _check_room(self, prompt: int, new: int) -> None:
        room, needed = self.family.positions(self.model), self.family.tokens_needed(self.model, prompt, new)
        if room is not None and needed > room:
            raise ModelError(
                f"{self.name} has room for {room} tokens, but prompt ({prompt}) and caption ({new}) need {needed}; "
                "shorten the event's name or the prompt, or lower decoding.max_new_tokens"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What goes wrong inside the libraries, as an error that says where and what to try."""
        try:
            yield
        except (RuntimeError, IndexError, MemoryError) as error:  # out of memory on a GPU is a RuntimeError
            told = " ".join(str(error).split())[:300] or type(error).__name__
            raise ModelError(
                f"{self.name} failed on {self.device}: {told}. If memory ran out, lower captioner.load.batch_size or "
                "use captioner.load.quantization"
            ) from error

    def same_batch(self, prompts: Sequence[str]) -> list[int]:
        """For each prompt a number: those with equal ones may share a batch, and come next to each other by it."""
        if self.family.padding(self.model) is not None:
            return [0] * len(prompts)
        return [len(self.family.prompt_ids(self.model, self.processor, prompt)) for prompt in prompts]

    def collate(self, examples: Sequence[Example]) -> Batch:
        """A training batch on the model's device: `input_ids`, `attention_mask`, `labels`, and photos or features."""
        import torch

        prompts, captions = [e.prompt for e in examples], [e.caption for e in examples]
        batch = self.family.training_batch(self.model, self.processor, prompts, captions)
        if examples[0].features is not None:
            stored = np.stack([e.features for e in examples if e.features is not None])
            batch["features"] = torch.from_numpy(stored).to(getattr(torch, choose_dtype(self.settings)))
        else:
            photos = [e.pixel_values for e in examples if e.pixel_values is not None]
            batch["pixel_values"] = torch.from_numpy(np.stack(photos))
        return {name: value.to(self.device) for name, value in batch.items()}

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of a batch's captions, a scalar that can be differentiated."""
        return self.family.loss(self.model, batch)

    def parameter_counts(self) -> dict[str, int]:
        """Parameters by part (`vision`, `bridge`, `language`), `trainable` and `total`."""
        counts = {"vision": 0, "bridge": 0, "language": 0, "trainable": 0, "total": 0}
        for name, parameter in self.model.named_parameters():
            counts[self.family.parts.of(name)] += parameter.numel()
            counts["trainable"] += parameter.numel() if parameter.requires_grad else 0
            counts["total"] += parameter.numel()
        return counts

    @property
    def device(self) -> str:
        """Where it runs."""
        return choose_device(self.settings)
