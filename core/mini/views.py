"""Two looks at the same photo: the edits and faults that a photo meets, as torch operations on a batch."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MEAN, STD = 0.5, 0.25


def look(batch: Tensor, size: int, generator: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """Edited copies of uint8 (N, 3, S, S), normalised float32 (N, 3, size, size)."""
    x = _framed(batch.float() / 255, size, generator, strength)
    x = _focused(x, generator, strength)
    x = _lit(x, generator, strength)
    if strength > 0:
        amount = 0.02 * strength * _uniform(generator, len(x), 0, 1)
        x = x + amount[:, None, None, None] * torch.randn(x.shape, generator=generator)
    return (x.clamp(0, 1) - MEAN) / STD


def spoiled(batch: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """The uint8 batch with a share of photos shaken, too dark or too bright."""
    out = batch.clone()
    kind = torch.rand(len(batch), generator=generator) / share * 3
    dark, bright, shaken = ((kind >= low) & (kind < low + 1) for low in (0, 1, 2))
    for chosen, low, high in ((dark, 0.14, 0.35), (bright, 1.8, 3.8)):
        gains = _uniform(generator, int(chosen.sum()), low, high)[:, None, None, None]
        out[chosen] = (batch[chosen].float() * gains).clamp(0, 255).to(torch.uint8)
    if shaken.any():
        side = 9
        angle = math.pi * float(torch.rand((), generator=generator))
        kernel = torch.zeros(3, 1, side, side)
        for step in torch.linspace(-2.2, 2.2, 25).tolist():
            kernel[:, 0, round(4 + step * math.sin(angle)), round(4 + step * math.cos(angle))] += 1 / 25
        padded = F.pad(batch[shaken].float(), (4, 4, 4, 4), mode="replicate")
        out[shaken] = F.conv2d(padded, kernel, groups=3).clamp(0, 255).to(torch.uint8)
    return out


def _uniform(generator: torch.Generator, count: int, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _framed(x: Tensor, size: int, generator: torch.Generator, strength: float) -> Tensor:
    """Cropped and tilted, each with probability one half."""
    n = len(x)
    cropped = (torch.rand(n, 1, generator=generator) < 0.5).float()
    left, top, right, bottom = (0.12 * strength * cropped * torch.rand(n, 4, generator=generator)).unbind(1)
    tilted = (torch.rand(n, generator=generator) < 0.4).float()
    turn = math.radians(5) * strength * tilted * _uniform(generator, n, -1, 1)
    zoom = torch.cos(turn) + 1.3 * torch.sin(turn).abs()
    wide, high = (1 - left - right) / zoom, (1 - top - bottom) / zoom
    theta = torch.stack(
        [
            torch.stack([wide * torch.cos(turn), -high * torch.sin(turn), left - right], 1),
            torch.stack([wide * torch.sin(turn), high * torch.cos(turn), top - bottom], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _focused(x: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Softer or sharper: moved towards or away from its own blur."""
    blurred = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    amount = _uniform(generator, len(x), -0.5, 0.9) * strength + 0.15
    return x + amount[:, None, None, None] * (x - blurred)


def _lit(x: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    n = len(x)
    changed = (torch.rand(n, generator=generator) < 0.6).float()
    gain = 1 + 0.28 * strength * changed * _uniform(generator, n, -1, 1)
    balance = 1 + 0.04 * strength * (2 * torch.rand(n, 3, generator=generator) - 1)
    return (x * gain[:, None, None, None] * balance[:, :, None, None]).clamp(0, 1)
