"""The prompt a model is given: one template, saved with what was trained on it, filled with an event and its labels."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import ModelError

__all__ = ["CLUB_PROMPT", "PROMPT_FILE", "PromptTemplate", "read_prompt", "write_prompt"]

PROMPT_FILE = "montage.json"
"""Beside the weights of an adapter or a model: `{"prompt": {"text": …}}`."""


class PromptTemplate(BaseModel):
    """A prompt with the places `{event}` and `{labels}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    text: str
    """The prompt; empty for a model that is only shown the photo."""
    without_event: str | None = None
    """The prompt where no event is named; null puts "a college event" in its place."""
    without_labels: str = "event moments"
    """What stands for the labels where there are none."""

    def fill(self, event: str | None, labels: Sequence[str]) -> str:
        """The prompt for one photo or post.

        >>> CLUB_PROMPT.fill(None, [])
        'Write a short Instagram caption for a photography club post for a college event. Focus on: event moments. \
Keep it natural and clean.'
        """
        text = self.text if event or self.without_event is None else self.without_event
        values = {"{event}": event or "a college event", "{labels}": ", ".join(labels) or self.without_labels}
        return re.sub(r"\{(event|labels)\}", lambda match: values[match.group()], text)


CLUB_PROMPT = PromptTemplate(
    text="Write a short Instagram caption for a photography club post about '{event}'. "
    "Focus on: {labels}. Keep it natural and clean.",
    without_event="Write a short Instagram caption for a photography club post for a college event. "
    "Focus on: {labels}. Keep it natural and clean.",
)
"""What the club's adapters are trained with."""


def read_prompt(folder: Path) -> PromptTemplate | None:
    """The template saved in a folder; None where there is none.

    Raises:
        ModelError: the file is damaged.
    """
    path = folder / PROMPT_FILE
    if not path.is_file():
        return None
    try:
        prompt = json.loads(path.read_text(encoding="utf-8")).get("prompt")
        return None if prompt is None else PromptTemplate.model_validate(prompt)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    except (OSError, ValueError, AttributeError) as error:
        found = str(error)
    raise ModelError(f'{path} is damaged: {found}; expected {{"prompt": {{"text": "…"}}}}')


def write_prompt(folder: Path, prompt: PromptTemplate) -> None:
    """Save a template beside what was trained with it."""
    text = json.dumps({"prompt": prompt.model_dump(exclude_defaults=True)}, ensure_ascii=False, indent=2)
    (folder / PROMPT_FILE).write_text(text + "\n", encoding="utf-8")
