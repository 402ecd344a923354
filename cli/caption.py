"""`montage caption`: the main job."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.caption_ray import caption_with_ray
from cli.console import out as stdout
from cli.console import stage_progress
from cli.options import ConfigOption, JsonOption, PhotosArgument, SetOption, StoreOption, open_store
from core.best import apply_best
from core.captioners.models import choose_captioners
from core.config import load_config, nearest
from core.embed import choose_embedder
from core.errors import ConfigError, OutputError
from core.pipeline import run_pipeline
from core.posts import EventDetails
from core.publish.earlier import check_replaceable
from core.publish.folder import Written, write_result
from core.record import CaptionRecord, EventRecord, PostRecord
from core.registry import NO_ADAPTER, default_results_root
from core.settings import Mode
from core.store import Store
from demo import words

__all__ = ["caption", "print_posts"]


def caption(
    photos: PhotosArgument,
    event: Annotated[str, typer.Option("--event", "-e", help="Name of the event, as captions should say it.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write the posts to.")],
    date: Annotated[str | None, typer.Option(help="Date, as captions should say it.", show_default=False)] = None,
    place: Annotated[str | None, typer.Option(help="Place, as captions should say it.", show_default=False)] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode",
            "-m",
            help="Captioners: template, blip2, git, florence2, blip or hybrid; several, as in blip2,template, are "
            "shown side by side and the first is published.",
            show_default=False,
        ),
    ] = None,
    adapter: Annotated[
        str | None,
        typer.Option(
            "--adapter",
            help="LoRA adapter for the model: a name (`montage adapters list`), a folder, or none for the model "
            "alone. Default: the best at hand.",
            show_default=False,
        ),
    ] = None,
    campaign: Annotated[
        bool, typer.Option("--campaign", help="An announcement rather than a story: hybrid takes the template.")
    ] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    store: StoreOption = None,
    ray: Annotated[
        bool,
        typer.Option("--ray", help="Caption every photo of a whole archive by many workers instead: parquet shards."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier result even where it was edited by hand.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Turn photos into captioned posts.

    Near-duplicates are dropped, the rest is labelled, grouped into posts and captioned. OUT then holds a folder for
    each post (photos without location, caption.txt, alt.txt, montage.jpg), posts.json, posts.csv and posts.zip.
    Nothing is published.
    """
    if not event.strip():
        raise typer.BadParameter("the event needs a name", param_hint="--event")
    chosen = [] if mode is None else [f"captioner.mode={json.dumps(_modes(mode))}"]
    chosen += [] if adapter is None else [f"captioner.adapter_path={json.dumps(_adapter(adapter))}"]
    loaded, chosen_for = apply_best(load_config(config, overrides=[*(set_ or []), *chosen]), default_results_root())
    if adapter not in (None, NO_ADAPTER) and not loaded.settings.captioner.families:
        raise ConfigError(f"--adapter goes on a model, but --mode is {', '.join(loaded.settings.captioner.mode)}")
    for path in photos:
        if path.is_dir() and out.resolve() == path.resolve():
            raise OutputError(f"--out {out} is the photo folder itself; name another folder, e.g. {out / 'posts'}")
    if ray:
        caption_with_ray(photos, event.strip(), out, loaded, store=store, overwrite=overwrite, as_json=json_)
        return
    check_replaceable(out, inputs=photos, overwrite=overwrite)
    embedder, notice = choose_embedder(loaded)
    captioners = choose_captioners(loaded).told(chosen_for)
    kept = open_store(store)
    with stage_progress(quiet=json_) as progress:
        result = run_pipeline(
            photos,
            EventDetails(name=event.strip(), date=date, place=place, campaign=campaign),
            loaded.settings,
            store=kept,
            embedder=embedder,
            captioners=captioners,
            notice=notice,
            exclude=out,
            progress=progress,
        )
        written = write_result(result, out, kept, inputs=photos, overwrite=overwrite, progress=progress)
    if json_:
        print(json.dumps(_for_programs(written, kept), ensure_ascii=False))
    else:
        print_posts(written, kept)


def _adapter(named: str) -> str | None:
    """The setting for `--adapter`; null for the model alone."""
    return None if named == NO_ADAPTER else named


