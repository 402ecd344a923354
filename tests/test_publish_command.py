"""`montage publish`: a dry run by default that sends nothing, and what keeps an event from being posted."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from core.config import load_config
from core.drafts.edits import edit_caption
from core.drafts.saved import save_draft
from core.errors import ConfigError, InputError, MontageError, OutputError
from core.publish.instagram_api import Access, find_access
from core.publish.instagram_plan import plan_posts
from core.publish.ledger import LEDGER_FILE, Entry, open_ledger
from core.store import Store
from tests.draft_helpers import make_draft
from tests.instagram_helpers import ALT, CAPTION, ENVIRONMENT, overrides, post_all, settings_for, write_event
from tests.instagram_server import ACCOUNT, TOKEN, Platform, running


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_event(tmp_path_factory.mktemp("publish"))


@pytest.fixture
def platform(written: Path, tmp_path: Path) -> Iterator[Platform]:
    shutil.copytree(written, tmp_path / "out")
    with running(tmp_path / "out") as platform:
        yield platform


@pytest.fixture
def run(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def invoke(*arguments: str, settings: list[str] | None = None) -> str:
        given = overrides(platform) if settings is None else settings
        options = [part for override in given for part in ("--set", override)]
        result = CliRunner().invoke(app, ["publish", str(platform.folder), *arguments, *options])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_a_dry_run_shows_everything_and_sends_nothing(platform: Platform, run: Callable[..., str]) -> None:
    shown = run()
    for part in (CAPTION, "#IITGuwahati", ALT, "post-01/03.jpg", "Post 2 · image", "Dry run: nothing was posted"):
        assert part in shown
    assert platform.requests == []
    assert not (platform.folder / LEDGER_FILE).exists()


def test_a_dry_run_for_programs_is_what_is_then_posted(platform: Platform, run: Callable[..., str]) -> None:
    planned = json.loads(run("--json"))
    assert (planned["dry_run"], planned["export_only"]) == (True, None)
    outcome = json.loads(run("--json", "--really"))
    assert [post["state"] for post in outcome["posts"]] == ["published", "published"]
    for post, posted in zip(planned["posts"], platform.posted, strict=True):
        assert posted["caption"] == post["caption"]
        images = [(photo["image_url"], photo["alt_text"]) for photo in posted["photos"]]
        assert images == [(image["url"], image["alt_text"]) for image in post["images"]]


def test_really_posts_and_says_where_and_a_second_time_what_was_there(
    platform: Platform, run: Callable[..., str]
) -> None:
    said = run("--really", "--post", "2")
    assert "posting as montage_club" in said
    assert "Post 2: posted: https://www.instagram.com/p/media-1/" in said
    assert "Post 2: was posted before" in run("--really", "--post", "2")
    assert len(platform.posted) == 1
    with pytest.raises(InputError, match="has posts 1 to 2, got 7"):
        run("--post", "7")


def test_a_failure_is_an_error_with_what_to_do(platform: Platform, run: Callable[..., str]) -> None:
    platform.broken_images = {"post-01/01.jpg"}
    with pytest.raises(OutputError, match=r"1 of 2 posts are not out; once what is said above is mended"):
        run("--really")


@pytest.mark.parametrize(
    ("base", "api", "reason"),
    [
        ("null", "https://graph.instagram.com/v24.0", "public_base_url is not set"),
        ("http://localhost:7860/x", "https://graph.instagram.com/v24.0", "where Instagram cannot go"),
        ("http://192.168.1.7/x", "https://graph.instagram.com/v24.0", "where Instagram cannot go"),
        ("https://example.org/club", "https://graph.instagram.com/v24.0", None),
    ],
)
def test_without_a_public_address_there_is_only_export(
    platform: Platform, run, base: str, api: str, reason: str | None
) -> None:  # type: ignore[no-untyped-def]
    settings = [f"publisher.public_base_url={base}", f"publisher.api_url={api}"]
    told = json.loads(run("--json", settings=settings))
    if reason is None:
        assert told["export_only"] is None
        assert told["posts"][0]["images"][0]["url"] == "https://example.org/club/post-01/01.jpg"
        return
    assert reason in told["export_only"]
    assert "Export only:" in run(settings=settings)
    with pytest.raises(OutputError, match=f"nothing can be posted from .*{reason}"):
        run("--really", settings=settings)


def test_edits_that_were_not_exported_are_not_passed_over(tmp_path: Path, store: Store) -> None:
    from core.publish.folder import write_draft

    draft, out = make_draft(tmp_path, store), tmp_path / "out"
    settings = load_config(overrides=["publisher.public_base_url=https://example.org"]).settings.publisher
    saved = save_draft(draft, out)
    write_draft(saved, out, store)
    assert plan_posts(out, settings).export_only is None
    saved = save_draft(edit_caption(saved, "1", "newer"), out)
    assert "was edited after it was exported; export it again" in (plan_posts(out, settings).export_only or "")
    write_draft(saved, out, store)
    assert plan_posts(out, settings).export_only is None
    save_draft(saved.undo(), out)
    assert "was edited after" in (plan_posts(out, settings).export_only or "")


def test_what_was_edited_in_the_folder_is_posted(platform: Platform) -> None:
    (platform.folder / "post-02" / "caption.txt").write_text("Typed into the file\n")
    (platform.folder / "post-02" / "alt.txt").write_text("01.jpg: An alt: text\n")
    post_all(platform, numbers=[2])
    assert (platform.posted[0]["caption"], platform.posted[0]["alt_text"]) == ("Typed into the file", "An alt: text")


def test_what_the_platform_would_refuse_is_said_and_not_posted(platform: Platform) -> None:
    post = platform.folder / "post-01"
    Image.new("RGB", (400, 100)).save(post / "01.jpg")
    Image.new("RGB", (400, 400)).save(post / "02.jpg", "PNG")
    (post / "03.jpg").write_bytes(b"\xff\xd8 no more")
    more = ["publisher.max_hashtags=2", "publisher.max_caption_chars=20", "publisher.max_alt_chars=10"]
    plan = plan_posts(platform.folder, settings_for(platform, *more, "publisher.max_photos=2"))
    problems = "\n".join(plan.posts[0].problems)
    for part in (
        "20 are allowed; shorten it",
        "2 are allowed; take",
        "the post has 3 photos, 2 are allowed",
        "alt text of photo 2",
        "post-01/01.jpg is 400 x 100 px; the aspect must lie between 4:5 and 1.91:1",
        "post-01/02.jpg is PNG, only JPEG is taken",
        "post-01/03.jpg is not an image",
    ):
        assert part in problems
    with pytest.raises(OutputError, match=r"post 1 cannot be posted: .*post-01/01\.jpg is 400 x 100 px"):
        post_all(platform)
    assert platform.requests == []


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "access token in the environment variable MONTAGE_INSTAGRAM_TOKEN"),
        ({"MONTAGE_INSTAGRAM_TOKEN": "se cret"}, "does not hold a token: it has spaces"),
        ({"MONTAGE_INSTAGRAM_TOKEN": "se\ncret"}, "does not hold a token"),
        ({"MONTAGE_INSTAGRAM_TOKEN": TOKEN}, "number of the Instagram account .* got 'nothing'"),
        ({"MONTAGE_INSTAGRAM_TOKEN": TOKEN, "MONTAGE_INSTAGRAM_ACCOUNT": "@club"}, "got '@club'"),
    ],
)
def test_access_comes_from_the_environment(environment: dict[str, str], message: str) -> None:
    settings = load_config().settings.publisher
    with pytest.raises(ConfigError, match=message) as caught:
        find_access(settings, environment)
    assert "cret" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_the_account_may_stand_in_the_settings_and_the_token_is_never_shown() -> None:
    settings = load_config(overrides=["publisher.account_id='123'"]).settings.publisher
    access = find_access(settings, {"MONTAGE_INSTAGRAM_TOKEN": f" {TOKEN}\n"})
    assert access == Access(account="123", token=TOKEN)
    assert TOKEN not in repr(access)
    assert find_access(settings, ENVIRONMENT).account == ACCOUNT


@pytest.mark.parametrize(
    "override",
    [
        "publisher.api_url=http://graph.example.org/v24.0",
        "publisher.api_url=ftp://graph.example.org",
        "publisher.public_base_url=example.org/x",
        "publisher.public_base_url=https://me:secret@example.org",
        "publisher.public_base_url=https://example.org/x?y=1",
        "publisher.account_id=club",
        "publisher.poll_s=0",
    ],
)
def test_settings_that_cannot_be_right_are_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=override.split("=")[0].split(".")[1]):
        load_config(overrides=[override])


def test_a_ledger_that_is_damaged_or_in_use_posts_nothing(platform: Platform) -> None:
    with open_ledger(platform.folder), pytest.raises(OutputError, match="another run is posting from"):
        post_all(platform)
    (platform.folder / LEDGER_FILE).write_text('{"entries": [{}]}')
    with pytest.raises(InputError, match=r"posts\.published\.json says what was posted already, and cannot be read"):
        post_all(platform)
    assert platform.posted == []


def test_a_ledger_keeps_what_it_was_given(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        entry = Entry(key="k", account="1", folder="post-01", images=("a", "b"), state="publishing", container="7")
        put = ledger.put(entry)
    with open_ledger(tmp_path) as ledger:
        assert ledger.find("k") == put
        assert ledger.shown_already("1", ("b", "z"), but="other") == put
        assert ledger.shown_already("2", ("b",), but="other") is None
        assert ledger.shown_already("1", ("z",), but="other") is None


def test_a_folder_without_a_result_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MontageError, match=r"holds no posts\.json; expected a folder that"):
        plan_posts(tmp_path, load_config().settings.publisher)
