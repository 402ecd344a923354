"""Measures the small CLIP model on rendered events that it never saw."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from core.metrics.statistics import rate_interval
from core.mini.event import TruthRow, write_sample_event
from core.mini.lexicon import NEUTRAL_PROMPT, PROMPTS
from core.mini.scenes import LABELS, Scene, render, sample_scene
from core.mini.voiced import voiced

Float = NDArray[np.float32]
SHIPPED = Path(__file__).parent / "clip"
RETRIEVAL_SEED = 42_000


class MiniClip:
    """The model in a folder, for measuring; embeddings are float32 of unit length."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        import open_clip

        self.model, _, self._preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder.resolve()}")
        self.model.eval()
        length = self.model.context_length
        self._tokenizer = open_clip.SimpleTokenizer(bpe_path=str(folder / "bpe.txt.gz"), context_length=length)
        self.scale = float(self.model.logit_scale.detach().exp())

    def images(self, pictures: Sequence[Pillow.Image]) -> Float:
        """(n, D) of RGB pictures."""
        import torch

        with torch.inference_mode():
            pixel_values = torch.stack([self._preprocess(picture) for picture in pictures])
            return _unit(self.model.encode_image(pixel_values).numpy())

    def texts(self, texts: Sequence[str]) -> Float:
        """(n, D) of texts."""
        import torch

        with torch.inference_mode():
            return _unit(self.model.encode_text(self._tokenizer(list(texts))).numpy())

    def files(self, paths: Sequence[Path]) -> Float:
        """(n, D) of photo files, turned upright."""
        pieces = [paths[start : start + 32] for start in range(0, len(paths), 32)]
        return np.concatenate([self.images([upright(path) for path in piece]) for piece in pieces])

    def label_scores(self, images: Float) -> Float:
        """(n, L): each label against the neutral prompt, through the logistic function."""
        prompts = [prompt.format(label=label) for label in LABELS for prompt in PROMPTS]
        labels = _unit(self.texts(prompts).reshape(len(LABELS), len(PROMPTS), -1).mean(axis=1))
        margin = images @ (labels - self.texts([NEUTRAL_PROMPT])).T
        return np.asarray(1 / (1 + np.exp(-self.scale * margin)), np.float32)


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """An event's truth and its embeddings (n, D)."""

    rows: list[TruthRow]
    images: Float

    @property
    def distinct(self) -> NDArray[np.int64]:
        """Positions of the photos that copy no other."""
        return np.flatnonzero([not row.duplicate_of for row in self.rows])


def upright(path: Path) -> Pillow.Image:
    """An RGB photo as it is meant to be seen."""
    with Pillow.open(path) as picture:
        return ImageOps.exif_transpose(picture).convert("RGB")


def embedded_events(model: MiniClip, *, events: int, first_seed: int, photos: int = 0) -> Iterator[Embedded]:
    """Writes, embeds and forgets one event after another; 0 photos: 60 to 150, by seed."""
    for seed in range(first_seed, first_seed + events):
        count = photos or int(np.random.default_rng(seed).integers(60, 151))
        with tempfile.TemporaryDirectory() as folder:
            rows = write_sample_event(Path(folder), photos=count, seed=seed)
            yield Embedded(rows=rows, images=model.files([Path(folder) / row.file for row in rows]))


def micro_f1(scores: Float, truth: Float, threshold: float) -> float:
    """Micro-averaged F1 of labels (n, L); 1 where there is nothing to find and nothing was found."""
    given, true = scores >= threshold, truth > 0.5
    wrong = int((given != true).sum())
    hits = int((given & true).sum())
    return 2 * hits / (2 * hits + wrong) if hits + wrong else 1.0


