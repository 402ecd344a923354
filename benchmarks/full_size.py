"""Full-size models with random weights: training, generation, memory and what stored features save, in one call.

    python -m benchmarks.full_size [--models blip2-flan-t5-xl,git-base,florence-2-base] [--bits 16,8,4]
        [--batches 2,8,32] [--photos 64] [--json FILE]

Weights are random, so captions are noise of the full length (`min_new_tokens`); times and memory are those of the real
model. Meant for a machine with a GPU that may have no network: it needs torch, transformers, peft, what this repository
holds and, for 8 and 4 bits, bitsandbytes. `--smoke` runs the same code on small shapes anywhere.
"""

import argparse
import gc
import importlib.util
import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks.checkpoints import smaller
from benchmarks.full_size_training import measure_training
from core.training.base_model import Shape, empty_model
from core.training.published import PUBLISHED
from core.vlm.family import Family
from core.vlm.loading import quiet
from core.vlm.presets import FAMILIES

MODELS = {
    "blip2-flan-t5-xl": "Salesforce/blip2-flan-t5-xl",
    "git-base": "microsoft/git-base",
    "florence-2-base": "florence-community/Florence-2-base",
}
IMAGE_TOKEN = {"image_token_index": 32100}
"""BLIP-2's, which its processor's configuration names."""
IMAGE_SIZE_PX = {"blip2": 224, "git": 224, "florence2": 768}
PROMPT_TOKENS, CAPTION_TOKENS, LABEL_TOKENS = 40, 32, 64
Row = dict[str, Any]


def random_model(shape: Shape, device: str, dtype: torch.dtype) -> Any:
    """A model with small random weights on a device."""
    generator = torch.Generator(device).manual_seed(0)
    model = empty_model(shape).to(dtype).to_empty(device=device)
    head = getattr(getattr(model, "language_model", None), "lm_head", None)
    own_head = head.weight if shape.config.get("text_config", {}).get("tie_word_embeddings") is False else None
    model.tie_weights()  # what was shared no longer is, on a device
    if own_head is not None:
        head.weight = own_head
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.normal_(std=0.02, generator=generator)
            elif tensor.numel() > 1:  # position ids, which an empty model has lost
                tensor.copy_(torch.arange(tensor.shape[-1], device=device).expand_as(tensor))
    return model.eval()


def quantized(shape: Shape, bits: int, device: str, dtype: torch.dtype) -> Any:
    """The same model in 8 or 4 bits, written to disk and loaded as users load it."""
    import transformers

    how: dict[str, Any] = {"load_in_8bit": True}
    if bits == 4:
        how = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
    with tempfile.TemporaryDirectory() as folder, quiet():
        random_model(shape, "cpu", dtype).save_pretrained(folder)
        return getattr(transformers, shape.family.model_class).from_pretrained(
            folder,
            dtype=dtype,
            device_map={"": device},
            quantization_config=transformers.BitsAndBytesConfig(**how),
        )


def prompt_ids(family: Family, model: Any, image_tokens: int) -> list[int]:
    """A prompt of `PROMPT_TOKENS` words, with image tokens where the family wants them."""
    image = family.image_token_id(model)
    return [*([image] * image_tokens if image is not None else []), *range(1000, 1000 + PROMPT_TOKENS)]


