"""The peer of `benchmarks.training`: LoRA and its evaluation written in the libraries' plain way, none of our code.

transformers' Trainer over a PEFT model; the dataset opens a photo's file each time it is asked for it. Evaluation is
what `Seq2SeqTrainer` does at each step (generate, then the loss), and CLIP scores are OpenCLIP's example.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

IGNORED = -100
TARGETS = {"git": ["query", "key", "value", "dense"], "florence2": ["q_proj", "v_proj"]}
Rows = Sequence[dict[str, Any]]
"""`image` (a path), `prompt`, `caption`."""


class PhotoCaptions(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Photos and captions as the model's forward takes them."""

    def __init__(self, rows: Rows, processor: Any, model_name: str) -> None:
        self.rows, self.processor, self.model_name = rows, processor, model_name

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row, tokenizer = self.rows[index], self.processor.tokenizer
        image = Image.open(row["image"]).convert("RGB")
        if self.model_name == "git":  # one text: [CLS], the prompt, the caption, [SEP]
            pixels = self.processor(images=image, return_tensors="pt")["pixel_values"][0]
            prompt = [tokenizer.cls_token_id, *tokenizer(row["prompt"], add_special_tokens=False).input_ids]
            caption = [*tokenizer(row["caption"], add_special_tokens=False).input_ids, tokenizer.sep_token_id]
            ids, labels = prompt + caption, [IGNORED] * len(prompt) + caption
        else:
            inputs = self.processor(images=image, text=row["prompt"], return_tensors="pt")
            pixels, prompt = inputs["pixel_values"][0], inputs["input_ids"][0].tolist()
            ids, labels = prompt, tokenizer(row["caption"]).input_ids
        return {"pixel_values": pixels, "input_ids": ids, "labels": labels, "prompt_ids": prompt}


class Collate:
    """Stacks a batch, with texts padded on the right."""

    def __init__(self, pad_token_id: int, *, with_prompts: bool = False) -> None:
        self.pad_token_id, self.with_prompts = pad_token_id, with_prompts

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        def padded(name: str, value: int) -> torch.Tensor:
            rows = [torch.tensor(item[name]) for item in items]
            return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)

        ids = padded("input_ids", self.pad_token_id)
        batch = {
            "pixel_values": torch.stack([item["pixel_values"] for item in items]),
            "input_ids": ids,
            "attention_mask": (ids != self.pad_token_id).long(),
            "labels": padded("labels", IGNORED),
        }
        return batch | ({"prompt_ids": padded("prompt_ids", self.pad_token_id)} if self.with_prompts else {})


def open_model(folder: Path, model_name: str, rank: int, alpha: int, dropout: float, dtype: str) -> tuple[Any, Any]:
    """Processor, and the model with a new adapter on its language side."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=getattr(torch, dtype))
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=TARGETS[model_name])
    return processor, get_peft_model(model, config)


def train(
    rows: Rows, processor: Any, model: Any, model_name: str, folder: Path, arguments: dict[str, Any]
) -> tuple[list[float], float]:
    """Train as the guides show.

    Args:
        arguments: of `TrainingArguments`.

    Returns:
        When each step was over, in seconds, and the first step's loss.
    """
    from transformers import Trainer, TrainerCallback, TrainingArguments

    times: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.perf_counter())

    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder),
            eval_strategy="no",
            save_strategy="no",
            logging_first_step=True,
            remove_unused_columns=False,
            label_names=["labels"],
            report_to="none",
            disable_tqdm=True,
            **arguments,
        ),
        train_dataset=PhotoCaptions(rows, processor, model_name),
        data_collator=Collate(processor.tokenizer.pad_token_id),
        callbacks=[Clock()],
    )
    trainer.train()
    return times, float(next(entry["loss"] for entry in trainer.state.log_history if "loss" in entry))


def evaluate(
    rows: Rows, processor: Any, model: Any, model_name: str, batch_size: int, workers: int, how: dict[str, Any]
) -> tuple[float, list[str]]:
    """Loss and captions.

    Args:
        how: arguments of `generate`.
    """
    loader = torch.utils.data.DataLoader(
        PhotoCaptions(rows, processor, model_name),
        batch_size=batch_size,
        num_workers=workers,
        collate_fn=Collate(processor.tokenizer.pad_token_id, with_prompts=True),
    )
    model.eval()
    device = next(model.parameters()).device
    total, captions = 0.0, []
    for items in loader:
        batch = {name: value.to(device) for name, value in items.items()}
        prompt = batch.pop("prompt_ids")
        with torch.no_grad():
            tokens = model.generate(pixel_values=batch["pixel_values"], input_ids=prompt, **how)
            total += float(model(**batch).loss) * len(prompt)
        if model_name == "git":
            tokens = tokens[:, prompt.shape[1] :]
        captions += [text.strip() for text in processor.batch_decode(tokens, skip_special_tokens=True)]
    return total / len(rows), captions


def clip_scores(rows: Rows, captions: Sequence[str], clip: tuple[Any, Any, Any], batch_size: int) -> list[float]:
    """CLIPScore of each caption."""
    model, preprocess, tokenizer = clip
    scores: list[float] = []
    for start in range(0, len(rows), batch_size):
        photos = [preprocess(Image.open(row["image"]).convert("RGB")) for row in rows[start : start + batch_size]]
        texts = [f"A photo depicts {caption}" for caption in captions[start : start + batch_size]]
        with torch.no_grad():
            images = model.encode_image(torch.stack(photos), normalize=True)
            words = model.encode_text(tokenizer(texts), normalize=True)
        scores += (2.5 * (images * words).sum(1).clamp(min=0)).tolist()
    return scores


def text_scores(captions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """BLEU, ROUGE-L and CIDEr by coco-caption."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    said = {i: [text] for i, text in enumerate(captions)}
    wanted = {i: [text] for i, text in enumerate(references)}
    scores = {"bleu4": Bleu(4).compute_score(wanted, said, verbose=0)[0][3]}
    return scores | {
        "rougeL": float(Rouge().compute_score(wanted, said)[0]),
        "cider": float(Cider().compute_score(wanted, said)[0]),
    }
