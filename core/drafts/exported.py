"""A draft as a result: what export writes, and what its record says was edited by hand."""

from dataclasses import replace
from typing import Any

from core.drafts.follow import outdated, shown_alt_texts
from core.drafts.saved import state_digest
from core.drafts.state import EDITOR, Draft, DraftPost
from core.posts import Post
from core.result import EventResult, StageReport

__all__ = ["EDITOR_STAGE", "REMOVED", "edited_result", "edits_of"]

EDITOR_STAGE = "editor"
"""The record's stage that says what was edited; absent where nothing was."""
REMOVED = "removed_by_hand"
"""Why a photo is in no post that the pipeline had put into one."""


def edited_result(draft: Draft) -> EventResult:
    """The result as the draft shows it: posts, captions, alt texts, event, and which photos are in a post."""
    state, result = draft.state, draft.basis.result
    posts = tuple(_post(draft, post) for post in state.posts)
    shown = {i for post in posts for i in post.photos}
    reasons = tuple(None if i in shown else (reason or REMOVED) for i, reason in enumerate(result.selection.reasons))
    selection = replace(result.selection, reasons=reasons, selected=tuple(sorted(shown)))
    return replace(
        result,
        event=state.event,
        posts=posts,
        selection=selection,
        reports=(*result.reports, *_report(draft)),
    )


def edits_of(draft: Draft, post: DraftPost) -> tuple[str, ...]:
    """What of a post was edited by hand: new, photos, caption, choice, hashtags, alt_texts."""
    originals = {str(number): one for number, one in enumerate(draft.basis.result.posts, start=1)}
    original = originals.get(post.key)
    marks = {
        "new": original is None,
        "photos": original is not None and original.photos != post.photos,
        "caption": post.published == EDITOR,
        "choice": original is not None and post.published not in (EDITOR, next(iter(original.captions), None)),
        "hashtags": post.hashtags is not None,
        "alt_texts": any(i in draft.state.alt_texts for i in post.photos),
    }
    return tuple(name for name, marked in marks.items() if marked)


def _post(draft: Draft, post: DraftPost) -> Post:
    captions = dict(post.captions)
    if post.caption is not None and post.published is not None:
        captions = {post.published: post.caption} | {n: c for n, c in captions.items() if n != post.published}
    return Post(
        photos=post.photos,
        cluster=post.cluster,
        labels=post.labels,
        captions=captions,
        alt_texts=shown_alt_texts(draft.state, post, draft.basis),
    )


def _report(draft: Draft) -> list[StageReport]:
    """The editor's stage; what it says fits the record's schema, which is the same for every stage."""
    state, result = draft.state, draft.basis.result
    if state_digest(state) is None:
        return []
    posts = [_told(draft, post, number) for number, post in enumerate(state.posts, start=1)]
    told = [entry for entry in posts if len(entry) > 1]
    event = [
        name
        for name in ("name", "date", "place", "campaign")
        if getattr(state.event, name) != getattr(result.event, name)
    ]
    keys = {post.key for post in state.posts}
    gone = [number for number in range(1, len(result.posts) + 1) if str(number) not in keys]
    measures: dict[str, Any] = {
        "event": event,
        "posts": told,
        "posts_gone": gone,
        "posts_reordered": [post.key for post in state.posts] != sorted(keys, key=int),
        "draft": state_digest(state),
    }
    counts = {"posts": len(state.posts), "posts_edited": len(told)}
    return [StageReport(stage=EDITOR_STAGE, seconds=0.0, counts=counts, measures=measures)]


def _told(draft: Draft, post: DraftPost, number: int) -> dict[str, Any]:
    photos = draft.basis.result.photos
    entry: dict[str, Any] = {"post": number}
    if edited := edits_of(draft, post):
        entry["edited"] = list(edited)
    if alts := [photos[i].name for i in post.photos if i in draft.state.alt_texts]:
        entry["alt_texts"] = alts
    if post.rewritten:
        entry["written_again"] = {
            name: {
                "tone": how.tone,
                "seed": how.seed,
                "decoding": None if how.decoding is None else how.decoding.model_dump(mode="json"),
            }
            for name, how in post.rewritten.items()
        }
    if old := outdated(post, draft.state.event, draft.basis):
        entry["written_for_other_photos"] = list(old)
    return entry
