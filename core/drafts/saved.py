"""A draft on disk: all its states as JSON in the event's folder, so that a reload or another tab finds it.

Each save has a stamp. Who saves must have seen the newest one: of two tabs that edit at once, the later is refused.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from core.drafts.follow import begin
from core.drafts.state import Basis, Draft, DraftPost, DraftState
from core.errors import InputError, OutputError
from core.posts import EventDetails
from core.result import EventResult
from core.store import Store, digest, write_atomic

__all__ = ["DRAFT_FILE", "discard_draft", "locked", "open_draft", "save_draft", "saved_edits", "state_digest"]

DRAFT_FILE = "posts.draft.json"
"""Begins like the result's own files, so that it is never taken for a photo."""
_LOCK = ".posts.lock"


@dataclass(frozen=True, kw_only=True, slots=True)
class _State:
    event: EventDetails
    posts: tuple[int, ...]
    """Places in the file's list of posts, which states share."""
    alt_texts: Mapping[int, str]
    next_key: int
    edit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    format: Literal[1]
    stamp: str
    basis: str
    """Checksum of the result that is edited."""
    at: int
    states: tuple[_State, ...]
    posts: tuple[DraftPost, ...]


def open_draft(folder: Path, result: EventResult, store: Store) -> Draft:
    """The draft of an event: as it was saved, else the result as nobody has edited it yet.

    Args:
        folder: the event's.
        result: what the pipeline gave; the saved draft must be of this one.

    Raises:
        InputError: the saved draft is damaged, or of another result.
    """
    basis = Basis(result, store)
    saved = _read(folder / DRAFT_FILE)
    if saved is None:
        return begin(basis)
    if saved.basis != _checksum(result):
        raise InputError(
            f"{folder / DRAFT_FILE} holds edits of another result than the one in {folder}: the photos or the posts "
            "differ. Run the event with the same photos and settings, or discard the draft"
        )
    states = tuple(
        DraftState(
            event=state.event,
            posts=tuple(saved.posts[i] for i in state.posts),
            alt_texts=state.alt_texts,
            next_key=state.next_key,
            edit=state.edit,
        )
        for state in saved.states
    )
    return Draft(basis=basis, states=states, at=saved.at, stamp=saved.stamp)


def save_draft(draft: Draft, folder: Path) -> Draft:
    """Save a draft, with its undo and redo; give back the draft to go on with.

    Raises:
        OutputError: somebody saved another state since this draft was read, or the folder cannot be written.
    """
    path = folder / DRAFT_FILE
    fresh = replace(draft, stamp=uuid.uuid4().hex)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            found = _stamp(path)
            if found != draft.stamp:
                raise OutputError(
                    f"{path} was changed in another tab or window since this one was loaded, so this edit was not "
                    "saved; load the event again, and make the edit there"
                )
            write_atomic(path, _adapter().dump_json(_file(fresh), indent=1))
    except OSError as error:
        raise OutputError(f"cannot save the draft to {path}: {error.strerror or error}") from None
    return fresh


def discard_draft(folder: Path) -> None:
    """Forget every edit; the next draft begins with the result."""
    if (folder / DRAFT_FILE).exists():
        with locked(folder):
            (folder / DRAFT_FILE).unlink(missing_ok=True)


def saved_edits(folder: Path) -> str | None:
    """Checksum of what the saved draft shows, None where there is no draft or nothing in it was edited.

    Raises:
        InputError: the file is damaged.
    """
    saved = _read(folder / DRAFT_FILE)
    if saved is None or not saved.states[saved.at].edit:
        return None
    state = saved.states[saved.at]
    return _digest(state.event, [saved.posts[i] for i in state.posts], state.alt_texts)


def state_digest(state: DraftState) -> str | None:
    """Checksum of what a state shows, None for the result as it was; the same as `saved_edits` once it is saved."""
    return _digest(state.event, state.posts, state.alt_texts) if state.edit else None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other threads and processes out of the event's folder for a moment; freed should the process die."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except ImportError:  # not on Windows
            pass
        yield
    finally:
        os.close(descriptor)


def _file(draft: Draft) -> _File:
    places: dict[int, int] = {}
    posts: list[DraftPost] = []
    states = []
    for state in draft.states:
        for post in state.posts:
            if id(post) not in places:
                places[id(post)] = len(posts)
                posts.append(post)
        states.append(
            _State(
                event=state.event,
                posts=tuple(places[id(post)] for post in state.posts),
                alt_texts=state.alt_texts,
                next_key=state.next_key,
                edit=state.edit,
            )
        )
    assert draft.stamp is not None
    return _File(
        format=1,
        stamp=draft.stamp,
        basis=_checksum(draft.basis.result),
        at=draft.at,
        states=tuple(states),
        posts=tuple(posts),
    )


def _read(path: Path) -> _File | None:
    try:
        saved = _adapter().validate_json(path.read_bytes())
        if not 0 <= saved.at < len(saved.states) or any(i >= len(saved.posts) for s in saved.states for i in s.posts):
            raise ValueError("its states do not fit together")
        return saved
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is not a draft that this version reads ({told}); move it away to begin anew"
        ) from None


def _stamp(path: Path) -> str | None:
    saved = _read(path)
    return None if saved is None else saved.stamp


@cache
def _adapter() -> TypeAdapter[_File]:
    return TypeAdapter(_File)


def _checksum(result: EventResult) -> str:
    """Of what a draft's indices speak of, and of what was edited."""
    photos = [(photo.name, photo.fingerprint) for photo in result.photos]
    return digest(photos, [post.photos for post in result.posts], asdict(result.event))


def _digest(event: EventDetails, posts: object, alt_texts: Mapping[int, str]) -> str:
    shown = TypeAdapter(list[DraftPost]).dump_python(list(posts), mode="json")  # type: ignore[call-overload]
    return digest(asdict(event), shown, sorted(alt_texts.items()))
