"""An explanation as a picture (PNG) and as a page (HTML with the picture in it)."""

import base64
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from core.errors import ConfigError, OutputError
from core.store import write_atomic
from core.training.explain import Explanation, TokenPrice
from core.training.moved import by_layer
from core.training.page import render

__all__ = ["check_ending", "explanation_page", "explanation_picture", "write_explanation"]

_GREY, _GREEN, _RED = "#9a9a9a", "#2a8c55", "#c8442f"
_MOST_ROWS = 24
_NAME_CHARS = 44


def write_explanation(explanation: Explanation, image: Image.Image, path: Path) -> None:
    """Write a `.png` or `.html`, by the path's ending.

    Raises:
        ConfigError: another ending.
        OutputError: it cannot be written.
    """
    check_ending(path)
    picture = explanation_picture(explanation)
    data = picture if path.suffix.lower() == ".png" else explanation_page(explanation, image, picture).encode()
    try:
        write_atomic(path, data)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def check_ending(path: Path) -> None:
    """Refuse a path that says neither `.png` nor `.html`, before a model is loaded for it.

    Raises:
        ConfigError: it does not.
    """
    if path.suffix.lower() not in (".png", ".html"):
        raise ConfigError(f"an explanation is written as .png or .html, got {path.name}")


def explanation_picture(explanation: Explanation) -> bytes:
    """A PNG: the price of each token before and after, and below it which weights moved."""
    from matplotlib.figure import Figure

    layers = by_layer(explanation.moved) if explanation.moved else {}
    rows = dict(sorted(layers.items(), key=lambda item: -max(item[1].values()))[:_MOST_ROWS])
    width = max(7.0, 0.42 * len(explanation.tokens) + 2)
    tall = 0.26 * len(rows) + 1.6 if rows else 0.0
    figure = Figure(figsize=(width, 4.2 + tall), dpi=120, layout="constrained")
    axes = figure.subplots(2 if rows else 1, 1, squeeze=False, height_ratios=[4.2, tall] if rows else None).ravel()
    _draw_tokens(axes[0], explanation)
    if rows:
        _draw_moved(figure, axes[1], dict(sorted(rows.items())), left_out=len(layers) - len(rows))
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Glyph.*missing from font")  # emoji become a box
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def explanation_page(explanation: Explanation, image: Image.Image, picture: bytes) -> str:
    """A page that needs no other file: photo, coloured caption, table, picture."""
    small = image.copy()
    small.thumbnail((480, 480))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return render(
        "explain.html",
        explanation=explanation,
        photo=_data_address("image/jpeg", buffer.getvalue()),
        picture=_data_address("image/png", picture),
        shades=[_shade(token) for token in explanation.tokens],
    )


def _draw_tokens(plot: Any, explanation: Explanation) -> None:
    tokens = explanation.tokens
    places = range(len(tokens))
    if explanation.tuned is None:
        plot.bar(places, [token.base for token in tokens], color=_GREY, label=f"{explanation.base}")
    else:
        plot.bar([x - 0.2 for x in places], [t.base for t in tokens], width=0.4, color=_GREY, label="base")
        for label, color, wanted in (("fine-tuned: fell", _GREEN, False), ("fine-tuned: rose", _RED, True)):
            chosen = [(x + 0.2, t.tuned or 0.0) for x, t in enumerate(tokens) if (t.change > 0) == wanted]
            if chosen:
                xs, heights = zip(*chosen, strict=True)
                plot.bar(xs, heights, width=0.4, color=color, label=label)
    plot.set_xticks(places, [_shortened(t.text, 16) for t in tokens], rotation=60, ha="right", rotation_mode="anchor")
    for text in plot.get_xticklabels():
        text.set_parse_math(False)  # a dollar is a dollar
    plot.set_ylabel("cross-entropy, nats")
    after = "" if explanation.tuned_loss is None else f" → {explanation.tuned_loss:.2f}"
    plot.set_title(
        f"What each token costs (mean {explanation.base_loss:.2f}{after})", loc="left", fontsize=11, fontweight="bold"
    )
    plot.spines[["top", "right"]].set_visible(False)
    plot.margins(x=0.01)
    plot.legend(frameon=False, fontsize=9)


def _draw_moved(figure: Any, plot: Any, rows: dict[str, dict[int, float]], *, left_out: int) -> None:
    import numpy as np

    depth = 1 + max(max(changes) for changes in rows.values())
    grid = np.full((len(rows), depth), np.nan)
    for y, changes in enumerate(rows.values()):
        for x, change in changes.items():
            grid[y, x] = 100 * change
    shown = plot.imshow(grid, aspect="auto", cmap="YlGn", vmin=0)
    plot.set_yticks(range(len(rows)), _without_common(list(rows)), fontsize=8)
    plot.set_xticks(range(depth))
    plot.set_xlabel("layer")
    more = f", the {len(rows)} kinds that moved most" if left_out else ""
    plot.set_title(f"Which weights moved{more}", loc="left", fontsize=11, fontweight="bold")
    figure.colorbar(shown, ax=plot, label="change, % of the weight's length", shrink=0.9)


def _without_common(names: Sequence[str]) -> list[str]:
    """Names without the beginning that all have; the front of long ones left out."""
    split = [name.split(".") for name in names]
    while all(len(parts) > 1 for parts in split) and len({parts[0] for parts in split}) == 1:
        split = [parts[1:] for parts in split]
    joined = [".".join(parts) for parts in split]
    return [name if len(name) <= _NAME_CHARS else "…" + name[1 - _NAME_CHARS :] for name in joined]


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _shade(token: TokenPrice) -> str:
    """Background of a token: green where its price fell, red where it rose, stronger the more."""
    strength = min(abs(token.change) / 4, 1.0) * 0.75
    return f"rgba({'200, 68, 47' if token.change > 0 else '42, 140, 85'}, {strength:.2f})"


def _data_address(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