def _modes(text: str) -> list[str]:
    """The captioners of `--mode`."""
    known = get_args(Mode)
    names = [name.strip().lower() for name in text.split(",")]
    for name in names:
        if name not in known:
            hint = nearest(name, known)
            raise ConfigError(f"--mode: {name!r} is not a captioner; {hint} (several are joined by commas)")
    return names


def print_posts(written: Written, store: Store) -> None:
    """Print posts and a summary for a person."""
    console = stdout()
    for post in written.record.posts:
        console.print(_post_panel(post, written))
    console.print(_summary(written.record, store))
    for notice in (written.record.model.notice, *written.record.notices):
        if notice:
            console.print(Text(f"\nNote: {notice}", style="yellow"))
    if not written.record.model.notice and (advice := label_advice(written.record)):
        console.print(Text(f"\nNote: {advice}", style="yellow"))
    _print_places(console, written)


def label_advice(record: EventRecord) -> str | None:
    """What to tell the user when the model abstained from labelling most photos."""
    if not record.mostly_abstained:
        return None
    return (
        f"the model {record.model.name} does not know what is in these photos, so it gave them no "
        "labels. For labels on real photos use a real model: --set embeddings.model=ViT-B-32"
    )


def _for_programs(written: Written, store: Store) -> dict[str, Any]:
    return {
        "out": str(written.folder),
        "zip": str(written.zip_path) if written.zip_path else None,
        "store": {"found": store.found, "computed": store.computed},
        **written.record.model_dump(mode="json"),
    }


def _post_panel(post: PostRecord, written: Written) -> Panel:
    lines = []
    if post.published is not None:
        lines += _caption_lines(post.published, post.captions[post.published], style="bold")
    for captioner, caption in post.alternatives.items():
        lines += _caption_lines(captioner, caption, style="")
    if post.hashtags:
        lines.append(Text(" ".join(post.hashtags), style="cyan"))
    names = ", ".join(name.rsplit("/", 1)[-1] for name in post.photos)
    lines.append(Text(f"{len(post.photos)} photo{'s' if len(post.photos) > 1 else ''}: {names}", style="dim"))
    title = f"Post {post.post}" + (f" · {', '.join(post.labels)}" if post.labels else "")
    return Panel(
        Group(*lines), title=Text(title), title_align="left", subtitle=Text(post.folder), subtitle_align="right"
    )


def _caption_lines(captioner: str, caption: CaptionRecord, *, style: str) -> list[Text]:
    score = "" if caption.clip_cosine is None else f": clip_cosine {caption.clip_cosine:.3f}"
    why = "" if caption.source is None else f" · {words.took(caption.source, caption.reason)}"
    lines = [Text(caption.text, style=style), Text(f"{captioner}{score}{why}", style="dim")]
    return [*lines, *(Text(f"  or: {variant.text}", style="dim") for variant in caption.variants[1:])]


def _summary(record: EventRecord, store: Store) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    shown = sum(len(post.photos) for post in record.posts)
    counted = [words.count(shown, "photo"), words.count(len(record.posts), "post")]
    table.add_row("Files", f"{len(record.files)} read, {counted[0]} in {counted[1]}")
    for reason, count in Counter(file.reason for file in record.files if file.reason).most_common():
        table.add_row("Left out", f"{count} {words.REASONS.get(reason, reason.replace('_', ' '))}")
    for file in [file for file in record.files if file.message and file.reason != "system_file"][:10]:
        table.add_row("", Text(f"{file.file} {file.message}", style="dim"))
    cluster = next((stage for stage in record.stages if stage.stage == "cluster"), None)
    if cluster and cluster.measures["silhouette"] is not None:
        table.add_row("Grouping", f"{cluster.measures['k']} clusters, silhouette {cluster.measures['silhouette']:.3f}")
    measured = words.count(store.computed.get("photo", 0), "photo")
    again = f"{measured} measured" if store.computed else "nothing computed again"
    seconds = sum(stage.seconds for stage in record.stages)
    table.add_row("Model", Text(record.model.name))
    for captioner in record.captioners:
        table.add_row("", Text(f"{captioner.captioner}: {captioner.model}"))
    table.add_row("Time", f"{seconds:.1f} s, {again}")
    return table


def _print_places(console: Console, written: Written) -> None:
    places = f"\nPosts: {written.folder}/post-*/   Record: {written.folder}/posts.json"
    if written.zip_path:
        places += f"\nAll in one file: {written.zip_path}"
    console.print(Text(places), soft_wrap=True)
