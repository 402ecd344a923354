"""`montage publish`: what would be posted, and, when really asked to, posting it."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from cli.console import out as stdout
from cli.options import ConfigOption, JsonOption, SetOption
from core.config import load_config
from core.errors import OutputError
from core.publish.instagram_plan import PlannedPost, PublishPlan, plan_posts
from core.settings import PublisherSettings

__all__ = ["publish"]

OutArgument = Annotated[
    Path, typer.Argument(metavar="OUT", help="A folder that `montage caption --out` or the page's export wrote.")
]
PostOption = Annotated[
    list[int] | None, typer.Option("--post", "-p", help="Only the post of this number; may be given several times.")
]
ReallyOption = Annotated[bool, typer.Option("--really", help="Post. Without it nothing is sent to anybody.")]
AgainOption = Annotated[
    list[int] | None,
    typer.Option("--again", help="Post this number once more, although it or its photos are out already."),
]


def publish(
    out: OutArgument,
    post: PostOption = None,
    really: ReallyOption = False,
    again: AgainOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    json_: JsonOption = False,
) -> None:
    """Post an event to Instagram; without --really, show exactly what would be posted.

    Instagram fetches the images itself: put OUT on a public address and set publisher.public_base_url to it. The token
    comes from $MONTAGE_INSTAGRAM_TOKEN, the account's number from $MONTAGE_INSTAGRAM_ACCOUNT. A run that broke off is
    simply started again; nothing is posted twice.
    """
    from core.publish.instagram import choose_posts

    settings = load_config(config, overrides=set_ or []).settings.publisher
    plan = plan_posts(out, settings)
    posts = choose_posts(plan, post or [])
    if really:
        _post(plan, posts, settings, again or [], json_)
    elif json_:
        told = {"dry_run": True, "platform": "instagram", "export_only": plan.export_only}
        print(json.dumps(told | {"posts": [one.as_json() for one in posts]}, ensure_ascii=False))
    else:
        _show(plan, posts)


def _show(plan: PublishPlan, posts: list[PlannedPost]) -> None:
    console = stdout()
    for post in posts:
        console.print(_panel(post))
    if plan.export_only is not None:
        console.print(Text(f"Export only: {plan.export_only}.", style="yellow"), soft_wrap=True)
    console.print(Text("Dry run: nothing was posted. To post: montage publish OUT --really"))


def _panel(post: PlannedPost) -> Panel:
    lines = [Text(post.caption)] if post.caption else [Text("(no caption)", style="dim")]
    for number, image in enumerate(post.images, start=1):
        lines.append(Text(f"{number}. {image.url or image.path}", style="cyan", overflow="fold"))
        lines.append(Text(f"   {image.alt_text or '(no alt text)'}", style="dim"))
    lines += [Text(f"Problem: {problem}", style="red") for problem in post.problems]
    return Panel(Group(*lines), title=Text(f"Post {post.number} · {post.kind}"), title_align="left")


def _post(
    plan: PublishPlan, posts: list[PlannedPost], settings: PublisherSettings, again: list[int], as_json: bool
) -> None:
    from core.publish.instagram import publish_posts
    from core.publish.instagram_api import InstagramApi, find_access

    def report(line: str) -> None:
        if not as_json:
            stdout().print(Text(line, style="dim"))

    if plan.export_only is not None:  # said before a token is asked for
        raise OutputError(f"nothing can be posted from {plan.folder}: {plan.export_only}")
    with InstagramApi(settings, find_access(settings)) as api:
        outcomes = publish_posts(plan, posts, api, again=again, report=report)
    if as_json:
        told = [
            {"post": one.post.number, "state": one.state, "permalink": one.permalink, "error": one.error}
            for one in outcomes
        ]
        print(json.dumps({"dry_run": False, "posts": told}, ensure_ascii=False))
    words = {
        "published": "posted",
        "already": "was posted before",
        "failed": "not posted",
        "not_tried": "not tried, after the error before",
    }
    failed = [one for one in outcomes if one.state in ("failed", "not_tried")]
    if not as_json:
        for one in outcomes:
            details = one.permalink or one.error or ""
            line = f"Post {one.post.number}: {words[one.state]}{': ' + details if details else ''}"
            stdout().print(Text(line, style="red" if one in failed else "bold"), soft_wrap=True)
    if failed:
        raise OutputError(
            f"{len(failed)} of {len(outcomes)} posts are not out; once what is said above is mended, run the same "
            "command again, which leaves out what was posted"
        )
