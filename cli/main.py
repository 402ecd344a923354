"""The `montage` command."""

import sys
from collections.abc import Callable
from typing import Any

import typer

from cli import (
    adapters,
    calibrate,
    caption,
    data,
    describe,
    doctor,
    evaluate,
    explain,
    merge,
    publish,
    push,
    review,
    sample,
    score,
    serve,
    settings,
    store,
    submit,
    train,
    tune,
)
from core.errors import MontageError

__all__ = ["app", "main"]

app = typer.Typer(
    name="montage",
    help="Turn an event's photos into posts: without duplicates, sorted, grouped and captioned.",
    epilog="Start with: montage sample-event sample/ && montage caption sample/ --event 'Freshers Night' --out out/",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("caption")(caption.caption)
app.command("describe")(describe.describe)
app.command("doctor")(doctor.doctor)
app.command("merge")(merge.merge)
app.command("publish")(publish.publish)
app.command("push")(push.push)
app.command("explain")(explain.explain)
app.command("sample-event")(sample.sample_event)
app.command("score")(score.score)
app.command("serve")(serve.serve)
app.command("train")(train.train)
app.command("tune")(tune.tune)
app.add_typer(evaluate.app, name="evaluate")
app.command("calibrate")(calibrate.calibrate)
app.command("config")(settings.show_config)
app.add_typer(store.app, name="store")
app.add_typer(data.app, name="data")
app.add_typer(adapters.app, name="adapters")
app.add_typer(review.app, name="review")
app.command("submit")(submit.submit)
app.add_typer(submit.app, name="jobs")


def main() -> None:
    """Run the command; an error that a user can act on is a message and an exit code, not a traceback."""
    run: Callable[..., Any] = app
    try:
        run()
    except MontageError as error:
        print(f"montage: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
