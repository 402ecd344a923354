"""Small hand-made stand-ins, simple enough to reason about."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from core.settings import LoadSettings
from core.vlm.prompts import PromptTemplate
from core.weights import Calibration


class ColourEmbedder:
    """Embeds a photo as its mean colour and a text as the colours it names: red, green, blue."""

    name = "colours"
    key = "colours-1"
    logit_scale = 20.0

    def __init__(self, *, knows_world: bool = True, calibration: Calibration | None = None) -> None:
        self.calibration = calibration or Calibration(clip_threshold=0.995, label_threshold=0.6, measured=True)
        self.knows_world = knows_world
        self.photos_embedded = 0
        self.texts_embedded = 0

    def load(self) -> None:
        pass

    def preprocess(self, image: Image.Image) -> Any:
        return np.asarray(image.resize((1, 1), Image.Resampling.BOX), dtype=np.float32).reshape(3) / 255

    def images(self, batch: Sequence[Any]) -> np.ndarray:
        self.photos_embedded += len(batch)
        return np.stack([_unit(np.append(pixel, 0.2)) for pixel in batch])

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        self.texts_embedded += len(texts)
        names = ("red", "green", "blue")
        return np.stack([_unit(np.append([float(n in t.lower()) for n in names], 0.3)) for t in texts])

    def in_world(self, embeddings: np.ndarray) -> np.ndarray:
        return np.full(len(embeddings), self.knows_world)


def _unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def picture(seed: int = 0, size: tuple[int, int] = (320, 240), tint: tuple[int, int, int] | None = None) -> Image.Image:
    """A photo-like picture of random shapes; different seeds share nothing but the style."""
    rng = np.random.default_rng(seed)
    colour = tint or tuple(int(c) for c in rng.integers(40, 200, 3))
    image = Image.new("RGB", size, colour)
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        x, y = rng.integers(0, size[0]), rng.integers(0, size[1])
        w, h = rng.integers(8, size[0] // 3), rng.integers(8, size[1] // 3)
        fill = tuple(int(np.clip(c + d, 0, 255)) for c, d in zip(colour, rng.integers(-70, 70, 3), strict=True))
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((int(x), int(y), int(x + w), int(y + h)), fill=fill)
    return image


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    """A picture as a file's bytes."""
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


class ColourWriter:
    """A vision-language model that says which colour a photo has; `says` is what it makes of it."""

    name = "colour-writer"
    key = "colour-writer-1"
    features_key = "colour-features-1"
    reduced_size_px = 512

    def __init__(self, *says: str) -> None:
        self.says = says or ("a {colour} photo",)
        self.settings = LoadSettings(device="cpu", dtype="float32", quantization="none", batch_size=2)
        self.prompt = PromptTemplate(text="{event}: {labels}")
        self.shown = 0
        self.asked: list[str] = []

    def pixels(self, image: Image.Image) -> np.ndarray:
        return np.asarray(image.resize((1, 1), Image.Resampling.BOX), dtype=np.float32).reshape(3)

    def features(self, pixel_values: Sequence[np.ndarray]) -> Any:
        self.shown += len(pixel_values)
        return np.stack(pixel_values)

    def storable(self, features: Any) -> dict[str, np.ndarray]:
        return {"features": features}

    def restored(self, arrays: dict[str, np.ndarray]) -> Any:
        return arrays["features"]

    def same_batch(self, prompts: Sequence[str]) -> list[int]:
        return [len(prompt) for prompt in prompts]

    def generate(
        self, features: Sequence[Any], prompts: Sequence[str], decoding: Any, *, variants: int, seeds: Any
    ) -> list[list[str]]:
        assert len({len(prompt) for prompt in prompts}) == 1
        self.asked += prompts
        colours = [("red", "green", "blue")[int(np.argmax(pixel))] for pixel in features]
        return [[self.says[v % len(self.says)].format(colour=colour) for v in range(variants)] for colour in colours]
