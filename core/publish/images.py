"""The JPEGs of a post: sized for the platform, in sRGB, without any metadata."""

import io
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageFilter, ImageOps

from core.ingest import Photo
from core.montage import montage_grid
from core.photos import decode_photo, is_raw, to_srgb
from core.settings import CaptionerSettings, ExportSettings, PipelineConfig
from core.store import Store, digest

__all__ = ["export_jpeg", "fit_aspect", "montage_jpeg", "post_pictures"]

_VERSION = 1
_LEAST_WIDTH_PX = 320


def export_jpeg(photo: Photo, settings: ExportSettings, store: Store, *, max_pixels: int) -> bytes:
    """A photo as the platform takes it; from the store where it was made before."""
    key = digest("export", _VERSION, photo.fingerprint, is_raw(photo.name), settings.model_dump(exclude={"zip"}))
    return store.bytes("jpeg", key, lambda: _encode(_sized(photo, settings, max_pixels), settings.jpeg_quality))


def montage_jpeg(images: list[bytes], settings: CaptionerSettings, export: ExportSettings, store: Store) -> bytes:
    """The montage grid of a post, from its exported JPEGs, the leading one first."""
    shown = images[: settings.montage_max_tiles]
    key = digest("montage", _VERSION, settings.montage_tile_px, export.jpeg_quality, *shown)

    def make() -> bytes:
        tiles = []
        for data in shown:
            tile = Image.open(io.BytesIO(data))
            # The tile is filled, so the shorter side counts: decode to no less than twice what is needed.
            scale = max(1, min(tile.size) // (2 * settings.montage_tile_px))
            tile.draft("RGB", (tile.width // scale, tile.height // scale))
            tiles.append(tile.convert("RGB"))
        return _encode(montage_grid(tiles, tile_px=settings.montage_tile_px), export.jpeg_quality)

    return store.bytes("jpeg", key, make)


def post_pictures(photos: Sequence[Photo], config: PipelineConfig, store: Store) -> tuple[list[bytes], bytes]:
    """The JPEGs of a post's photos, in order, and its montage grid, as they are exported.

    Raises:
        PhotoError, OSError: a photo cannot be read any more and is not in the store.
    """
    limits = config.ingest.max_pixels
    with ThreadPoolExecutor(config.ingest.threads or os.cpu_count() or 1) as pool:
        images = list(pool.map(lambda photo: export_jpeg(photo, config.export, store, max_pixels=limits), photos))
    return images, montage_jpeg(images, config.captioner, config.export, store)


def fit_aspect(image: Image.Image, *, min_aspect: float, max_aspect: float) -> Image.Image:
    """Set a photo that is too narrow or too wide on a blurred, darkened copy of itself; nothing is cut off."""
    aspect = image.width / image.height
    if min_aspect <= aspect <= max_aspect:
        return image
    width = max(image.width, math.ceil(image.height * min_aspect))
    height = max(image.height, math.ceil(image.width / max_aspect))
    small = ImageOps.fit(image, (max(2, width // 16), max(2, height // 16)))
    ground = small.filter(ImageFilter.GaussianBlur(4)).resize((width, height), Image.Resampling.BICUBIC)
    ground = ground.point(lambda value: int(value * 0.7))
    ground.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return ground


def _sized(photo: Photo, settings: ExportSettings, max_pixels: int) -> Image.Image:
    longest = max(settings.width_px, round(settings.width_px / settings.min_aspect))
    decoded = decode_photo(photo.file.read(), photo.name, max_pixels=max_pixels, size_px=longest)
    image = fit_aspect(to_srgb(decoded.image), min_aspect=settings.min_aspect, max_aspect=settings.max_aspect)
    width = min(max(image.width, _LEAST_WIDTH_PX), settings.width_px)
    if width != image.width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    return image


def _encode(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    # A new image: nothing that decoding left in `info` (comment, profile) can reach the file.
    Image.frombytes("RGB", image.size, image.tobytes()).save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()
