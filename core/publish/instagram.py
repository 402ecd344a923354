"""Post an event to Instagram: what may be posted now, and each post in turn. Nothing goes out before all is checked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import httpx

from core.errors import InputError, OutputError
from core.publish.instagram_api import InstagramApi
from core.publish.instagram_errors import InstagramError
from core.publish.instagram_plan import PlannedImage, PlannedPost, PublishPlan
from core.publish.instagram_post import Posting, Report
from core.publish.ledger import Ledger, open_ledger
from core.store import digest

__all__ = ["Outcome", "choose_posts", "publish_posts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a post."""

    post: PlannedPost
    state: Literal["published", "already", "failed", "not_tried"]
    permalink: str | None = None
    error: str | None = None


def choose_posts(plan: PublishPlan, numbers: Collection[int] = ()) -> list[PlannedPost]:
    """The posts of these numbers, all where none is named.

    Raises:
        InputError: there is no such post.
    """
    unknown = sorted(set(numbers) - {post.number for post in plan.posts})
    if unknown:
        raise InputError(f"{plan.folder} has posts 1 to {len(plan.posts)}, got {', '.join(map(str, unknown))}")
    return [post for post in plan.posts if not numbers or post.number in numbers]


def publish_posts(
    plan: PublishPlan,
    posts: Sequence[PlannedPost],
    api: InstagramApi,
    *,
    again: Collection[int] = (),
    report: Report = lambda line: None,
) -> list[Outcome]:
    """Post them, in order.

    Args:
        plan: of the folder; says whether anything can be posted from it.
        posts: from `choose_posts`.
        again: numbers of posts that may go out although they, or their photos, are out already.
        report: called with what is going on.

    Raises:
        OutputError: nothing was posted: the plan is export only, a post has problems, its photos are out already, the
            quota is too small, the public address does not show these images, or another run is posting.
    """
    if plan.export_only is not None:
        raise OutputError(f"nothing can be posted from {plan.folder}: {plan.export_only}")
    with open_ledger(plan.folder) as ledger:
        waiting = _waiting(posts, ledger, api.account, again)
        if waiting:
            report(f"posting as {api.username()}")
            _check_quota(len(waiting), api)
            for post in waiting:
                _check_public(post, api)
        outcomes: list[Outcome] = []
        stopped = False
        for post in posts:
            if post not in waiting:
                done = ledger.find(post.key(api.account))
                outcomes.append(Outcome(post=post, state="already", permalink=done.permalink if done else None))
            elif stopped:
                outcomes.append(Outcome(post=post, state="not_tried"))
            else:
                try:
                    entry = Posting(api, ledger, report).run(post)
                    outcomes.append(Outcome(post=post, state="published", permalink=entry.permalink))
                except InstagramError as error:
                    outcomes.append(Outcome(post=post, state="failed", error=str(error)))
                    stopped = error.account_wide
        return outcomes


def _waiting(posts: Sequence[PlannedPost], ledger: Ledger, account: str, again: Collection[int]) -> list[PlannedPost]:
    """The posts that are not out yet, all of which can be posted."""
    waiting = []
    for post in posts:
        key = post.key(account)
        entry = ledger.find(key)
        if post.number in again and entry is not None:
            ledger.forget(key)
            entry = None
        if entry is not None and entry.state == "published":
            continue
        if post.problems:
            raise OutputError(f"post {post.number} cannot be posted: {'; '.join(post.problems)}")
        other = ledger.shown_already(account, post.checksums, but=key)
        if other is not None and post.number not in again:
            raise OutputError(
                f"post {post.number} shows photos that were posted already (as {other.folder}, {other.changed_at}"
                f"{', ' + other.permalink if other.permalink else ''}); leave it out, or add --again {post.number}"
            )
        waiting.append(post)
    return waiting


def _check_quota(wanted: int, api: InstagramApi) -> None:
    quota = api.quota()
    if quota.left is not None and quota.left < wanted:
        raise OutputError(
            f"{wanted} posts were asked for, but Instagram allows {quota.left} more now ({quota.used} of "
            f"{quota.total} were posted in the last 24 hours); choose some with --post, and post the rest tomorrow"
        )


def _check_public(post: PlannedPost, api: InstagramApi) -> None:
    """The public address must show exactly the images that are in the folder."""
    with api.anonymous() as http:
        for image in post.images:
            problem = _unlike(image, http)
            if problem is not None:
                raise OutputError(
                    f"post {post.number}: {image.url} {problem}; Instagram fetches the images from there, so copy the "
                    "folder there as it is, or correct publisher.public_base_url"
                )


def _unlike(image: PlannedImage, http: httpx.Client) -> str | None:
    assert image.url is not None
    try:
        answer = http.get(image.url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"cannot be reached ({str(error) or type(error).__name__})"
    if not answer.is_success:
        return f"answers HTTP {answer.status_code}"
    return None if digest(answer.content) == image.checksum else "shows another image than this folder holds"
