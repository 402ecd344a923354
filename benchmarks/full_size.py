"""Full-size models with random weights: throughput, memory and what stored features save, in one call.

    python -m benchmarks.full_size [--models blip2-flan-t5-xl,git-base,florence-2-base] [--photos 64] [--json FILE]

Weights are random, so captions are noise of the full length (`min_new_tokens`); times and memory are those of the real
model. Meant for a machine with a GPU; `--smoke` runs the same code on small shapes anywhere. Each model is measured
beside itself run photo by photo, the plain way, and with features from the store.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.published import BLIP2, FLAN_T5_XL, FLORENCE_2_BASE, GIT_BASE, empty_model
from core.vlm.family import Family
from core.vlm.loading import quiet
from core.vlm.presets import FAMILIES

MODELS: dict[str, dict[str, Any]] = {
    "blip2-flan-t5-xl": {**BLIP2, "text_config": FLAN_T5_XL, "image_token_index": 32100},
    "git-base": GIT_BASE,
    "florence-2-base": FLORENCE_2_BASE,
}
IMAGE_SIZE_PX = {"blip2": 224, "git": 224, "florence2": 768}
PROMPT_TOKENS, CAPTION_TOKENS = 40, 32


def smoke(config: dict[str, Any]) -> dict[str, Any]:
    """The same configuration with few and narrow layers."""
    small: dict[str, Any] = json.loads(json.dumps(config))
    small |= {"num_hidden_layers": 1} if config["model_type"] == "git" else {}
    for section, change in {
        "vision_config": {"num_hidden_layers": 1, "depths": [1, 1, 1, 1]},
        "qformer_config": {"num_hidden_layers": 2},
        "text_config": {"num_layers": 1, "num_decoder_layers": 1, "encoder_layers": 1, "decoder_layers": 1},
    }.items():
        if section in small:
            small[section] |= {k: v for k, v in change.items() if k in small[section] or k == "num_hidden_layers"}
    return small


def random_model(config: dict[str, Any], device: str, dtype: torch.dtype) -> Any:
    """A model with small random weights on a device."""
    generator = torch.Generator(device).manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        model = empty_model(config, Path(folder)).to(dtype).to_empty(device=device)
    model.tie_weights()
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.normal_(std=0.02, generator=generator)
            elif tensor.numel() > 1:  # position ids, which an empty model has lost
                tensor.copy_(torch.arange(tensor.shape[-1], device=device).expand_as(tensor))
    return model.eval()


def prompt_ids(family: Family, model: Any, image_tokens: int) -> list[int]:
    """A prompt of `PROMPT_TOKENS` words, with image tokens where the family wants them."""
    image = family.image_token_id(model)
    return [*([image] * image_tokens if image is not None else []), *range(1000, 1000 + PROMPT_TOKENS)]


def measure(name: str, config: dict[str, Any], photos: int, batch: int, device: str) -> dict[str, Any]:
    """Seconds a photo for each way, and the most memory."""
    family = next(f for f in FAMILIES.values() if f.model_type == config["model_type"])
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    model = random_model(config, device, dtype)
    side = IMAGE_SIZE_PX[family.name]
    pixels = torch.randn(batch, 3, side, side, device=device, dtype=dtype)
    how = {"max_new_tokens": CAPTION_TOKENS, "min_new_tokens": CAPTION_TOKENS, "do_sample": False, "num_beams": 1}

    def encode(count: int) -> torch.Tensor:
        return family.features(model, pixels[:count])

    def generate(features: torch.Tensor) -> None:
        tokens = features.shape[1] if family.name != "blip2" else config["num_query_tokens"]
        ids = torch.tensor([prompt_ids(family, model, tokens)] * len(features), device=device)
        family.generate(model, features, ids, torch.ones_like(ids), **how)

    with torch.inference_mode(), quiet():
        stored = encode(batch)
        generate(stored)  # what is set up once is not measured
        ways: dict[str, Callable[[], None]] = {
            "photo by photo": lambda: [generate(encode(1)) for _ in range(photos)] and None,
            "in batches": lambda: [generate(encode(batch)) for _ in range(photos // batch)] and None,
            "in batches, features stored": lambda: [generate(stored) for _ in range(photos // batch)] and None,
        }
        seconds = {way: timed(run, device) / photos for way, run in ways.items()}
    memory = torch.cuda.max_memory_allocated() if device == "cuda" else None
    count = sum(p.numel() for p in model.parameters())
    stored_bytes = stored[0].numel() * stored[0].element_size()
    return {
        "model": name, "parameters": count, "seconds_a_photo": seconds, "batch": batch,
        "peak_memory_bytes": memory, "stored_bytes_a_photo": stored_bytes,
    }  # fmt: skip


def timed(run: Callable[[], None], device: str) -> float:
    """Seconds, with the device's work done."""
    start = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--photos", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--smoke", action="store_true", help="few layers: whether it runs, not how fast")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    photos, batch = (4, 2) if options.smoke else (options.photos, options.batch)
    rows = []
    for name in options.models.split(","):
        config = smoke(MODELS[name]) if options.smoke else MODELS[name]
        rows.append(measure(name, config, photos - photos % batch, batch, device))
        if device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
    where = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    print(f"{photos} photos, prompt of {PROMPT_TOKENS} tokens, captions of {CAPTION_TOKENS}, batch {batch}, {where}\n")
    print("| model | parameters | way | photos/s | against photo by photo |\n|---|---|---|---|---|")
    for row in rows:
        plain = row["seconds_a_photo"]["photo by photo"]
        for way, seconds in row["seconds_a_photo"].items():
            print(f"| {row['model']} | {row['parameters']:,} | {way} | {1 / seconds:.2f} | {plain / seconds:.2f}x |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