def purity(images: Float, topics: Sequence[str]) -> tuple[float, int]:
    """Share of photos in their cluster's main topic, and k: the best by silhouette of 2..min(12, n - 1)."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    best: tuple[float, int, NDArray[np.int32]] | None = None
    for k in range(2, min(12, len(images) - 1) + 1):
        found = KMeans(k, n_init=4, random_state=0).fit_predict(images)
        score = float(silhouette_score(images, found))
        if best is None or score > best[0]:
            best = score, k, found
    assert best is not None
    _, kinds = np.unique(list(topics), return_inverse=True)
    main = sum(np.bincount(kinds[best[2] == cluster]).max() for cluster in range(best[1]))
    return float(main) / len(images), best[1]


def pair_cosines(images: Float, originals: Sequence[int]) -> tuple[Float, Float]:
    """Cosines of the pairs that show one photo, and of all others; `originals` names the photo of each."""
    upper = np.triu_indices(len(images), 1)
    cosines, of = (images @ images.T)[upper], np.asarray(originals)
    same = of[upper[0]] == of[upper[1]]
    return cosines[same], cosines[~same]


def originals(rows: Sequence[TruthRow]) -> list[int]:
    """For each photo the position of the one it copies, or its own."""
    position = {row.file: index for index, row in enumerate(rows)}
    return [position[row.duplicate_of or row.file] for row in rows]


def measure(folder: Path, *, events: int, first_seed: int) -> dict[str, Any]:
    """The figures of the model card, over events that were used for nothing else."""
    from core.mini.training_scenes import label_matrix

    model, calibration = MiniClip(folder), json.loads((folder / "calibration.json").read_text())
    gate = Gate.load(folder, calibration)
    scores, truths, purities, clusters, same, other, inside = [], [], [], [], [], [], []
    label_threshold = calibration["label_threshold"]
    for event in embedded_events(model, events=events, first_seed=first_seed):
        scores.append(model.label_scores(event.images))
        truths.append(label_matrix([row.labels for row in event.rows]))
        one, k = purity(event.images[event.distinct], [event.rows[i].topic for i in event.distinct])
        purities.append(one)
        clusters.append((k, len({row.topic for row in event.rows})))
        copies, rest = pair_cosines(event.images, originals(event.rows))
        same.append(copies)
        other.append(rest)
        inside.append(gate.inside(event.images))
    threshold = calibration["clip_threshold"]
    every = [micro_f1(s, t, calibration["label_threshold"]) for s, t in zip(scores, truths, strict=True)]
    return {
        "events": events,
        "photos": sum(map(len, scores)),
        "label_micro_f1": round(
            micro_f1(np.concatenate(scores), np.concatenate(truths), calibration["label_threshold"]), 4
        ),
        "label_micro_f1_worst_event": round(min(every), 4),
        "purity_mean": round(float(np.mean(purities)), 4),
        "purity_worst_event": round(min(purities), 4),
        "k_and_topics": clusters,
        "duplicate_pairs": int(sum(map(len, same))),
        "duplicate_recall": round(float((np.concatenate(same) >= threshold).mean()), 4),
        "candidates_among_other_pairs": round(float((np.concatenate(other) >= threshold).mean()), 4),
        "let_through_by_gate": round(float(np.concatenate(inside).mean()), 4),
        "given_a_label": round(
            float(labelled(np.concatenate(scores), np.concatenate(inside), label_threshold).mean()), 4
        ),
        "retrieval": retrieval(model, photos=250, seed=RETRIEVAL_SEED),
    }


def labelled(scores: Float, inside: NDArray[np.bool_], threshold: float) -> NDArray[np.bool_]:
    """(n,): photos that the gate lets through and that get a label; scores (n, L), inside (n,)."""
    return np.asarray(inside & (scores >= threshold).any(axis=1))


def retrieval(model: MiniClip, *, photos: int, seed: int) -> dict[str, Any]:
    """How often a scene's own caption is the nearest of `photos` different ones (R@1), and the other way round.

    Once more with what a club says instead of the plain caption.
    """
    rng, drawn = np.random.default_rng(seed), dict[str, Scene]()
    while len(drawn) < photos:
        scene = sample_scene(rng)
        drawn.setdefault(scene.caption, scene)
    pictures = [Pillow.fromarray(render(scene)) for scene in drawn.values()]
    images = np.concatenate([model.images(pictures[start : start + 32]) for start in range(0, photos, 32)])
    cosines, own = images @ model.texts(list(drawn)).T, np.arange(photos)
    club = images @ model.texts([voiced()[caption][0] for caption in drawn]).T
    found = {
        "caption_of_photo": cosines.argmax(1) == own,
        "photo_of_caption": cosines.argmax(0) == own,
        "club_caption_of_photo": club.argmax(1) == own,
    }
    return {"photos": photos} | {
        name: {"value": round(float(hits.mean()), 4), "interval": rate_interval(hits)} for name, hits in found.items()
    }


def real_photos(folder: Path, photos: Sequence[Path]) -> dict[str, Any]:
    """Of photographs, which are no scenes: the share that gets a label nonetheless, photo by photo."""
    model, calibration = MiniClip(folder), json.loads((folder / "calibration.json").read_text())
    images = model.files(photos)
    inside = Gate.load(folder, calibration).inside(images)
    given = labelled(model.label_scores(images), inside, calibration["label_threshold"])
    share = {"value": round(float(given.mean()), 4), "interval": rate_interval(given)}
    return {"photos": len(photos), "let_through_by_gate": round(float(inside.mean()), 4), "given_a_label": share}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Which photos are of the rendered world: ||(x - mean) @ whiten|| <= threshold, x of unit length."""

    mean: Float
    whiten: Float
    threshold: float

    @classmethod
    def load(cls, folder: Path, calibration: dict[str, Any]) -> "Gate":
        """The gate that calibration.json names."""
        from safetensors.numpy import load_file

        domain = calibration["domain"]
        arrays = load_file(folder / domain["file"])
        return cls(mean=arrays["mean"], whiten=arrays["whiten"], threshold=float(domain["threshold"]))

    def distance(self, images: Float) -> Float:
        """(n,) for (n, D)."""
        return np.asarray(np.linalg.norm((images - self.mean) @ self.whiten, axis=1), np.float32)

    def inside(self, images: Float) -> NDArray[np.bool_]:
        """(n,) for (n, D)."""
        return np.asarray(self.distance(images) <= self.threshold)


def _unit(vectors: NDArray[Any]) -> Float:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12), np.float32)
