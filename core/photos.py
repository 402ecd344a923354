"""Decode one photo safely: any common format, upright, 8-bit RGB, at full or reduced scale.

Every failure is a `PhotoError` with a short reason, so that one bad file never sinks an event.
"""

import io
import math
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from core.errors import PhotoError

__all__ = ["RAW_SUFFIXES", "DecodedPhoto", "Header", "decode_photo", "is_raw", "to_srgb", "too_many_pixels"]

RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf", ".kdc", ".mef", ".mos", ".mrw", ".nef"}
    | {".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".sr2", ".srf", ".srw", ".x3f"}
)
"""Camera RAW files, shown by the JPEG preview that the camera put into them."""

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "HEIF", "AVIF", "BMP")
_NOT_PHOTOS = {
    "a video": frozenset([".mp4", ".mov", ".avi", ".mkv", ".m4v", ".3gp", ".webm", ".mts"]),
    "an archive; to read the photos in a ZIP, name it as PHOTOS itself": frozenset(
        [".zip", ".rar", ".7z", ".tar", ".gz"]
    ),
}
_setup_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What a photo says of itself."""

    width_px: int
    """Width of the upright photo at full size."""
    height_px: int
    """Height of the upright photo at full size."""
    format: str
    """JPEG, PNG, HEIF, …; RAW for a camera RAW's preview."""
    captured_at: str | None
    """Local capture time as the camera wrote it, ISO 8601 with fractions of a second where known."""
    camera: str | None
    """Make and model."""

    @property
    def captured_at_s(self) -> float:
        """Capture time in seconds for differences between photos; NaN where unknown."""
        if self.captured_at is None:
            return math.nan
        return datetime.fromisoformat(self.captured_at).replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedPhoto:
    """An upright photo in memory."""

    image: Image.Image
    """RGB, 8 bits a channel, without any metadata but the colour profile."""
    header: Header

    @property
    def pixels(self) -> np.ndarray:
        """uint8 array (height, width, 3)."""
        return np.asarray(self.image)


def decode_photo(data: bytes, name: str, *, max_pixels: int, size_px: int | None = None) -> DecodedPhoto:
    """Decode a photo, upright.

    Args:
        data: the file's bytes.
        name: its name; the ending tells camera RAW and gives better messages, nothing else.
        max_pixels: photos with more are refused before they are decoded.
        size_px: longer side wanted. JPEGs are then decoded at 1/2, 1/4 or 1/8 by scaling their DCT blocks
            (libjpeg), to no less than `size_px`, and everything is reduced to `size_px`. None decodes in full.

    Raises:
        PhotoError: `empty`, `not_an_image`, `unreadable`, `too_many_pixels`.
    """
    _setup_pillow()
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    if not data:
        raise PhotoError("empty", "is an empty file")
    raw = is_raw(name)
    preview, flip = _raw_preview(data) if raw else (data, 0)
    image = _open(preview, suffix)
    try:
        if image.width * image.height > max_pixels:
            raise too_many_pixels(image.width, image.height, max_pixels)
        if image.width < 8 or image.height < 8:
            raise PhotoError("too_small", f"has only {image.width} x {image.height} pixels; at least 8 x 8 needed")
        exif = image.getexif()
        size = _upright_size(image.size, exif.get(ExifTags.Base.Orientation, 1), flip)
        header = Header(
            width_px=size[0],
            height_px=size[1],
            format="RAW" if raw else "JPEG" if image.format == "MPO" else str(image.format),
            captured_at=_captured_at(exif),
            camera=_camera(exif),
        )
        if size_px is not None:
            scale = max(1.0, max(image.size) / size_px)
            image.draft(None, (math.ceil(image.width / scale), math.ceil(image.height / scale)))
        rgb = _to_rgb8(image)
        if size_px is not None:
            rgb.thumbnail((size_px, size_px), Image.Resampling.BILINEAR, reducing_gap=2.0)
        upright = ImageOps.exif_transpose(rgb)
    except PhotoError:
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, EOFError, …
        raise PhotoError("unreadable", f"is damaged or cut short: {_one_line(error)}") from None
    if flip:
        upright = upright.rotate(flip, expand=True)
    return DecodedPhoto(image=_without_metadata(upright), header=header)


def is_raw(name: str) -> bool:
    """Whether a file is camera RAW, by its ending (many RAW formats look like TIFF from inside)."""
    return name[name.rfind(".") :].lower() in RAW_SUFFIXES


