"""Decoding: formats, modes, orientation, metadata, and files that are none."""

import struct
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from core.errors import PhotoError
from core.photos import decode_photo, to_srgb
from tests.fakes import encoded, picture

LIMIT = 10**8


def decode(data: bytes, name: str = "a.jpg", size_px: int | None = None, max_pixels: int = LIMIT):  # type: ignore[no-untyped-def]
    return decode_photo(data, name, max_pixels=max_pixels, size_px=size_px)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "HEIF"])
def test_formats(format: str) -> None:
    image = picture(3, (160, 120))
    if format == "HEIF":
        buffer = BytesIO()
        pillow_heif.from_pillow(image).save(buffer, quality=90)
        data = buffer.getvalue()
    else:
        data = encoded(image, format, **({"quality": 90} if format in ("JPEG", "WEBP", "AVIF") else {}))
    photo = decode(data)
    assert (photo.header.format, photo.header.width_px, photo.header.height_px) == (format, 160, 120)
    assert photo.pixels.shape == (120, 160, 3)
    assert np.abs(photo.pixels.astype(int) - np.asarray(image).astype(int)).mean() < 12


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert tuple(decode(data, "a.gif").pixels[10, 10]) == (255, 0, 0)


def test_every_orientation_comes_out_upright() -> None:
    upright = Image.new("RGB", (60, 40), "white")
    upright.paste((255, 0, 0), (0, 0, 30, 20))  # red marks the upper left corner
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    for orientation, operation in undo.items():
        stored = upright if operation is None else upright.transpose(operation)
        exif = Image.Exif()
        exif[0x0112] = orientation
        for format in ("JPEG", "PNG", "WEBP"):
            photo = decode(encoded(stored, format, exif=exif))
            assert photo.image.size == (60, 40), (orientation, format)
            assert (photo.header.width_px, photo.header.height_px) == (60, 40)
            red, green, _ = photo.pixels[8, 8]
            assert red > 200, (orientation, format)
            assert green < 60, (orientation, format)


def test_grey_palette_cmyk_and_transparency_become_rgb() -> None:
    grey = decode(encoded(Image.new("L", (20, 20), 99), "PNG")).pixels
    assert tuple(grey[5, 5]) == (99, 99, 99)
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    assert tuple(decode(encoded(clear, "PNG")).pixels[5, 5]) == (255, 255, 255), "transparent is white"
    half = Image.new("LA", (20, 20), (0, 128))
    assert 120 < decode(encoded(half, "PNG")).pixels[5, 5, 0] < 135
    palette = Image.new("P", (20, 20), 0)
    palette.putpalette([10, 200, 30] + [0] * 765)
    assert tuple(decode(encoded(palette, "PNG", transparency=7)).pixels[5, 5]) == (10, 200, 30)
    cmyk = decode(encoded(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG")).pixels[5, 5]
    assert cmyk[0] > 200
    assert cmyk[1] < 80


def test_sixteen_bits_and_floats_are_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    for format in ("PNG", "TIFF"):
        pixels = decode(encoded(Image.fromarray(ramp), format)).pixels
        assert abs(int(pixels[32, 0, 0]) - 128) < 4, format
    floats = Image.fromarray(np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64))
    assert abs(int(decode(encoded(floats, "TIFF")).pixels[32, 0, 0]) - 128) < 4


def test_capture_time_and_camera_are_kept_and_nothing_else() -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "ClubCam", "C-100"
    details = exif.get_ifd(0x8769)
    details[0x9003], details[0x9291] = "2026:03:14 10:20:30", "25"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (26.0, 11.0, 12.0)
    photo = decode(encoded(picture(1), exif=exif))
    assert photo.header.captured_at == "2026-03-14T10:20:30.250000"
    assert photo.header.camera == "ClubCam C-100"
    assert not photo.image.getexif()
    assert set(photo.image.info) <= {"icc_profile"}


def test_malformed_dates_are_ignored() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"
    assert decode(encoded(picture(1), exif=exif)).header.captured_at is None


def test_reduced_decoding_keeps_shape_and_content() -> None:
    image = picture(5, (2400, 1600))
    data = encoded(image, quality=92)
    small = decode(data, size_px=600)
    assert small.image.size == (600, 400)
    assert (small.header.width_px, small.header.height_px) == (2400, 1600)
    full = np.asarray(image.resize((600, 400), Image.Resampling.BOX)).astype(int)
    assert np.abs(small.pixels.astype(int) - full).mean() < 4
    assert decode(data, size_px=9000).image.size == (2400, 1600), "never enlarged"


def test_colour_profiles_are_converted() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = decode(encoded(picture(2), icc_profile=profile))
    assert "icc_profile" in photo.image.info
    converted = to_srgb(photo.image)
    assert "icc_profile" not in converted.info
    assert np.abs(np.asarray(converted).astype(int) - photo.pixels.astype(int)).max() <= 2
    photo.image.info["icc_profile"] = b"not a profile"
    assert to_srgb(photo.image).size == photo.image.size


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "a.jpg", "empty"),
        (b"hello", "notes.txt", "not_an_image"),
        (b"hello", "a.jpg", "unreadable"),
        (b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 64, "clip.mp4", "not_an_image"),
        (encoded(picture(1, (800, 600)))[:9000], "cut.jpg", "unreadable"),
        (encoded(picture(1, (800, 600)), "PNG")[:4000], "cut.png", "unreadable"),
        (encoded(Image.new("RGB", (4, 4))), "dot.jpg", "too_small"),
        (b"II*\x00" + b"\x01" * 100, "broken.dng", "unreadable"),
    ],
)
def test_what_is_no_photo_is_refused_with_a_reason(data: bytes, name: str, reason: str) -> None:
    with pytest.raises(PhotoError) as caught:
        decode(data, name)
    assert caught.value.reason == reason


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    header_only = encoded(Image.new("RGB", (6000, 6000)), "PNG")[:200]
    with pytest.raises(PhotoError, match=r"6000 x 6000 pixels, more than ingest\.max_pixels \(1000000\)") as caught:
        decode(header_only, "a.png", max_pixels=1_000_000)
    assert caught.value.reason == "too_many_pixels"


