"""What the small CLIP model is shown: batches of scenes and textures with their truth, and texts as tokens."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.mini.lexicon import CONCEPTS, PROMPTS
from core.mini.scenes import LABELS
from core.mini.training_scenes import CaptionedScenes, label_matrix, make_captioned_scenes
from core.mini.training_textures import make_textures
from core.mini.voiced import voiced

CONTEXT = 28
PLAIN = 0.6  # share of captions that are plain; the others are a club's


class Texts:
    """Texts as tokens, each tokenized once."""

    def __init__(self, folder: Path) -> None:
        import open_clip

        self._tokenizer = open_clip.SimpleTokenizer(bpe_path=str(folder / "bpe.txt.gz"), context_length=CONTEXT)
        self._cache: dict[str, Tensor] = {}

    def prompts(self, generator: torch.Generator) -> list[str]:
        """Two of the prompts, drawn anew, of every label and concept."""
        chosen = torch.randperm(len(PROMPTS), generator=generator)[:2].tolist()
        return [PROMPTS[i].format(label=name) for name in (*LABELS, *CONCEPTS) for i in chosen]

    def tokens(self, texts: list[str]) -> Tensor:
        """(len(texts), CONTEXT) int64."""
        for text in texts:
            if text not in self._cache:
                self._cache[text] = self._tokenizer(text)[0]
        return torch.stack([self._cache[text] for text in texts])


def concept_matrix(scenes: CaptionedScenes) -> Tensor:
    """(N, L + C) float32: labels, then concepts, which are true where the caption names them."""
    named = [[float(concept in caption.split()) for concept in CONCEPTS] for caption in scenes.captions]
    return torch.cat([torch.from_numpy(label_matrix(scenes.labels)), torch.tensor(named)], 1)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """`scenes` (B, 3, S, S) uint8, their `topics` (B,) and `truth` (B, L + C); `textures` (T, 3, S, S).

    `captions` say what is seen, plainly or as a club would; `others` are true of none of the scenes.
    """

    scenes: Tensor
    captions: list[str]
    others: list[str]
    topics: Tensor
    truth: Tensor
    textures: Tensor


class Feed:
    """Batches drawn at random from the training pictures, half of the scenes mirrored."""

    def __init__(self, *, scenes: int, textures: int, seed: int, cache: Path | None = None) -> None:
        self._rng = np.random.default_rng(seed)
        self._scenes = make_captioned_scenes(scenes, seed, cache=cache)
        self._captions = sorted(set(self._scenes.captions))
        self._voiced = voiced()
        self._textures = make_textures(textures, seed)
        self._truth = concept_matrix(self._scenes)

    def draw(self, *, scenes: int, textures: int, others: int) -> Batch:
        """A new batch of so many scenes, textures, and captions of other scenes."""
        rows = self._rng.choice(len(self._scenes.images), scenes, replace=False)
        shown = torch.from_numpy(self._scenes.images[rows])
        mirrored = torch.from_numpy(self._rng.random(len(rows)) < 0.5)
        shown[mirrored] = shown[mirrored].flip(-1)
        nothing = torch.from_numpy(self._textures[self._rng.choice(len(self._textures), textures, replace=False)])
        part = textures // 3  # a third lie near the rendered world: scenes under a texture
        share = torch.from_numpy(self._rng.uniform(0.3, 0.65, (part, 1, 1, 1)))
        nothing[:part] = (share * shown[:part].flip(2) + (1 - share) * nothing[:part]).to(torch.uint8)
        plain = [self._scenes.captions[row] for row in rows]
        said = {caption: self._said(caption) for caption in dict.fromkeys(plain)}  # one caption, one way in a batch
        drawn = self._rng.choice(self._captions, others).tolist()
        return Batch(
            scenes=shown,
            captions=[said[caption] for caption in plain],
            others=[self._said(caption) for caption in drawn if caption not in said],
            topics=torch.from_numpy(self._scenes.topics[rows]),
            truth=self._truth[torch.from_numpy(rows)],
            textures=nothing,
        )

    def _said(self, caption: str) -> str:
        """A caption, plainly or as one of the clubs would say it."""
        if self._rng.random() < PLAIN:
            return caption
        told = self._voiced[caption]
        return told[int(self._rng.integers(len(told)))]
