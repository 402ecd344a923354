"""The page: built by `build_demo`, served by `launch`. Nothing happens at import, and no model is loaded to show it."""

import os
from pathlib import Path
from typing import Any, cast

import gradio as gr

from core.best import apply_best
from core.captioners.models import choose_captioners
from core.config import LoadedConfig, with_defaults
from core.embed import choose_embedder
from core.errors import OutputError
from core.registry import default_results_root
from core.store import Store
from demo import words
from demo.event_tab import EVENTS, KEPT_S, EventDesk, add_event_tab

__all__ = ["build_demo", "launch", "launch_options"]

_CACHE_CHECK_S = 600


def build_demo(loaded: LoadedConfig, *, store: Store, out: Path) -> gr.Blocks:
    """Build the page.

    Args:
        loaded: the settings every run uses.
        out: folder for results; each run gets a folder of its own in it.
    """
    loaded, chosen = apply_best(loaded, default_results_root())
    voice = loaded.settings.captioner.adapter_path
    if chosen is not None and voice is not None:  # in the page's words rather than the command's
        chosen = words.voice(voice)
    loaded = with_defaults(loaded, {"captioner.show_base": True}, "the page")
    embedder, notice = choose_embedder(loaded)
    captioners = choose_captioners(loaded).told(chosen)
    desk = EventDesk(
        loaded=loaded, embedder=embedder, captioners=captioners, notice=notice, store=store, out=out.resolve()
    )
    with gr.Blocks(title=words.TITLE, analytics_enabled=False, delete_cache=(_CACHE_CHECK_S, KEPT_S)) as demo:
        gr.Markdown(f"# {words.TITLE}\n{words.TAGLINE}")
        add_event_tab(desk)
    return cast(gr.Blocks, demo)


def launch_options(out: Path) -> dict[str, Any]:
    """What `Blocks.launch` must be told, for the command and the tests alike."""
    return {
        "css_paths": [Path(__file__).with_name("page.css")],
        "theme": _theme(),
        "max_file_size": "500mb",
        "allowed_paths": [str(out.resolve() / EVENTS)],
        "footer_links": [],
        "mcp_server": False,
    }


def _theme() -> gr.themes.Base:
    """Dark enough greens that white text on them, and they on white, can be read (WCAG AA)."""
    theme = gr.themes.Soft(primary_hue="emerald", font=["system-ui", "sans-serif"])
    return theme.set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        block_title_background_fill="none",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_title_padding="0",
        block_label_background_fill="*neutral_100",
        block_label_background_fill_dark="*neutral_700",
        block_label_text_color="*neutral_800",
        block_label_text_color_dark="*neutral_100",
        checkbox_label_background_fill_selected="*primary_700",
    )


def launch(loaded: LoadedConfig, *, store: Store, out: Path, host: str, port: int) -> None:
    """Serve the page until it is stopped, and say where it is."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    demo = build_demo(loaded, store=store, out=out)
    demo.queue(api_open=False, max_size=32, default_concurrency_limit=2)
    options = launch_options(out)
    try:
        _, url, _ = demo.launch(
            server_name=host, server_port=port or None, quiet=True, prevent_thread_lock=True, **options
        )
    except OSError as error:
        raise OutputError(f"cannot listen on {host}:{port}, perhaps another page is open there: {error}") from None
    print(f"\nMontage is at {url.rstrip('/')}   (Ctrl-C stops it)", flush=True)
    demo.block_thread()
