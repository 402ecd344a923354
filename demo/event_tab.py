"""The Event tab: choose photos, press one button, see the posts."""

import contextlib
import queue
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from core.captioners.models import Captioners
from core.config import LoadedConfig
from core.embed import Embedder
from core.errors import MontageError
from core.mini.samples import find_sample
from core.pipeline import run_pipeline
from core.posts import EventDetails
from core.publish.folder import Written, write_result
from core.store import Store
from demo import words
from demo.cards import aside_html, outcome_html, posts_html, status_html
from demo.samples import SampleShelf, add_sample_row

__all__ = ["EVENTS", "KEPT_S", "EventDesk", "add_event_tab"]

EVENTS = "montage-page"
"""Folder of the page's results; the only one that is served."""
KEPT_S = 6 * 3600
_UPLOAD_TYPES = [
    "image",
    ".zip",
    ".heic",
    ".heif",
    ".avif",
    ".dng",
    ".cr2",
    ".cr3",
    ".nef",
    ".arw",
    ".raf",
    ".rw2",
    ".orf",
]


@dataclass(frozen=True, kw_only=True)
class EventDesk:
    """What the tab works with; shared by all visitors, none of whom sees another's photos."""

    loaded: LoadedConfig
    embedder: Embedder
    captioners: Captioners
    notice: str | None
    store: Store
    out: Path
    """Folder in which each run gets a folder of its own, with an unguessable name."""

    shelf: SampleShelf = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shelf", SampleShelf(self.out / EVENTS))

    def sample(self) -> list[Path]:
        """The photos of the sample event that the page starts with."""
        return self.shelf.photos(find_sample(words.SAMPLE_NAME))

    def run(self, photos: list[Path], event: EventDetails, report: "queue.Queue[tuple[str, int, int]]") -> Written:
        """Run the pipeline and write its result to a new folder."""
        self.remove_old()
        folder = self.out / EVENTS / f"event-{uuid.uuid4().hex}"

        def progress(stage: str, done: int, total: int) -> None:
            report.put((stage, done, total))

        result = run_pipeline(
            photos,
            event,
            self.loaded.settings,
            store=self.store,
            embedder=self.embedder,
            captioners=self.captioners,
            notice=self.notice,
            progress=progress,
        )
        return write_result(result, folder, self.store, progress=progress)

    def remove_old(self) -> None:
        """Remove results whose page has surely been closed; visitors' photos are not kept."""
        events = self.out / EVENTS
        for folder in (*events.glob("event-*"), *events.glob("sample-*")):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > KEPT_S:
                    shutil.rmtree(folder)


def add_event_tab(desk: EventDesk) -> None:
    """Build the tab inside the current `gr.Blocks`."""
    samples = gr.Column(elem_id="samples")
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=300):
            source = gr.Radio(
                [words.SOURCE_SAMPLE, words.SOURCE_UPLOAD], value=words.SOURCE_SAMPLE, label=words.SOURCE_LABEL
            )
            files = gr.File(
                label=words.UPLOAD_LABEL,
                file_count="multiple",
                file_types=_UPLOAD_TYPES,
                visible=False,
                height=170,
                elem_id="upload",
            )
            name = gr.Textbox(words.SAMPLE_NAME, label=words.NAME_LABEL, max_length=120, elem_id="event-name")
            with gr.Accordion(words.MORE_LABEL, open=False):
                date = gr.Textbox(label=words.DATE_LABEL, placeholder=words.DATE_EXAMPLE, max_length=60)
                place = gr.Textbox(label=words.PLACE_LABEL, placeholder=words.PLACE_EXAMPLE, max_length=120)
            button = gr.Button(words.MAKE_POSTS, variant="primary", size="lg", elem_id="make-posts")
            for notice in (desk.notice, *desk.captioners.notices):
                if notice:
                    gr.HTML(status_html(notice, kind="note"), padding=False)
        with gr.Column(scale=3, min_width=300):
            status = gr.HTML(status_html(words.READY), elem_id="status", padding=False)
            posts = gr.HTML(elem_id="posts", padding=False)
            download = gr.DownloadButton(words.DOWNLOAD, visible=False, elem_id="download")
            aside = gr.HTML(elem_id="aside", padding=False)
    with samples:
        add_sample_row(desk.shelf, source, files, name, status)

    def make_posts(source: str, photos: list[str] | None, name: str, date: str = "", place: str = "") -> Iterator[Any]:
        yield from _make_posts(desk, source, photos, name, date, place)

    source.input(_show_source, [source], [files, name], queue=False, api_visibility="private")
    button.click(
        make_posts,
        [source, files, name, date, place],
        [status, posts, download, aside, button],
        api_name="caption_event",
        concurrency_id="model",
        concurrency_limit=1,
        show_progress="hidden",
    )


def _show_source(source: str) -> tuple[Any, Any]:
    uploading = source == words.SOURCE_UPLOAD
    return gr.update(visible=uploading), gr.update(value="" if uploading else words.SAMPLE_NAME)


def _make_posts(
    desk: EventDesk, source: str, files: list[str] | None, name: str | None, date: str | None, place: str | None
) -> Iterator[tuple[Any, ...]]:
    """Run an event, yielding what each output shows. Once started, a run goes on to its end."""
    keep = gr.skip()

    def show(html: str, *, busy: bool) -> tuple[Any, ...]:
        return html, "", gr.update(visible=False), "", gr.update(interactive=not busy)

    name, date, place = ((text or "").strip() for text in (name, date, place))  # an untouched box holds None
    if not name:
        yield show(status_html(words.NAME_MISSING, kind="error"), busy=False)
        return
    if source == words.SOURCE_UPLOAD and not files:
        yield show(status_html(words.PHOTOS_MISSING, kind="error"), busy=False)
        return
    yield show(status_html(words.STARTING, kind="busy"), busy=True)
    event = EventDetails(name=name, date=date or None, place=place or None)
    reports: queue.Queue[tuple[str, int, int]] = queue.Queue()
    paths = [Path(file) for file in files or []]
    with ThreadPoolExecutor(1) as worker:
        job = worker.submit(lambda: desk.run(paths if source == words.SOURCE_UPLOAD else desk.sample(), event, reports))
        for stage, done, total in _follow(job, reports):
            yield status_html(words.progress(stage, done, total), kind="busy"), keep, keep, keep, keep
        try:
            written = job.result()
        except MontageError as error:
            yield show(status_html(words.failed(str(error)), kind="error"), busy=False)
            return
        except Exception:
            yield show(status_html(words.BROKEN, kind="error"), busy=False)  # the page must not stay busy
            raise
    yield _outcome(written)


def _outcome(written: Written) -> tuple[Any, ...]:
    record = written.record
    return (
        outcome_html(record),
        posts_html(record, written.folder),
        gr.update(visible=written.zip_path is not None, value=str(written.zip_path) if written.zip_path else None),
        aside_html(record),
        gr.update(interactive=True),
    )


def _follow(job: "Future[Any]", reports: "queue.Queue[tuple[str, int, int]]") -> Iterator[tuple[str, int, int]]:
    """The newest report, a few times a second, until the job ends."""
    pause = threading.Event()
    while not job.done():
        latest = None
        while not reports.empty():
            latest = reports.get_nowait()
        if latest:
            yield latest
        pause.wait(0.2)
