"""A written event with a carousel and a single photo, and settings for the local platform."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.config import load_config
from core.drafts.edits import edit_alt_text, edit_caption
from core.drafts.moves import delete_post, new_post
from core.publish.folder import write_draft
from core.publish.instagram import Outcome, choose_posts, publish_posts
from core.publish.instagram_api import InstagramApi, find_access
from core.publish.instagram_plan import plan_posts
from core.settings import PublisherSettings
from core.store import Store
from tests.draft_helpers import make_draft
from tests.instagram_server import ACCOUNT, TOKEN, Platform

ENVIRONMENT = {"MONTAGE_INSTAGRAM_TOKEN": TOKEN, "MONTAGE_INSTAGRAM_ACCOUNT": ACCOUNT}
CAPTION = "Colours in the air ✨ & more"
ALT = "Two people throw powder: red"


def write_event(folder: Path) -> Path:
    """Post 1 has three photos, post 2 one."""
    store = Store(folder / "store")
    draft = make_draft(folder, store)
    one, two, three = draft.state.posts
    draft = edit_alt_text(edit_caption(draft, one.key, CAPTION), one.photos[1], ALT)
    draft = delete_post(delete_post(new_post(draft, two.photos[:1]), two.key), three.key)
    return write_draft(draft, folder / "out", store).folder


def overrides(platform: Platform, *more: str) -> list[str]:
    """Settings that find the local platform, and do not wait."""
    plain = {
        "api_url": f"{platform.base}/v24.0",
        "public_base_url": f"{platform.base}/files",
        "backoff_s": 0.001,
        "poll_s": 0.001,
        "poll_timeout_s": 0.05,
        "timeout_s": 5,
        "retries": 2,
    }
    return [*(f"publisher.{name}={value}" for name, value in plain.items()), *more]


def settings_for(platform: Platform, *more: str) -> PublisherSettings:
    """The same as settings."""
    return load_config(overrides=overrides(platform, *more)).settings.publisher


def post_all(
    platform: Platform,
    *more: str,
    folder: Path | None = None,
    numbers: Sequence[int] = (),
    again: Sequence[int] = (),
    slept: list[float] | None = None,
    report: Any = lambda line: None,
) -> list[Outcome]:
    """Post the event of a folder; that which is served, unless told otherwise."""
    settings = settings_for(platform, *more)
    plan = plan_posts(folder or platform.folder, settings)
    sleep = (slept if slept is not None else []).append
    with InstagramApi(settings, find_access(settings, ENVIRONMENT), sleep=sleep) as api:
        return publish_posts(plan, choose_posts(plan, numbers), api, again=again, report=report)