def too_many_pixels(width_px: int, height_px: int, max_pixels: int) -> PhotoError:
    """The error for a photo beyond the limit."""
    message = f"has {width_px} x {height_px} pixels, more than ingest.max_pixels ({max_pixels})"
    return PhotoError("too_many_pixels", message)


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert from the embedded colour profile (Display P3, Adobe RGB, …) to sRGB; unchanged without one."""
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    try:
        converted = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        converted = None  # a damaged or exotic profile: the pixels are still a fair rendering
    result = converted if converted is not None else image
    result.info.pop("icc_profile", None)
    return result


def _setup_pillow() -> None:
    """Once, and not at import: HEIC and AVIF readers, and our own pixel limit in place of Pillow's global one."""
    with _setup_lock:
        if Image.MAX_IMAGE_PIXELS is not None or "HEIF" not in Image.OPEN:
            pillow_heif.register_heif_opener(thumbnails=False)
            Image.MAX_IMAGE_PIXELS = None
            Image.init()


def _open(data: bytes, suffix: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        for what, suffixes in _NOT_PHOTOS.items():
            if suffix in suffixes:
                raise PhotoError("not_an_image", f"is {what}") from None
        if suffix in {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".heic", ".heif", ".avif"}:
            raise PhotoError("unreadable", f"ends in {suffix} but does not decode as a photo") from None
        raise PhotoError("not_an_image", "is not a photo in a format that Montage reads") from None
    except Exception as error:
        raise PhotoError("unreadable", f"is damaged: {_one_line(error)}") from None


def _raw_preview(raw_file: bytes) -> tuple[bytes, int]:
    """The camera's own JPEG from a RAW file, and the rotation (degrees, counter-clockwise) it still needs."""
    import rawpy  # only here: RAW files are rare and the library is large

    try:
        with rawpy.imread(io.BytesIO(raw_file)) as raw:
            thumb = raw.extract_thumb()
            data = thumb.data
            flip = {3: 180, 5: 90, 6: 270}.get(raw.sizes.flip, 0)
    except rawpy.LibRawError as error:
        raise PhotoError("unreadable", f"is a RAW file without a readable preview: {_one_line(error)}") from None
    if isinstance(data, bytes):  # a JPEG; otherwise the pixels
        has_orientation = Image.open(io.BytesIO(data)).getexif().get(ExifTags.Base.Orientation, 1) != 1
        return data, 0 if has_orientation else flip
    buffer = io.BytesIO()
    Image.fromarray(data).save(buffer, "PNG")
    return buffer.getvalue(), flip


def _upright_size(size: tuple[int, int], orientation: int, flip: int) -> tuple[int, int]:
    turned = (orientation in (5, 6, 7, 8)) != (flip in (90, 270))
    return (size[1], size[0]) if turned else size


def _to_rgb8(image: Image.Image) -> Image.Image:
    """8-bit RGB from any mode: 16-bit and float greys are scaled, transparency is laid on white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey = np.array(image, dtype=np.float32)  # worked on in place: such photos are large
        brightest = float(grey.max(initial=0))
        full_scale = 65535.0 if brightest > 255 else 255.0
        grey *= 255 / (max(brightest, 1e-9) if image.mode == "F" else full_scale)
        np.clip(np.rint(grey, out=grey), 0, 255, out=grey)
        scaled = Image.fromarray(grey.astype(np.uint8)).convert("RGB")
        scaled.info.update(image.info)
        return _keeping_exif(scaled, image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(rgba, mask=rgba.getchannel("A"))
        return _keeping_exif(ground, image)
    if image.mode == "RGB":
        image.load()
        return image
    profile = image.info.get("icc_profile")
    if image.mode in ("CMYK", "LAB") and profile:
        converted = to_srgb(image)
        if converted.mode == "RGB":
            return _keeping_exif(converted, image)
    rgb = image.convert("RGB")
    rgb.info.pop("icc_profile", None)  # the profile spoke of the old colour space
    return _keeping_exif(rgb, image)


def _keeping_exif(converted: Image.Image, source: Image.Image) -> Image.Image:
    if "exif" in source.info:
        converted.info["exif"] = source.info["exif"]
    elif source.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        converted.getexif()[ExifTags.Base.Orientation] = source.getexif()[ExifTags.Base.Orientation]
    return converted


def _without_metadata(image: Image.Image) -> Image.Image:
    """A copy that carries pixels and colour profile only, so that no location can leak from it."""
    profile = image.info.get("icc_profile")
    clean = Image.frombytes("RGB", image.size, image.tobytes())
    if profile:
        clean.info["icc_profile"] = profile
    return clean


def _captured_at(exif: Image.Exif) -> str | None:
    details: dict[int, Any] = dict(exif.get_ifd(ExifTags.IFD.Exif))
    written = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    if not isinstance(written, str):
        return None
    try:
        moment = datetime.strptime(written.strip("\x00 ")[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    fraction = re.sub(r"\D", "", str(details.get(ExifTags.Base.SubsecTimeOriginal) or ""))[:6]
    if fraction:
        moment = moment.replace(microsecond=int(fraction.ljust(6, "0")))
    return moment.isoformat()


def _camera(exif: Image.Exif) -> str | None:
    make, model = (
        " ".join(str(exif.get(tag) or "").replace("\x00", " ").split())
        for tag in (ExifTags.Base.Make, ExifTags.Base.Model)
    )
    name = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return name or None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
