"""The page with the adapter that is shipped: fine-tuned, template's and base's captions side by side."""

import html
import re
from pathlib import Path

import pytest

from core.config import load_config
from core.mini.event import write_sample_event
from core.store import Store
from demo.app import build_demo, launch_options

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_fine_tuned_and_base_captions_stand_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradio_client import Client, handle_file

    monkeypatch.setenv("MONTAGE_RESULTS", str(tmp_path / "results"))  # nothing there: what is shipped is used
    write_sample_event(tmp_path / "event", photos=6, seed=31, topics=("food",))
    photos = sorted((tmp_path / "event").glob("*.jpg"))
    loaded = load_config(overrides=["embeddings.model=mini", "captioner.mode=[blip2, template]"])
    demo = build_demo(loaded, store=Store(tmp_path / "store"), out=tmp_path / "out")
    demo.queue(api_open=False)
    _, url, _ = demo.launch(
        server_name="127.0.0.1", quiet=True, prevent_thread_lock=True, **launch_options(tmp_path / "out")
    )
    try:
        _, posts, _, _ = Client(url, verbose=False).predict(
            "Use my photos", [handle_file(str(path)) for path in photos], "Lunch", "", "", api_name="/caption_event"
        )
    finally:
        demo.close()
    published, *others = [html.unescape(text) for text in re.findall(r'class="m-caption">(.*?)</div>', posts)[:3]]
    assert re.search(r"fresh on the \w+ table", published)  # as the club says it
    assert any(re.fullmatch(r"[A-Z]\w+ plates? of .* on a \w+ table.*", text) for text in others), others  # as the base
    assert "BLIP-2 before fine-tuning" in posts
    assert "Template" in posts