def test_camera_raw_is_read_by_its_embedded_preview() -> None:
    photo = decode(minimal_dng(encoded(picture(4, (640, 480)), quality=95)), "IMG_0001.DNG")
    assert photo.header.format == "RAW"
    assert photo.image.size == (640, 480)
    difference = np.abs(photo.pixels.astype(int) - np.asarray(picture(4, (640, 480))).astype(int))
    assert difference.mean() < 6


def minimal_dng(preview_jpeg: bytes) -> bytes:
    """The smallest DNG that LibRaw reads: a JPEG preview in the first directory, a raw mosaic in a sub-directory."""
    width, height = 64, 48
    raw = np.full((height, width), 1000, dtype="<u2").tobytes()
    matrix = struct.pack("<18i", *[v for x in (1, 0, 0, 0, 1, 0, 0, 0, 1) for v in (x, 1)])
    neutral = struct.pack("<6I", 1, 1, 1, 1, 1, 1)
    blobs, offset = b"", 8

    def put(data: bytes) -> int:
        nonlocal blobs
        position = offset + len(blobs)
        blobs += data + b"\x00" * (len(data) % 2)
        return position

    def directory(entries: list[tuple[int, int, int, bytes | int]]) -> int:
        rows = b""
        for tag, kind, count, value in sorted(entries, key=lambda e: e[0]):
            if isinstance(value, bytes):
                packed = value.ljust(4, b"\x00") if len(value) <= 4 else struct.pack("<I", put(value))
            else:
                packed = struct.pack("<I", value) if kind == 4 else struct.pack("<HH", value, 0)
            rows += struct.pack("<HHI", tag, kind, count) + packed
        return put(struct.pack("<H", len(entries)) + rows + b"\x00" * 4)

    sub = directory(
        [
            (254, 4, 1, 0),
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 1, 16),
            (259, 3, 1, 1),
            (262, 3, 1, 32803),
            (273, 4, 1, put(raw)),
            (277, 3, 1, 1),
            (278, 4, 1, height),
            (279, 4, 1, len(raw)),
            (33421, 3, 2, struct.pack("<HH", 2, 2)),
            (33422, 1, 4, b"\x00\x01\x01\x02"),
            (50717, 4, 1, 4095),
        ]
    )
    model = b"Test Camera\x00"
    first = directory(
        [
            (254, 4, 1, 1),
            (256, 4, 1, 640),
            (257, 4, 1, 480),
            (258, 3, 3, struct.pack("<HHH", 8, 8, 8)),
            (259, 3, 1, 7),
            (262, 3, 1, 6),
            (271, 2, 5, b"Test\x00"),
            (272, 2, len(model), model),
            (273, 4, 1, put(preview_jpeg)),
            (277, 3, 1, 3),
            (278, 4, 1, 480),
            (279, 4, 1, len(preview_jpeg)),
            (330, 4, 1, sub),
            (50706, 1, 4, b"\x01\x04\x00\x00"),
            (50708, 2, len(model), model),
            (50721, 10, 9, matrix),
            (50728, 5, 3, neutral),
        ]
    )
    return b"II*\x00" + struct.pack("<I", first) + blobs
