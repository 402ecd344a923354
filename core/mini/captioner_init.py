"""Starting values that let a small vision transformer learn soon, or the eyes of one that has learnt."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

NEAR, FAR = 0.7, 0.4  # strengths of Trockman & Kolter (2023), "Mimetic Initialization of Self-Attention Layers"


@torch.no_grad()
def start_seeing(tower: Any, pixel_values: Tensor, generator: torch.Generator) -> None:
    """Sets a vision tower's patch filters, positions and attention; pixel_values (N, 3, S, S) are examples."""
    transformer = getattr(tower, "vision_model", tower)
    embeddings = transformer.embeddings
    filters, means = patch_filters(pixel_values, embeddings.patch_size, embeddings.embed_dim)
    embeddings.patch_embedding.weight.copy_(filters)
    positions = grid_positions(embeddings.image_size // embeddings.patch_size, embeddings.embed_dim)
    positions[1:] -= means
    held = getattr(embeddings.position_embedding, "weight", embeddings.position_embedding)
    held.copy_(positions.reshape(held.shape))
    for layer in transformer.encoder.layers:
        attention = layer.self_attn
        query, key, value, out = mimetic(embeddings.embed_dim, attention.num_heads, generator)
        if hasattr(attention, "qkv"):
            attention.qkv.weight.copy_(torch.cat([query, key, value]))
            attention.projection.weight.copy_(out)
        else:
            for linear, weight in zip(
                ("q_proj", "k_proj", "v_proj", "out_proj"), (query, key, value, out), strict=True
            ):
                getattr(attention, linear).weight.copy_(weight)


@torch.no_grad()
def copy_eyes(folder: Path, tower: Any, pixel_values: Tensor) -> None:
    """Copies the vision tower of the mini BLIP-2 in a folder into a GIT's; pixel_values (N, 3, S, S) are examples.

    GIT's has a norm before its first layer, whose gain is set to what the examples' tokens had without it.
    """
    source, given = _eyes(folder), {}
    for key, weight in source.encoder.state_dict().items():
        if ".self_attn." not in key:
            given[f"encoder.{key}"] = weight
    for index, layer in enumerate(source.encoder.layers):
        prefix, attention = f"encoder.layers.{index}.self_attn.", layer.self_attn
        for kind in ("weight", "bias"):
            parts = getattr(attention.qkv, kind).chunk(3)
            given |= {f"{prefix}{name}_proj.{kind}": part for name, part in zip("qkv", parts, strict=True)}
            given[f"{prefix}out_proj.{kind}"] = getattr(attention.projection, kind)
    gain = source.embeddings(pixel_values).std(-1).mean().expand(source.config.hidden_size)
    given |= {f"post_layernorm.{kind}": getattr(source.post_layernorm, kind) for kind in ("weight", "bias")}
    given |= {
        "embeddings.class_embedding": source.embeddings.class_embedding.flatten(),
        "embeddings.patch_embedding.weight": source.embeddings.patch_embedding.weight,
        "embeddings.position_embedding.weight": _positions(source),
        "pre_layrnorm.weight": gain,
        "pre_layrnorm.bias": torch.zeros_like(gain),
    }
    tower.vision_model.load_state_dict(given)


@torch.no_grad()
def open_clip_eyes(folder: Path, visual: Any) -> None:
    """Copies the vision tower of the mini BLIP-2 in a folder into an open_clip VisionTransformer without ln_pre."""
    source = _eyes(folder)
    given = {
        "class_embedding": source.embeddings.class_embedding.flatten(),
        "positional_embedding": _positions(source),
        "proj": visual.proj,
        "conv1.weight": source.embeddings.patch_embedding.weight,
        "ln_post.weight": source.post_layernorm.weight,
        "ln_post.bias": source.post_layernorm.bias,
    }
    for index, layer in enumerate(source.encoder.layers):
        parts = {
            "ln_1": layer.layer_norm1,
            "attn.out_proj": layer.self_attn.projection,
            "ln_2": layer.layer_norm2,
            "mlp.c_fc": layer.mlp.fc1,
            "mlp.c_proj": layer.mlp.fc2,
        }
        prefix = f"transformer.resblocks.{index}."
        for kind in ("weight", "bias"):
            given[f"{prefix}attn.in_proj_{kind}"] = getattr(layer.self_attn.qkv, kind)
            given |= {f"{prefix}{name}.{kind}": getattr(part, kind) for name, part in parts.items()}
    visual.load_state_dict(given)


def _eyes(folder: Path) -> Any:
    from transformers import Blip2ForConditionalGeneration

    return Blip2ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).vision_model


def _positions(source: Any) -> Tensor:
    """(1 + patches, D): positions that hold the patches' bias too, for towers whose patches have none."""
    positions: Tensor = source.embeddings.position_embedding[0].clone()
    positions[1:] += source.embeddings.patch_embedding.bias
    return positions


def patch_filters(pixel_values: Tensor, patch: int, width: int) -> tuple[Tensor, Tensor]:
    """Whitened principal components of the patches (width, 3, P, P), and their values at the mean (width,)."""
    patches = pixel_values.unfold(2, patch, patch).unfold(3, patch, patch)
    rows = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3 * patch * patch)
    mean = rows.mean(0)
    values, vectors = torch.linalg.eigh((rows - mean).T @ (rows - mean) / len(rows))
    values, vectors = values.flip(0)[:width], vectors.flip(1)[:, :width]
    flat = (vectors / (values + 0.001 * values[0]).sqrt()).T
    return flat.reshape(-1, 3, patch, patch), flat @ mean


def grid_positions(side: int, width: int, scale: float = 0.5) -> Tensor:
    """(1 + side², width) float32: zeros for the class token, then sines and cosines of row and column."""
    rates = torch.exp(-math.log(side * 2) * torch.arange(width // 4) / (width // 4)) * math.pi / 2
    angles = torch.arange(side)[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], 1)
    rows, columns = waves[:, None].expand(-1, side, -1), waves[None].expand(side, -1, -1)
    grid = torch.cat([rows, columns], 2).reshape(side * side, -1)
    return scale * torch.cat([torch.zeros(1, grid.shape[1]), grid])


def mimetic(width: int, heads: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights (width, width) of query, key, value, output: tokens look at their like, pass on what they are not."""
    own, size = torch.eye(width), width // heads
    query, key = [], []
    for _ in range(heads):
        noise = torch.randn(width, width, generator=generator) / math.sqrt(width)
        u, s, v = torch.linalg.svd(NEAR * noise + NEAR * own)
        query.append((u[:, :size] * s[:size].sqrt()).T)
        key.append(v[:size] * s[:size].sqrt()[:, None])
    noise = torch.randn(width, width, generator=generator) / math.sqrt(width)
    u, s, v = torch.linalg.svd(FAR * noise - FAR * own)
    return torch.cat(query), torch.cat(key), (v * s.sqrt()[:, None]), u * s.sqrt()
