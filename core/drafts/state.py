"""What an event looks like while it is edited: one immutable state for each edit, with undo and redo.

Knows nothing of files; `core.drafts.saved` keeps drafts, `core.drafts.edits` and `core.drafts.moves` make states.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from core.embed import judged_photos
from core.errors import InputError
from core.ingest import load_embeddings
from core.posts import Caption, EventDetails
from core.result import EventResult
from core.settings import DecodingSettings
from core.store import Store

__all__ = ["EDITOR", "Basis", "Draft", "DraftPost", "DraftState", "Rewriting"]

EDITOR = "editor"
"""What a caption that was written by hand goes by, among the captioners'."""
_MOST_STATES = 200


class Basis:
    """What a draft edits: the pipeline's result, and what was measured on its photos.

    Args:
        result: never changed; a draft's photos are indices into its photos.
        store: where embeddings, features and exported JPEGs are.
    """

    def __init__(self, result: EventResult, store: Store) -> None:
        self.result = result
        self.store = store

    @cached_property
    def embeddings(self) -> np.ndarray | None:
        """Of all photos, float32 (n, d), unit length; None where captions are not scored."""
        config = self.result.config
        scored = config.captioner.calc_clipscore or "hybrid" in config.captioner.mode or config.captioner.variants > 1
        if not scored or not self.captioned:
            return None
        return load_embeddings(self.result.photos, config.ingest, self.store, self.result.embedder)

    @cached_property
    def judged(self) -> np.ndarray:
        """Which photos the embedding model can judge: bool (n,); needs `embeddings`."""
        assert self.embeddings is not None
        return judged_photos(self.result.embedder, self.embeddings)

    @property
    def captioned(self) -> bool:
        """Whether the event's posts have captions at all."""
        return "captioner" in self.result.config.pipeline

    def labels_of(self, photo: int) -> list[str]:
        """The labels of a photo, best first."""
        given = self.result.labels.given if self.result.labels is not None else ()
        return [scored.label for scored in given[photo]] if given else []


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewriting:
    """How a captioner was asked again."""

    tone: str
    seed: int
    decoding: DecodingSettings | None
    """None for the template, which has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftPost:
    """A post as its card shows it."""

    key: str
    """Stays the same while posts are reordered; the pipeline's posts are 1, 2, …"""
    photos: tuple[int, ...]
    """Indices into the result's photos, the leading one first; never empty."""
    cluster: int
    """-1 where none of its photos was in one."""
    labels: tuple[str, ...] = ()
    captions: Mapping[str, Caption] = field(default_factory=dict)
    """By captioner; one written by hand under `EDITOR`."""
    published: str | None = None
    """The captioner whose caption is published; None without captions."""
    hashtags: tuple[str, ...] | None = None
    """Edited by hand; None takes those that follow from the photos."""
    rewritten: Mapping[str, Rewriting] = field(default_factory=dict)
    """Captioners that were asked again, and how."""
    asked: Mapping[str, str] = field(default_factory=dict)
    """For each model a checksum of what it was shown and asked, so that a caption for other photos is known."""

    @property
    def caption(self) -> Caption | None:
        """The caption that is published, with the hashtags that are published."""
        if self.published is None:
            return None
        caption = self.captions[self.published]
        return caption if self.hashtags is None else replace(caption, hashtags=self.hashtags)


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftState:
    """All that the cards show, after one edit."""

    event: EventDetails
    posts: tuple[DraftPost, ...]
    alt_texts: Mapping[int, str] = field(default_factory=dict)
    """Written by hand, by photo; they stay with their photo wherever it goes."""
    next_key: int
    """Of the next post that is made."""
    edit: str = ""
    """What led here, in words; empty for the pipeline's result."""

    def post(self, key: str) -> DraftPost:
        """The post of this key.

        Raises:
            InputError: there is none (any more).
        """
        for post in self.posts:
            if post.key == key:
                return post
        known = ", ".join(post.key for post in self.posts) or "none"
        raise InputError(f"there is no post {key!r} in the draft (posts: {known}); it may have been merged or deleted")

    def post_of(self, photo: int) -> DraftPost | None:
        """The post that a photo is in."""
        return next((post for post in self.posts if photo in post.photos), None)

    def number(self, key: str) -> int:
        """The post's place, from 1, as it is exported."""
        return self.posts.index(self.post(key)) + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An event being edited: immutable, every edit gives another."""

    basis: Basis = field(compare=False, repr=False)
    states: tuple[DraftState, ...]
    at: int = 0
    """Index of the state that is shown."""
    stamp: str | None = None
    """Of the file it was read from or saved to; None where it was not saved yet."""

    @property
    def state(self) -> DraftState:
        """What is shown."""
        return self.states[self.at]

    @property
    def undoes(self) -> str | None:
        """The edit that undo would take back; None where there is none."""
        return self.state.edit if self.at > 0 else None

    @property
    def redoes(self) -> str | None:
        """The edit that redo would make again; None where there is none."""
        return self.states[self.at + 1].edit if self.at + 1 < len(self.states) else None

    def undo(self) -> "Draft":
        """The draft before the last edit; the same where there is none."""
        return replace(self, at=max(0, self.at - 1))

    def redo(self) -> "Draft":
        """The draft with the edit that was undone; the same where there is none."""
        return replace(self, at=min(len(self.states) - 1, self.at + 1))

    def then(self, edit: str, **changes: object) -> "Draft":
        """The draft after an edit: what was undone before is gone, and the oldest states where there are very many."""
        after = replace(self.state, edit=edit, **changes)  # type: ignore[arg-type]
        states = (*self.states[: self.at + 1], after)[-_MOST_STATES:]
        return replace(self, states=states, at=len(states) - 1)

    def with_posts(self, edit: str, posts: Sequence[DraftPost], **changes: object) -> "Draft":
        """The draft with other posts in place of those with the same keys."""
        changed = {post.key: post for post in posts}
        return self.then(edit, posts=tuple(changed.get(post.key, post) for post in self.state.posts), **changes)
