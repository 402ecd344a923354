"""The page: served for real, used by a program and by a browser."""

import gc
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config import LoadedConfig
from core.store import Store
from tests.fakes import encoded, picture

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Gradio, its client and Playwright leave event loops and sockets to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian: apt-get install chromium)")


@pytest.fixture(autouse=True)
def _collect_here() -> Iterator[None]:
    """Collect what the libraries left, so that no other test is blamed for it."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from core.config import load_config
    from demo.app import build_demo, launch_options

    root = tmp_path_factory.mktemp("page")
    loaded: LoadedConfig = load_config(overrides=["embeddings.model=mini"])
    demo = build_demo(loaded, store=Store(root / "store"), out=root / "out")
    demo.queue(api_open=False)
    _, url, _ = demo.launch(
        server_name="127.0.0.1", server_port=None, quiet=True, prevent_thread_lock=True, **launch_options(root / "out")
    )
    yield url
    demo.close()
    gc.collect()


@pytest.fixture(scope="module")
def upload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ZIP of three photos, one of them damaged, with a name that would be markup."""
    path = tmp_path_factory.mktemp("upload") / "event.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", encoded(picture(1, (640, 480))))
        archive.writestr("b.jpg", encoded(picture(2, (640, 480))))
        archive.writestr("<img src=x onerror=alert(1)>.jpg", encoded(picture(3))[:500])
    return path


def test_building_the_page_loads_no_model(tmp_path: Path, mini_config: LoadedConfig) -> None:
    from demo.app import build_demo

    build_demo(mini_config, store=Store(tmp_path / "s"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_sample_event_is_rendered_once_and_again_when_it_is_gone(tmp_path: Path) -> None:
    from core.mini.samples import SampleEvent
    from demo.samples import SampleShelf

    sample = SampleEvent(name="Lunch", line="Food.", seed=1, photos=4, topics=("food",), cover=("food",))
    shelf = SampleShelf(tmp_path / "page")
    photos = shelf.photos(sample)
    assert [path.is_file() for path in photos] == [True] * 4
    assert shelf.photos(sample) == photos
    shutil.rmtree(tmp_path / "page")
    again = shelf.photos(sample)
    assert [path.name for path in again] == [path.name for path in photos]
    assert all(path.is_file() for path in again)


def test_a_program_can_caption_an_event(page_url: str, upload: Path) -> None:
    from gradio_client import Client, handle_file

    client = Client(page_url, verbose=False)
    status, posts, download, aside = client.predict(
        "Use my photos", [handle_file(str(upload))], "Freshers Night", "14 March 2026", "", api_name="/caption_event"
    )
    assert "1 post from 2 photos" in status
    assert "Freshers Night (14 March 2026)" in posts
    assert "&lt;img src=x onerror=alert(1)&gt;.jpg" in aside
    assert "<img src=x" not in aside
    with zipfile.ZipFile(_path(download)) as archive:
        assert "post-01/caption.txt" in archive.namelist()


def _path(download: Any) -> str:
    return str(download["value"] if isinstance(download, dict) else download)


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [("Use my photos", "X", "add photos or a ZIP"), ("Try the sample event", "  ", "name the event")],
)
def test_what_is_missing_is_said(page_url: str, source: str, name: str, message: str) -> None:
    from gradio_client import Client

    status, *_ = Client(page_url, verbose=False).predict(source, None, name, "", "", api_name="/caption_event")
    assert message in status


def test_a_port_in_use_is_said(page_url: str, tmp_path: Path, mini_config: LoadedConfig) -> None:
    from core.errors import OutputError
    from demo.app import launch

    port = int(page_url.rstrip("/").rsplit(":", 1)[1])
    with pytest.raises(OutputError, match=f"cannot listen on 127.0.0.1:{port}"):
        launch(mini_config, store=Store(tmp_path / "s"), out=tmp_path / "out", host="127.0.0.1", port=port)


@pytest.fixture
def browser_page(page_url: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        context = browser.new_context(accept_downloads=True)
        page = context.new_page()
        page.goto(page_url)
        page.get_by_role("button", name="Make posts").wait_for()
        yield page
        browser.close()


@needs_browser
@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 390])
def test_sample_event_to_posts(browser_page: Any, width: int, tmp_path: Path) -> None:
    browser_page.set_viewport_size({"width": width, "height": 900})
    browser_page.get_by_role("button", name="Make posts").click()
    browser_page.locator(".m-card").first.wait_for(timeout=120_000)
    assert browser_page.locator(".m-card").count() >= 3
    assert "near-duplicates dropped" in browser_page.locator("#status").inner_text()
    wide = browser_page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "the page scrolls sideways"
    browser_page.wait_for_function(
        "[...document.querySelectorAll('.m-card img')].slice(0, 3).every(i => i.naturalWidth)"
    )
    assert browser_page.evaluate("[...document.querySelectorAll('.m-card img')].every(i => i.alt.length > 0)")
    with browser_page.expect_download() as download:
        browser_page.get_by_role("button", name="Download all posts").click()
    download.value.save_as(tmp_path / "posts.zip")
    assert zipfile.ZipFile(tmp_path / "posts.zip").testzip() is None


@needs_browser
@pytest.mark.browser
def test_uploading_a_zip(browser_page: Any, upload: Path) -> None:
    dialogs: list[str] = []
    browser_page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    browser_page.get_by_label("Use my photos").check()
    browser_page.locator("#upload input[type=file]").set_input_files(str(upload))
    browser_page.get_by_text("event.zip").first.wait_for()
    browser_page.get_by_label("Name of the event").fill("Open Day")
    browser_page.get_by_role("button", name="Make posts").click()
    browser_page.locator(".m-card").first.wait_for(timeout=120_000)
    assert "Open Day" in browser_page.locator(".m-caption").first.inner_text()
    browser_page.get_by_text("Left out (1)").click()
    assert "<img src=x onerror=alert(1)>.jpg" in browser_page.locator(".m-aside").inner_text()
    assert not dialogs
    assert browser_page.get_by_text("does not know what is in").is_visible()


@needs_browser
@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_choosing_a_sample_event_puts_its_photos_in(browser_page: Any, width: int) -> None:
    browser_page.set_viewport_size({"width": width, "height": 900})
    assert browser_page.get_by_role("img", name="Photos of Annual Exhibition").evaluate("i => i.naturalWidth") > 300
    browser_page.get_by_role("button", name="Annual Exhibition").click()
    browser_page.get_by_text("“Annual Exhibition” is in: 40 photos").wait_for(timeout=60_000)
    assert browser_page.get_by_label("Name of the event").input_value() == "Annual Exhibition"
    assert browser_page.get_by_label("Use my photos").is_checked()
    assert "IMG_4100.jpg" in browser_page.locator("#upload").inner_text().replace("\n", "")
    wide = browser_page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "the page scrolls sideways"
    if width == 1280:
        browser_page.get_by_role("button", name="Make posts").click()
        browser_page.locator(".m-card").first.wait_for(timeout=120_000)
        assert "Annual Exhibition" in browser_page.locator(".m-caption").first.inner_text()


@needs_browser
@pytest.mark.browser
def test_a_missing_name_is_said_on_the_page(browser_page: Any) -> None:
    browser_page.get_by_label("Name of the event").fill("")
    browser_page.get_by_role("button", name="Make posts").click()
    browser_page.get_by_text("Please name the event first").wait_for()
    assert browser_page.get_by_role("button", name="Make posts").is_enabled()
