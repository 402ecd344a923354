"""The HTML view of an evaluation: whatever a caption or a path holds is shown as text, never run."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.training.predictions import Evaluation

__all__ = ["predictions_page", "render"]

_TEMPLATES = Path(__file__).parent / "pages"


def predictions_page(evaluation: "Evaluation", thumbnails: Mapping[str, str]) -> str:
    """The page as HTML.

    Args:
        thumbnails: address of the small picture of each photo, by the photo's path.
    """
    return render("predictions.html", evaluation=evaluation, thumbnails=thumbnails)


def render(page: str, /, **values: Any) -> str:
    """A page of `pages/`, filled in; HTML is escaped, Markdown is not."""
    return str(_environment().get_template(page).render(**values))


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=lambda name: name is None or not name.endswith(".md"),  # its cells are escaped for Markdown
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: (
        "–" if value is None else f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"
    )
    return environment
