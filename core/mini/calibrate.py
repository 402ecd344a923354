"""Finds the small CLIP model's thresholds on held-out rendered events.

`python -m core.mini.calibrate --out core/mini/clip`
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from core.mini.edits import EDITS, edit
from core.mini.lexicon import NEUTRAL_PROMPT, known_words
from core.mini.measure import (
    Embedded,
    Float,
    Gate,
    MiniClip,
    embedded_events,
    micro_f1,
    originals,
    pair_cosines,
)
from core.mini.textures import texture
from core.mini.training_scenes import label_matrix
from core.mini.voiced import caption_words, voiced

FIRST_SEED, EVENTS, PHOTOS = 9000, 12, 90
TEXTURES, TEXTURE_SIDE = 200, 256
COPIES_KEPT = 0.9995  # share of the scenes' copies, beside all copies of textures, that must be candidates
# Room below the hardest rendered copy. Real photos move farther when they are cropped and tilted: of 1,300 edits of 130
# photos (crops to 15 % a side, 5 degrees, +-35 % light) 2.6 % fell below a margin of 0.07, none below 0.27.
MARGIN = 0.27
WORLD_KEPT = 0.99  # share of held-out rendered photos that the gate lets through


def calibrate(folder: Path) -> dict[str, Any]:
    """Writes calibration.json and domain.safetensors into the model's folder; returns the calibration."""
    from safetensors.numpy import save_file

    model = MiniClip(folder)
    events = list(embedded_events(model, events=EVENTS, first_seed=FIRST_SEED, photos=PHOTOS))
    plain, copies = embedded_textures(model, np.random.default_rng(FIRST_SEED))
    gate = fit_gate(events)
    save_file({"mean": gate.mean, "whiten": gate.whiten}, folder / "domain.safetensors")
    calibration = {
        "name": "mini",
        "clip_threshold": copy_threshold(events, plain, copies),
        "label_threshold": label_threshold(model, events),
        "caption_clip_cosine_threshold": caption_threshold(model, events),
        "neutral_prompt": NEUTRAL_PROMPT,
        "bpe_path": "bpe.txt.gz",
        "domain": {
            "file": "domain.safetensors",
            "formula": "norm((x - mean) @ whiten) <= threshold, x of unit length",
            "threshold": round(gate.threshold, 4),
        },
        "known_words": known_words(),
        "caption_words": caption_words(),
    }
    (folder / "calibration.json").write_text(json.dumps(calibration, indent=2) + "\n", encoding="utf-8")
    return calibration


def embedded_textures(model: MiniClip, rng: np.random.Generator) -> tuple[Float, Float]:
    """Procedural pictures (n, D) and edited copies of them (n, D): stand-ins for photos of any other kind."""
    plain, copies = [], []
    for index in range(TEXTURES):
        image = texture(TEXTURE_SIDE, rng)
        copy, _ = edit(image, EDITS[index % len(EDITS)], rng)
        plain.append(Pillow.fromarray(image))
        copies.append(Pillow.fromarray(copy))
    return model.images(plain), model.images(copies)


def copy_threshold(events: list[Embedded], plain: Float, copies: Float) -> float:
    """A cosine that edited copies of scenes and of textures reach with room to spare."""
    same = np.concatenate([pair_cosines(event.images, originals(event.rows))[0] for event in events])
    lowest = min(np.quantile(same, 1 - COPIES_KEPT), (plain * copies).sum(1).min())
    return round(float(lowest) - MARGIN, 3)


def label_threshold(model: MiniClip, events: list[Embedded]) -> float:
    """The score with the best micro-F1; of several the one in the middle."""
    scores = model.label_scores(np.concatenate([event.images for event in events]))
    truth = label_matrix([row.labels for event in events for row in event.rows])
    grid = np.round(np.arange(0.2, 0.81, 0.02), 2)
    found = np.array([micro_f1(scores, truth, float(value)) for value in grid])
    return float(np.median(grid[found >= found.max() - 0.001]).round(2))


def caption_threshold(model: MiniClip, events: list[Embedded]) -> float:
    """The cosine that best parts a photo's own caption, plain or a club's, from one of another topic."""
    own, other = [], []
    for event in events:
        topics = np.array([row.topic for row in event.rows])
        plain = [row.caption for row in event.rows]
        for said in (plain, *zip(*(voiced()[caption] for caption in plain), strict=True)):
            cosines = event.images @ model.texts(list(said)).T
            own.append(np.diag(cosines))
            other.append(cosines[topics[:, None] != topics[None, :]])
    right, wrong = np.concatenate(own), np.concatenate(other)
    grid = np.arange(-0.2, 0.9, 0.01)
    balanced = [(right >= value).mean() + (wrong < value).mean() for value in grid]
    return round(float(grid[int(np.argmax(balanced))]), 2)


def fit_gate(events: list[Embedded]) -> Gate:
    """Distance from the space that the topics' centres span: training has put everything else across it."""
    images = np.concatenate([event.images for event in events])
    topics = np.array([row.topic for event in events for row in event.rows])
    centres = np.stack([images[topics == topic].mean(axis=0) for topic in np.unique(topics)])
    basis, _ = np.linalg.qr(centres.T)
    across = np.asarray(np.eye(images.shape[1]) - basis @ basis.T, np.float32)
    gate = Gate(mean=np.zeros(images.shape[1], np.float32), whiten=across, threshold=0.0)
    return replace(gate, threshold=float(np.quantile(gate.distance(images), WORLD_KEPT)))


def main() -> None:
    """Calibrates the model in a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    made = {name: value for name, value in calibrate(parser.parse_args().out).items() if not name.endswith("_words")}
    print(json.dumps(made, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
