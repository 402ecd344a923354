"""Posting to a local platform: exactly what the folder holds, each post once, and failures in plain words."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import OutputError
from core.publish.ledger import LEDGER_FILE
from tests.instagram_helpers import ALT, CAPTION, post_all, write_event
from tests.instagram_server import TOKEN, Platform, refusal, running

URLS = "post-{post:02d}/{image:02d}.jpg"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_event(tmp_path_factory.mktemp("instagram"))


@pytest.fixture
def platform(written: Path, tmp_path: Path) -> Iterator[Platform]:
    shutil.copytree(written, tmp_path / "out")
    with running(tmp_path / "out") as platform:
        yield platform


def states(outcomes: list) -> list[str]:  # type: ignore[type-arg]
    return [outcome.state for outcome in outcomes]


def ledger(platform: Platform) -> list[dict]:  # type: ignore[type-arg]
    return json.loads((platform.folder / LEDGER_FILE).read_text())["entries"]


def test_a_carousel_and_a_photo_go_out_as_the_folder_shows_them(platform: Platform) -> None:
    outcomes = post_all(platform)
    assert states(outcomes) == ["published", "published"]
    carousel, single = platform.posted
    assert carousel["media_type"] == "CAROUSEL"
    assert carousel["caption"] == (platform.folder / "post-01" / "caption.txt").read_text().rstrip("\n")
    assert carousel["caption"].startswith(CAPTION + "\n\n#IITGuwahati")
    base = f"{platform.base}/files/post-01"
    assert [photo["image_url"] for photo in carousel["photos"]] == [f"{base}/{n:02d}.jpg" for n in (1, 2, 3)]
    assert [photo["is_carousel_item"] for photo in carousel["photos"]] == ["true"] * 3
    assert carousel["photos"][1]["alt_text"] == ALT
    assert all("caption" not in photo for photo in carousel["photos"])
    assert single["alt_text"].startswith("Photo from Holi")
    assert "media_type" not in single
    assert outcomes[0].permalink == "https://www.instagram.com/p/media-1/"


def test_posting_again_posts_nothing(platform: Platform) -> None:
    post_all(platform)
    requests = len(platform.requests)
    outcomes = post_all(platform)
    assert states(outcomes) == ["already", "already"]
    assert outcomes[0].permalink == "https://www.instagram.com/p/media-1/"
    assert len(platform.posted) == 2
    assert len(platform.requests) == requests, "the platform was not even asked"
    assert states(post_all(platform, again=[2])) == ["already", "published"]
    assert len(platform.posted) == 3


def test_photos_that_are_out_are_not_posted_with_another_caption_unless_asked(platform: Platform) -> None:
    post_all(platform, numbers=[2])
    (platform.folder / "post-02" / "caption.txt").write_text("Another caption\n")
    with pytest.raises(OutputError, match=r"post 2 shows photos that were posted already .*add --again 2"):
        post_all(platform)
    assert len(platform.posted) == 1
    assert states(post_all(platform, again=[2])) == ["published", "published"]
    assert platform.posted[-1]["caption"] == "Another caption"


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("POST", "/media", {"status": 500}),
        ("POST", "/media", {"status": 400, "error": refusal(2, "An unexpected error", is_transient=True)}),
        ("POST", "/media", {"status": 400, "error": refusal(-2, "x", error_subcode=2207003)}),
        ("GET", "container-2", {"status": 503}),
        ("POST", "/media_publish", {"status": 400, "error": refusal(9007, "not ready", error_subcode=2207027)}),
        ("POST", "/media_publish", {"status": 500}),
        ("POST", "/media_publish", {"status": 502, "after": True}),
        ("POST", "/media_publish", {"status": 200, "after": True}),
        ("GET", "media-1", {"status": 500, "times": 9}),
    ],
)
def test_what_passes_by_itself_is_tried_again_and_posts_once(
    platform: Platform, method: str, path: str, how: dict[str, object]
) -> None:
    platform.fault(method, path, **how)
    assert states(post_all(platform)) == ["published", "published"]
    assert len(platform.posted) == 2
    assert {entry["state"] for entry in ledger(platform)} == {"published"}


def test_an_answer_that_was_lost_is_not_asked_for_twice(platform: Platform) -> None:
    platform.fault("POST", "/media_publish", hang_s=0.3, after=True)
    outcomes = post_all(platform, "publisher.timeout_s=0.15", numbers=[1])
    assert states(outcomes) == ["published"]
    assert platform.count("POST", "/media_publish") == len(platform.posted) == 1
    assert (ledger(platform)[0]["media_id"], outcomes[0].permalink) == (None, None)


def test_pauses_double_and_the_platform_may_ask_for_more(platform: Platform) -> None:
    slept: list[float] = []
    slow = {"status": 429, "error": refusal(4, "Application request limit reached")}
    platform.fault("POST", "/media", **slow)
    platform.fault("POST", "/media", **slow, headers={"Retry-After": "7"})
    post_all(platform, "publisher.backoff_s=0.5", numbers=[2], slept=slept)
    assert slept[:2] == [0.5, 7.0]


def test_a_run_that_was_killed_while_publishing_asks_whether_it_went_out(platform: Platform) -> None:
    class Killed(BaseException):
        pass

    def dies(line: str) -> None:
        if line == "post 1: publishing":
            raise Killed

    with pytest.raises(Killed):
        post_all(platform, numbers=[1], report=dies)
    made = platform.count("POST", "/media")
    assert states(post_all(platform, numbers=[1])) == ["published"]
    assert len(platform.posted) == 1
    assert platform.count("POST", "/media") == made, "what was prepared served again"


def test_where_nothing_is_known_the_next_run_asks_first(platform: Platform) -> None:
    platform.fault("POST", "/media_publish", status=500, after=True)
    platform.fault("GET", "container-4", status=500, times=99)
    platform.faults[-1].times = 0  # only once publishing has begun

    def begins(line: str) -> None:
        if line == "post 1: publishing":
            platform.faults[-1].times = 99

    [outcome] = post_all(platform, numbers=[1], report=begins)
    assert outcome.state == "failed"
    assert ledger(platform)[0]["state"] == "publishing"
    platform.faults.clear()
    assert states(post_all(platform, numbers=[1])) == ["published"]
    assert len(platform.posted) == platform.count("POST", "/media_publish") == 1


@pytest.mark.parametrize("again", [{"status": 500}, {"status": 400, "error": refusal(24, "gone")}])
def test_where_nobody_can_tell_it_is_not_published_again(platform: Platform, again: dict[str, object]) -> None:
    unknown = {"status": 400, "error": refusal(100, "Unsupported get request", error_subcode=33)}
    platform.fault("GET", "container-4", **unknown, times=0)

    def begins(line: str) -> None:
        if line == "post 1: publishing":
            platform.faults[0].times = 99

    platform.fault("POST", "/media_publish", status=500, after=True)
    [outcome] = post_all(platform, numbers=[1], report=begins)
    assert "It may be out all the same" in (outcome.error or "")
    assert ledger(platform)[0]["state"] == "publishing"
    assert platform.count("POST", "/media_publish") == 1
    platform.faults[0].times = 0
    platform.containers["container-4"].status = "FINISHED"  # as a platform that is late says
    platform.fault("POST", "/media_publish", **again)
    [outcome] = post_all(platform, numbers=[1], report=begins)
    assert outcome.state == "failed"
    assert ledger(platform)[0]["state"] == "publishing", "it is still not known"


def test_where_the_platform_forgot_a_container_a_person_decides(platform: Platform) -> None:
    platform.fault("POST", "/media_publish", status=500, times=9)
    [outcome] = post_all(platform, numbers=[1])
    assert outcome.state == "failed"
    assert "It may be out all the same: run the same command again" in (outcome.error or "")
    platform.faults.clear()
    platform.containers.clear()
    [outcome] = post_all(platform, numbers=[1])
    assert "look at the account, and if it is not there, add --again 1" in (outcome.error or "")
    assert platform.posted == []
    assert states(post_all(platform, numbers=[1], again=[1])) == ["published"]


def test_what_expired_is_made_again(platform: Platform) -> None:
    platform.fault("POST", "/media_publish", status=500, times=9)
    post_all(platform, numbers=[1])
    platform.faults.clear()
    for container in platform.containers.values():
        container.status = "EXPIRED"
    assert states(post_all(platform, numbers=[1])) == ["published"]
    assert len(platform.containers) == 8


def test_a_slow_platform_is_waited_for(platform: Platform) -> None:
    platform.slow_polls = 5
    slept: list[float] = []
    assert (
        states(post_all(platform, "publisher.poll_s=2", "publisher.poll_timeout_s=60", slept=slept))
        == ["published"] * 2
    )
    assert slept.count(2.0) == 5 * len(platform.containers)


def test_a_platform_that_takes_too_long_is_left_and_gone_on_with_later(platform: Platform) -> None:
    platform.slow_polls = 1000
    outcomes = post_all(platform, "publisher.poll_s=1", "publisher.poll_timeout_s=3", numbers=[1])
    assert outcomes[0].state == "failed"
    assert "Instagram is still busy after 3 s; run the same command again later" in (outcomes[0].error or "")
    for container in platform.containers.values():
        container.polls_left = 0
    platform.slow_polls = 0
    assert states(post_all(platform, numbers=[1])) == ["published"]
    assert len(platform.containers) == 4, "the photos were not fetched again"


def test_a_photo_that_the_platform_cannot_use_is_named_and_the_next_post_goes_on(platform: Platform) -> None:
    platform.broken_images = {"post-01/02.jpg"}
    outcomes = post_all(platform)
    assert states(outcomes) == ["failed", "published"]
    assert (outcomes[0].error or "").startswith(
        "photo 2 (post-01/02.jpg): Instagram could not use the image (Error: Media"
    )
    platform.broken_images = set()
    made = platform.count("POST", "/media")
    assert states(post_all(platform)) == ["published", "already"]
    assert platform.count("POST", "/media") == made + 2, "one photo and the carousel"


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (
            refusal(190, "Error validating access token: Session has expired"),
            400,
            "the token has expired or was revoked",
        ),
        (refusal(10, "Application does not have permission"), 403, "the token lacks a permission"),
        (
            refusal(9, "x", error_subcode=2207042, error_user_msg="You reached maximum"),
            400,
            "limit of posts for 24 hours",
        ),
        (refusal(4, "x", error_subcode=2207051, is_transient=True), 400, "Instagram takes this for spam"),
        (refusal(25, "x", error_subcode=2207050), 400, "Instagram has restricted the account"),
    ],
)
def test_what_concerns_the_account_stops_the_rest(
    platform: Platform, error: dict[str, object], status: int, words: str
) -> None:
    platform.fault("POST", "/media", status=status, error=error)
    outcomes = post_all(platform)
    assert states(outcomes) == ["failed", "not_tried"]
    assert words in (outcomes[0].error or "")
    assert f"code {error['error']['code']}" in (outcomes[0].error or "")  # type: ignore[index]
    assert platform.count("POST", "/media") == 1, "it was not tried again"
    assert states(post_all(platform)) == ["published", "published"]


def test_a_rate_limit_that_does_not_pass_stops_with_words(platform: Platform) -> None:
    platform.fault("POST", "/media", status=400, error=refusal(80002, "too many calls"), times=9)
    outcomes = post_all(platform)
    assert states(outcomes) == ["failed", "not_tried"]
    assert "sent too many requests; try again in an hour" in (outcomes[0].error or "")
    assert platform.count("POST", "/media") == 3


def test_a_refused_publication_can_be_tried_again_later(platform: Platform) -> None:
    platform.fault("POST", "/media_publish", status=400, error=refusal(9, "x", error_subcode=2207042))
    assert states(post_all(platform)) == ["failed", "not_tried"]
    assert ledger(platform)[0]["state"] == "preparing"
    assert states(post_all(platform)) == ["published", "published"]
    assert platform.count("POST", "/media") == 5, "what was prepared served again"


def test_a_quota_that_is_too_small_is_said_before_anything_is_posted(platform: Platform) -> None:
    platform.quota_used = 49
    with pytest.raises(OutputError, match=r"2 posts were asked for, but Instagram allows 1 more now \(49 of 50"):
        post_all(platform)
    assert platform.containers == {}
    assert states(post_all(platform, numbers=[2])) == ["published"]
    platform.quota_total = None
    assert states(post_all(platform, numbers=[1])) == ["published"]


def test_a_platform_that_does_not_answer(platform: Platform) -> None:
    with pytest.raises(OutputError, match=r"127\.0\.0\.1 did not answer: .*check the network"):
        post_all(platform, "publisher.api_url=http://127.0.0.1:9/v24.0")


def test_the_public_address_must_show_these_images(platform: Platform, tmp_path: Path) -> None:
    here, there = platform.folder, tmp_path / "elsewhere"
    shutil.copytree(here, there)
    platform.folder = there
    (there / "post-01" / "02.jpg").write_bytes((there / "post-01" / "01.jpg").read_bytes())
    with pytest.raises(OutputError, match=r"02\.jpg shows another image than this folder holds; Instagram fetches"):
        post_all(platform, folder=here)
    (there / "post-01" / "02.jpg").unlink()
    with pytest.raises(OutputError, match=r"02\.jpg answers HTTP 404"):
        post_all(platform, folder=here)
    assert platform.containers == {}


def test_the_token_is_in_no_address_file_log_or_message(
    platform: Platform, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    import logging

    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    platform.fault("POST", "/media", status=400, error=refusal(190, f"Malformed access token {TOKEN}"))
    outcomes = post_all(platform, report=said.append)
    post_all(platform, report=said.append)
    written = [p.read_bytes().decode("utf-8", "ignore") for p in platform.folder.rglob("*") if p.is_file()]
    captured = capsys.readouterr()
    for text in (*written, *platform.raw, *said, str(outcomes), caplog.text, captured.out, captured.err):
        assert TOKEN not in text
    assert "Malformed access token …" in (outcomes[0].error or "")
