"""`montage doctor`: what this machine can do, and whether a model works on it."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from cli.console import out as stdout
from cli.options import ConfigOption, JsonOption, SetOption, StoreOption, open_store
from core.captioners.models import choose_adapter, choose_model
from core.checkup import examine_model
from core.config import load_config
from core.doctor import Finding, examine_machine
from core.errors import ConfigError, ModelError, MontageError
from core.settings import CaptionerSettings
from core.vlm.names import find_named

__all__ = ["doctor"]

_MARKS = {"ok": ("✓", "green"), "note": ("·", "yellow"), "failed": ("✗", "red")}


def doctor(
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-M", help="Also load this model and check it end to end, to a caption.", show_default=False
        ),
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option("--adapter", help="With this LoRA adapter on it.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    store: StoreOption = None,
    json_: JsonOption = False,
) -> None:
    """Say what this machine can do; with --model, try a model on it.

    Number format and quantization as in a run: --set captioner.load.quantization=bnb_8bit. Ends with an error when the
    model does not work.
    """
    settings = load_config(config, overrides=set_ or []).settings.captioner
    if adapter is not None and model is None:
        raise ConfigError("--adapter needs --model, the base that it goes on")
    console = stdout()
    findings: list[Finding] = []
    for heading, found in _chapters(model, adapter, settings, store):
        if not json_:
            console.print(Text(heading, style="bold"))
        for finding in found:
            findings.append(finding)
            if not json_:
                _print(console, finding)
    if json_:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    if any(finding.status == "failed" for finding in findings):
        raise ModelError(f"{model or 'this machine'} does not work here; see above")
    if model is not None and not json_:
        console.print(Text(f"\n{model} works here.", style="bold green"))


def _chapters(
    model: str | None, adapter: Path | None, settings: CaptionerSettings, store: Path | None
) -> Iterator[tuple[str, Iterator[Finding]]]:
    yield "This machine", examine_machine(open_store(store))
    if model is not None:
        yield f"\n{model}", _examined(model, adapter, settings)


def _examined(name: str, adapter: Path | None, settings: CaptionerSettings) -> Iterator[Finding]:
    import numpy as np
    from PIL import Image

    from core.mini.scenes import render, sample_scene

    try:
        checkpoint, notice = find_named(name, settings.models)
        model, prompt, notices = choose_model(checkpoint, settings, choose_adapter(adapter, checkpoint, settings))
    except MontageError as error:
        yield Finding(subject="model", status="failed", detail=str(error))
        return
    if notice is not None:
        yield Finding(subject="model", status="note", detail=notice)
    for text in notices:
        yield Finding(subject="adapter", status="note", detail=text)
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(render(sample_scene(rng, topic))) for topic in ("food", "stage")]
    yield from examine_model(model, prompt.fill(None, []), pictures, settings)


def _print(console: Console, finding: Finding) -> None:
    mark, colour = _MARKS[finding.status]
    seconds = "" if finding.seconds is None else f"  ({finding.seconds:.1f} s)"
    line = Text(f"  {mark} ", style=colour)
    line.append(f"{finding.subject}: ", style="bold").append(f"{finding.detail}{seconds}", style="default")
    console.print(line, soft_wrap=True)
