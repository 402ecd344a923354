"""Small pictures of photos for pages and cards: decoded safely, in sRGB, without any metadata."""

import io
from collections.abc import Sequence
from pathlib import Path

from core.config import load_config
from core.errors import PhotoError
from core.photos import decode_photo, to_srgb
from core.store import digest, write_atomic
from core.training.image_root import ImageRoot

__all__ = ["thumbnail", "write_thumbnails"]


def thumbnail(path: Path, *, size_px: int) -> bytes:
    """A JPEG with a longer side of at most `size_px`.

    Raises:
        PhotoError: the photo cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PhotoError("unreadable", f"{path.name} cannot be read: {error.strerror or error}") from None
    limit = load_config().settings.ingest.max_pixels
    image = to_srgb(decode_photo(data, path.name, max_pixels=limit, size_px=size_px).image)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


def write_thumbnails(folder: Path, image_root: Path, images: Sequence[str], *, size_px: int = 240) -> dict[str, str]:
    """Write small pictures that are not there yet.

    Args:
        images: paths within the image root.

    Returns:
        For each photo that could be read its file's name in the folder.
    """
    root, names = ImageRoot(image_root), {}
    for image in dict.fromkeys(images):
        try:
            _, path = root.find(image)
            about = path.stat()  # another photo under the same name is another picture
            name = digest("thumbnail", size_px, image, about.st_size, about.st_mtime_ns)[:16] + ".jpg"
            if not (folder / name).is_file():
                write_atomic(folder / name, thumbnail(path, size_px=size_px))
        except PhotoError:
            continue  # the page says so in its place
        names[image] = name
    return names
