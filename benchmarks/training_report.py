"""The table of `benchmarks.training`, from what its cases found."""

import statistics
from collections.abc import Sequence
from typing import Any

EPOCHS = 5
"""Over which the precomputation is counted."""
Found = dict[str, Any]


def table(found: dict[str, list[Found]], *, batch: int, eval_photos: int) -> tuple[str, Found]:
    """Markdown, and the same figures by name.

    Args:
        found: by case, one a round.
        batch: photos a training step.
    """
    once = found["precompute"]
    features = statistics.median(one["features_s_a_photo"] for one in once)
    clip = statistics.median(one["clip_s_a_photo"] for one in once)
    per_photo = {
        case: [[seconds / batch for seconds in one["step_seconds"]] for one in found[case]]
        for case in ("plain training", "stored training")
    } | {
        case: [[one["seconds"] / eval_photos] for one in found[case]]
        for case in ("plain evaluation", "stored evaluation")
    }
    parts, figures = [_HEAD], {"features_s_a_photo": features, "clip_s_a_photo": clip}
    for what, before in (("training", features), ("evaluation", features + clip)):
        plain, stored = per_photo[f"plain {what}"], per_photo[f"stored {what}"]
        ratio = _median(plain) / _median(stored)
        by_round = [_median([a]) / _median([b]) for a, b in zip(plain, stored, strict=True)]
        counted = EPOCHS * _median(plain) / (before + EPOCHS * _median(stored))
        parts.append(_row(f"{what}, Trainer + PEFT", plain, "1.00x", "1.00x", found[f"plain {what}"]))
        spread = f"{ratio:.2f}x ({min(by_round):.2f}-{max(by_round):.2f})"
        parts.append(_row(f"{what}, stored features", stored, spread, f"{counted:.2f}x", found[f"stored {what}"]))
        figures[what] = {
            "ratio": ratio, "ratio_by_round": by_round, f"ratio_over_{EPOCHS}_epochs": counted,
            "plain_photos_a_second": 1 / _median(plain), "stored_photos_a_second": 1 / _median(stored),
        }  # fmt: skip
    trained, judged = found["plain training"][0], found["plain evaluation"][0]
    ours, scored = found["stored training"][0], found["stored evaluation"][0]
    same = sum(a == b for a, b in zip(judged["captions"], scored["captions"], strict=True)) / len(judged["captions"])
    figures |= {"same_captions": same}
    once_peak = max(one["peak_mb"] for one in once)
    parts.append(
        f"\nOnce for each photo: features {features:.2f} s ({once[0]['stored_bytes_a_photo']:,} bytes stored), CLIP "
        f"embedding {clip:.2f} s, peak {once_peak:.0f} MB. Trainable parameters: {trained['trainable']:,} and "
        f"{ours['trainable']:,}. Loss of the first step {trained['loss']:.4f} and {ours['loss']:.4f}, of the "
        f"evaluation {judged['loss']:.4f} and {scored['loss']:.4f}; same captions {100 * same:.0f} %."
    )
    return "\n".join(parts), figures


_HEAD = (
    f"| case | photos/s, median | min-max | against the peer (by round) | with precomputation, {EPOCHS} epochs | "
    "peak MB |\n|---|---|---|---|---|---|"
)


def _row(name: str, seconds: Sequence[Sequence[float]], ratio: str, counted: str, runs: Sequence[Found]) -> str:
    speeds = sorted(1 / one for own in seconds for one in own)
    peak = max(one["peak_mb"] for one in runs)
    return (
        f"| {name} | {1 / _median(seconds):.2f} | {speeds[0]:.2f}-{speeds[-1]:.2f} | {ratio} | {counted} | {peak:.0f} |"
    )


def _median(seconds: Sequence[Sequence[float]]) -> float:
    return statistics.median(one for own in seconds for one in own)
