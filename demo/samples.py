"""The row of sample events: a small picture, a name and a line each; choosing one puts its photos in."""

import base64
import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from core.mini.event import write_sample_event
from core.mini.plan import plan_event
from core.mini.samples import SAMPLES, SampleEvent
from core.mini.scenes import render
from demo import words
from demo.cards import status_html

__all__ = ["SampleShelf", "add_sample_row"]

_TILE_PX = (192, 144)


class SampleShelf:
    """The photos of the sample events, rendered at their first use into a folder that this process alone writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, Path] = {}
        self._lock = threading.Lock()

    def photos(self, sample: SampleEvent) -> list[Path]:
        """The files, in the order they were taken."""
        with self._lock:
            folder = self._made.get(sample.name)
            if folder is None or not (folder / "truth.csv").is_file():
                folder = self._made[sample.name] = self._render(sample)
            os.utime(folder)  # old folders are removed
        return sorted(folder.glob("*.jpg"))

    def _render(self, sample: SampleEvent) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._folder, prefix="sample-"))
        try:
            write_sample_event(folder, photos=sample.photos, seed=sample.seed, topics=sample.topics)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder


def add_sample_row(shelf: SampleShelf, source: gr.Radio, files: gr.File, name: gr.Textbox, status: gr.HTML) -> None:
    """Build the row inside the current `gr.Blocks`; choosing a sample fills the other components."""
    gr.HTML(f'<h2 class="m-samples-title">{words.SAMPLES_TITLE}</h2>', padding=False)
    with gr.Row(elem_classes="m-samples"):
        for sample in SAMPLES:
            with gr.Column(elem_classes="m-sample", min_width=220):
                gr.HTML(_cover(sample), padding=False)
                button = gr.Button(sample.name, size="sm", elem_classes="m-sample-name")
                gr.HTML(f"<p>{escape(sample.line)}</p>", padding=False)
                button.click(
                    _chooser(shelf, sample),
                    None,
                    [source, files, name, status],
                    show_progress="hidden",
                    api_visibility="private",
                )


def _chooser(shelf: SampleShelf, sample: SampleEvent) -> Any:
    def choose() -> Iterator[tuple[Any, ...]]:
        yield gr.skip(), gr.skip(), gr.skip(), status_html(words.rendering(sample.name), kind="busy")
        photos = [str(path) for path in shelf.photos(sample)]
        yield (
            words.SOURCE_UPLOAD,
            gr.update(value=photos, visible=True),
            sample.name,
            status_html(words.sample_ready(sample.name, len(photos))),
        )

    return choose


def _cover(sample: SampleEvent) -> str:
    return f'<img src="{_cover_uri(sample)}" alt="{escape(words.sample_cover(sample.name))}">'


@cache
def _cover_uri(sample: SampleEvent) -> str:
    """Photos of the event side by side, small, inside the page: no file has to be served, and none can be stale."""
    scenes = {
        shot.scene.topic: shot.scene
        for shots in plan_event(sample.photos, sample.seed, sample.topics)
        for shot in shots
        if not shot.scene.upright
    }
    tiles = []
    for topic in sample.cover:
        photo = render(scenes[topic], size=(2 * _TILE_PX[0], 2 * _TILE_PX[1]))
        tiles.append(np.asarray(Image.fromarray(photo).resize(_TILE_PX, Image.Resampling.BOX)))
    buffer = io.BytesIO()
    Image.fromarray(np.hstack(tiles)).save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
