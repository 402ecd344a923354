"""The montage grid: a post's photos in one picture without gaps."""

import math
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image, ImageOps

__all__ = ["grid_rows", "montage_grid"]

_GAP_PX = 6


def grid_rows(n: int) -> list[int]:
    """How many tiles stand in each row: as square as n allows, fuller rows last, no hole.

    >>> [grid_rows(n) for n in (1, 2, 3, 5, 6, 7, 9)]
    [[1], [2], [1, 2], [2, 3], [3, 3], [2, 2, 3], [3, 3, 3]]
    """
    rows = max(1, round(math.sqrt(n)) if n > 2 else 1)
    return [n // rows + (1 if row >= rows - n % rows else 0) for row in range(rows)]


def montage_grid(photos: Sequence[Image.Image], *, tile_px: int) -> Image.Image:
    """Lay photos out in rows of equal height; each photo fills its tile, cut at its middle.

    Args:
        photos: RGB, the leading one first, at least one.
        tile_px: height of a row, and width of a tile in the fullest row.
    """
    rows = grid_rows(len(photos))
    width = max(rows) * tile_px + (max(rows) - 1) * _GAP_PX
    height = len(rows) * tile_px + (len(rows) - 1) * _GAP_PX
    grid = Image.new("RGB", (width, height), "white")
    remaining = iter(photos)
    for row, count in enumerate(rows):
        edges = [round(i * (width + _GAP_PX) / count) for i in range(count + 1)]
        for left, right in pairwise(edges):
            tile = ImageOps.fit(next(remaining), (right - left - _GAP_PX, tile_px), Image.Resampling.LANCZOS)
            grid.paste(tile, (left, row * (tile_px + _GAP_PX)))
    return grid