def measure_generation(family: Family, model: Any, pixels: torch.Tensor, photos: int) -> list[Row]:
    """Photos a second and peak memory for each way of writing captions; `pixels` is one batch."""
    batch, device = len(pixels), pixels.device
    how = {"max_new_tokens": CAPTION_TOKENS, "min_new_tokens": CAPTION_TOKENS, "do_sample": False, "num_beams": 1}

    def encode(count: int) -> torch.Tensor:
        return family.features(model, pixels[:count])

    def generate(features: torch.Tensor) -> None:
        ids = torch.tensor([prompt_ids(family, model, features.shape[1])] * len(features), device=device)
        family.generate(model, features, ids, torch.ones_like(ids), **how)

    with torch.inference_mode(), quiet():
        stored = encode(batch)
        generate(stored)  # what is set up once is not measured
        ways: dict[str, tuple[int, Callable[[], None]]] = {
            "photo by photo": (photos, lambda: generate(encode(1))),
            "in batches": (photos // batch, lambda: generate(encode(batch))),
            "in batches, features stored": (photos // batch, lambda: generate(stored)),
        }
        rows = []
        for way, (times, run) in ways.items():
            reset_memory(device)
            seconds = timed(lambda times=times, run=run: [run() for _ in range(times)], device)
            size = 1 if way == "photo by photo" else batch
            speed = times * size / seconds
            rows.append({"what": f"captions, {way}", "batch": size, "photos_a_second": speed} | memory(device))
    return rows


def timed(run: Callable[[], object], device: torch.device) -> float:
    """Seconds, with the device's work done."""
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def reset_memory(device: torch.device) -> None:
    """Begin to measure peak memory."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def memory(device: torch.device) -> Row:
    """Peak memory since `reset_memory`; a processor's is not measured."""
    return {"peak_memory_bytes": torch.cuda.max_memory_allocated() if device.type == "cuda" else None}


def measure(name: str, bits: int, options: argparse.Namespace, device: torch.device) -> Iterator[Row]:
    """All rows of one model in one number format."""
    config = {**PUBLISHED[MODELS[name]], **(IMAGE_TOKEN if name.startswith("blip2") else {})}
    family = next(f for f in FAMILIES.values() if f.model_type == config["model_type"])
    side_px = IMAGE_SIZE_PX[family.name]
    if options.smoke:
        config, side_px = smaller(family.name, config)
    shape = Shape(name=name, family=family, config=config, checkpoint=None)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    model = random_model(shape, device.type, dtype) if bits == 16 else quantized(shape, bits, device.type, dtype)
    pixels = torch.randn(max(options.batches), 3, side_px, side_px, device=device, dtype=dtype)
    about = {"model": name, "bits": bits, "parameters": sum(p.numel() for p in empty_model(shape).parameters())}
    for row in measure_generation(family, model, pixels[: options.batch], options.photos):
        yield about | row

    def texts(features_length: int) -> tuple[list[int], list[int]]:
        return prompt_ids(family, model, features_length), list(range(2000, 2000 + LABEL_TOKENS))

    meter = (lambda run: timed(run, device)), (lambda: reset_memory(device)), (lambda: memory(device))
    for row in measure_training(family, model, pixels, texts, options.batches, options.steps, meter):
        yield about | row


def signature(device: torch.device) -> Row:
    """What the figures depend on."""
    where = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or platform.machine()
    versions = {"python": platform.python_version()}
    for package in ("torch", "transformers", "peft", "bitsandbytes"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return {"device": where, "processors": os.cpu_count(), "versions": versions}


def numbers(text: str) -> list[int]:
    """`2,8,32`."""
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--bits", type=numbers, default=[16, 8, 4])
    parser.add_argument("--batches", type=numbers, default=[2, 8, 32], help="of training")
    parser.add_argument("--steps", type=int, default=10, help="of training, that are measured")
    parser.add_argument("--photos", type=int, default=64, help="to caption")
    parser.add_argument("--batch", type=int, default=16, help="of captions; at most the largest of training")
    parser.add_argument("--smoke", action="store_true", help="small models: whether it runs, not how fast")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if options.smoke:
        options.batches, options.steps, options.photos, options.batch = [2], 2, 4, 2
    options.batch = min(options.batch, max(options.batches))
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # on a processor it says at each layer that it casts
    if importlib.util.find_spec("bitsandbytes") is None and set(options.bits) - {16}:
        print("bitsandbytes is not here: 16 bits only")
        options.bits = [16]
    about = signature(device)
    floats = "bfloat16" if device.type == "cuda" else "float32"
    print(
        f"{about['device']}, {floats} where it says 16 bits, prompt of {PROMPT_TOKENS} tokens, captions of "
        f"{CAPTION_TOKENS} written and {LABEL_TOKENS} learnt{', SMOKE: the figures mean nothing' * options.smoke}\n"
    )
    print("| model | parameters | bits | what | batch | photos/s | against full forward | peak GB |")
    print("|---|---|---|---|---|---|---|---|")
    rows: list[Row] = []
    for name in options.models.split(","):
        for bits in options.bits:
            for row in measure(name, bits, options, device):
                rows.append(row)
                print(line(row, rows), flush=True)
                if options.json:  # whatever happens next
                    options.json.write_text(json.dumps({"signature": about, "rows": rows}, indent=2) + "\n")
            reset_memory(device)


def line(row: Row, rows: list[Row]) -> str:
    """A row of the table, beside its own full forward where there is one."""
    same = [r for r in rows if (r["model"], r["bits"], r["batch"]) == (row["model"], row["bits"], row["batch"])]
    plain = {"captions, in batches, features stored": "captions, in batches", "LoRA, features stored": "LoRA"}
    peer = next((r["photos_a_second"] for r in same if r["what"] == plain.get(row["what"])), None)
    speed, peak = row["photos_a_second"], row["peak_memory_bytes"]
    ratio = f"{speed / peer:.2f}x" if speed and peer else ""
    return (
        f"| {row['model']} | {row['parameters']:,} | {row['bits']} | {row['what']} | {row['batch']} | "
        f"{'out of memory' if speed is None else f'{speed:.2f}'} | {ratio} | "
        f"{'' if peak is None else f'{peak / 1e9:.2f}'} |"
    )


if __name__ == "__main__":
    main()
