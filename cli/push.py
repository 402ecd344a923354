"""`montage push`: trained weights and their card to a model hub."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cli.console import out as stdout
from cli.options import JsonOption
from core.training.push import plan_upload
from core.training.push import push as upload
from demo import words

__all__ = ["push"]


def push(
    folder: Annotated[Path, typer.Argument(help="A run's folder, an adapter's or a checkpoint's.", show_default=False)],
    to: Annotated[str, typer.Option("--to", help="Repository on the hub: ORGANISATION/NAME.")],
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public.")] = False,
    message: Annotated[str, typer.Option(help="Of the commit.")] = "Upload by montage push",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be uploaded.")] = False,
    json_: JsonOption = False,
) -> None:
    """Upload trained weights with their card to the Hugging Face hub.

    A new repository is private unless --public is given. The card shows small pictures of a few validation photos:
    look at it first. The token is $HF_TOKEN's, or the one that `hf auth login` saved.
    """
    plan = plan_upload(folder)
    url = None if dry_run else upload(plan, to, public=public, message=message).url
    if json_:
        told = {"repository": to, "url": url, "folder": str(plan.folder), "files": plan.files}
        print(json.dumps(told | {"left_out": plan.left_out}, ensure_ascii=False))
        return
    console = stdout()
    for name, size in plan.files.items():
        console.print(Text(f"  {name}  {size:,} bytes", style="dim"), soft_wrap=True)
    size_mb = plan.size_bytes / 1e6
    done = "would be uploaded" if dry_run else "uploaded"
    console.print(
        Text(f"{words.count(len(plan.files), 'file')}, {size_mb:.1f} MB, {done} to {url or to}"), soft_wrap=True
    )
    if plan.photos:
        console.print(Text(f"Of them {words.count(len(plan.photos), 'picture')} of photos, for the card.", style="dim"))
    if plan.mended:
        console.print(
            Text(f"Uploaded without the paths of this machine: {', '.join(plan.mended)}", style="dim"),
            soft_wrap=True,
        )
    if plan.left_out:
        console.print(Text(f"Left out: {', '.join(plan.left_out)}", style="dim"), soft_wrap=True)
