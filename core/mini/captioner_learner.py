"""A captioner in training: the model, its inputs, and heads that ask what it has seen."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.mini.captioner_models import FAMILIES, vision_tower
from core.mini.training_scenes import UNASKED

IGNORED = -100  # label of a token that is not to be predicted


class Facts(nn.Module):
    """Asks features for the facts of their scenes; thrown away after training."""

    def __init__(self, width: int, questions: dict[str, list[str]]) -> None:
        super().__init__()
        self.sizes = [len(values) for values in questions.values()]
        self.heads = nn.Linear(width, sum(self.sizes))

    def forward(self, features: Tensor, answers: Tensor) -> Tensor:
        """Mean cross-entropy over the asked questions; features (N, D), answers (N, Q) int64."""
        parts = self.heads(features).split(self.sizes, 1)
        losses = [
            F.cross_entropy(logits, answers[:, i], ignore_index=UNASKED, reduction="sum")
            for i, logits in enumerate(parts)
        ]
        return torch.stack(losses).sum() / len(answers)

    @torch.no_grad()
    def right(self, features: Tensor, answers: Tensor) -> Tensor:
        """(N, Q) bool: answered rightly; false where not asked."""
        parts = self.heads(features).split(self.sizes, 1)
        return torch.stack([logits.argmax(1) for logits in parts], 1) == answers


class Learner(nn.Module):
    """A captioner with its heads for facts."""

    def __init__(self, family: str, questions: dict[str, list[str]]) -> None:
        super().__init__()
        self.processor = FAMILIES[family].processor()
        self.model = FAMILIES[family].model(self.processor)
        self.prompt = FAMILIES[family].prompt
        config = self.model.config
        kept: dict[str, Tensor] = {}
        widths = [2 * config.vision_config.hidden_size]
        vision_tower(self.model).register_forward_hook(lambda _m, _a, out: kept.update(vision=out.last_hidden_state))
        if hasattr(self.model, "qformer"):
            widths.append(config.num_query_tokens * config.qformer_config.hidden_size)
            self.model.qformer.register_forward_hook(lambda _m, _a, out: kept.update(queries=out.last_hidden_state))
        self._kept = kept
        self.facts = nn.ModuleList([Facts(width, questions) for width in widths])

    def see(self, pixel_values: Tensor) -> None:
        """Runs only the part that sees."""
        if hasattr(self.model, "qformer"):
            self.model.get_image_features(pixel_values)
        else:
            vision_tower(self.model)(pixel_values)

    @property
    def features(self) -> list[Tensor]:
        """(N, D) of the pictures seen last: the vision tower's, then the Q-Former's where there is one."""
        vision = self._kept["vision"]
        parts = [torch.cat([vision[:, 0], vision[:, 1:].mean(1)], 1)]
        return [*parts, self._kept["queries"].flatten(1)] if "queries" in self._kept else parts

    def facts_loss(self, answers: Tensor) -> Tensor:
        """Of the pictures seen last, mean over the places where they are asked; answers (N, Q)."""
        return torch.stack([facts(x, answers) for facts, x in zip(self.facts, self.features, strict=True)]).mean()

    def texts(self, captions: list[str]) -> dict[str, Tensor]:
        """What the model's forward takes besides pixels, captions as labels."""
        tokenizer, blip2 = self.processor.tokenizer, hasattr(self.model, "qformer")
        told = tokenizer(captions, padding=True, return_tensors="pt")
        labels = told.input_ids.masked_fill(told.attention_mask == 0, IGNORED)
        if not blip2:
            return {"input_ids": told.input_ids, "attention_mask": told.attention_mask, "labels": labels}
        asked = tokenizer([self.processor.image_token.content * self.model.config.num_query_tokens + self.prompt])
        input_ids = torch.tensor(asked.input_ids).expand(len(captions), -1)
        if int((input_ids[0] == self.model.config.image_token_id).sum()) != self.model.config.num_query_tokens:
            raise ValueError("expected as many image tokens in the prompt as the model has queries")
        return {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids), "labels": labels}

    def predict(
        self,
        pixel_values: Tensor,
        captions: list[str],
        *,
        blanks: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Logits (N, T, V) of each caption's tokens, given those before, and the tokens (N, T).

        `blanks`: share of the tokens before that are hidden (word dropout, Bowman et al. 2016, arXiv 1511.06349), so
        that a word is told by what is seen rather than by which sentences are known.
        """
        texts = self.texts(captions)
        labels = texts["labels"]
        if hasattr(self.model, "qformer"):
            before = self._blanked(self.model.language_model._shift_right(labels), blanks, generator)
            return self.model(pixel_values=pixel_values, decoder_input_ids=before, **texts).logits, labels
        before = self._blanked(texts["input_ids"], blanks, generator)
        told = {"input_ids": before, "attention_mask": texts["attention_mask"]}
        logits = self.model(pixel_values=pixel_values, **told, logits_to_keep=labels.shape[1]).logits
        return logits[:, :-1], labels[:, 1:]

    def _blanked(self, tokens: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
        """Tokens (N, T), a share of them unknown, never the first."""
        hidden = torch.rand(tokens.shape, generator=generator) < share
        hidden[:, 0] = False
        return tokens.masked_fill(hidden, self.processor.tokenizer.unk_token_id)

    @torch.no_grad()
    def exact(self, pixel_values: Tensor, captions: list[str]) -> Tensor:
        """(N,) bool: greedy decoding gives the caption, token for token."""
        logits, labels = self.predict(pixel_values, captions)
        return ((logits.argmax(2) == labels) | (labels == IGNORED)).all(1)
