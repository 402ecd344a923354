"""Edits of words: captions, hashtags, alt texts, and what is said of the event. Each gives a new draft.

What the editor writes is taken as it is, less characters that cannot be shown; no polish changes it.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from core.drafts.follow import follow, shown_alt_texts
from core.drafts.state import EDITOR, Draft, DraftPost
from core.errors import InputError
from core.handles import HASHTAG
from core.posts import Caption, EventDetails, choose_hashtags

__all__ = [
    "add_hashtag",
    "edit_alt_text",
    "edit_caption",
    "edit_event",
    "edit_hashtags",
    "hashtags_in",
    "pick_caption",
    "remove_hashtag",
]


def edit_caption(draft: Draft, key: str, text: str) -> Draft:
    """Write a post's caption by hand; the captioners' own stay beside it."""
    post, text = draft.state.post(key), _shown(text)
    now = post.caption
    if now is not None and text == now.text:
        return draft
    reason = "written by hand"
    if now is not None and post.published != EDITOR:
        reason = f"edited by hand, from the caption of {now.source or post.published}"
    elif now is not None:
        reason = now.reason or reason
    hashtags = post.captions[post.published].hashtags if post.published is not None else _controlled(draft, post)
    caption = Caption(text=text, hashtags=hashtags, reason=reason)
    edited = replace(post, captions={**post.captions, EDITOR: caption}, published=EDITOR)
    return _edited(draft, f"caption of post {draft.state.number(key)}", edited)


def pick_caption(draft: Draft, key: str, captioner: str, *, variant: int = 0) -> Draft:
    """Publish a captioner's caption, or one of its variants.

    Raises:
        InputError: the post has no such caption or variant.
    """
    post = draft.state.post(key)
    if captioner not in post.captions:
        has = ", ".join(post.captions) or "none"
        raise InputError(f"post {draft.state.number(key)} has no caption of {captioner!r}; it has {has}")
    caption = post.captions[captioner]
    choices = caption.variants or (caption,)
    if not 0 <= variant < len(choices):
        raise InputError(f"{captioner} wrote {len(choices)} variants of this caption, got number {variant}")
    if variant or caption.variants:
        chosen = choices[variant]
        caption = replace(caption, text=chosen.text, clip_cosine=chosen.clip_cosine, clipscore=chosen.clipscore)
    if captioner == post.published and caption == post.captions[captioner]:
        return draft
    picked = replace(post, captions={**post.captions, captioner: caption}, published=captioner)
    return draft.with_posts(f"choice of {captioner} for post {draft.state.number(key)}", [picked])


def edit_hashtags(draft: Draft, key: str, hashtags: Iterable[str] | str | None) -> Draft:
    """Give a post other hashtags; None goes back to those that follow from its photos.

    Args:
        hashtags: a text (`#one #two`) or single ones, with or without `#`; repeats (in any capitals) count once.

    Raises:
        InputError: something that cannot be a hashtag.
    """
    post = draft.state.post(key)
    tags = None if hashtags is None else hashtags_in(hashtags)
    if tags == post.hashtags or (post.hashtags is None and post.caption is not None and tags == post.caption.hashtags):
        return draft
    if post.published is None and tags is not None:  # hashtags alone can be published, too
        post = replace(post, captions={**post.captions, EDITOR: Caption(text="")}, published=EDITOR)
    return draft.with_posts(f"hashtags of post {draft.state.number(key)}", [replace(post, hashtags=tags)])


def add_hashtag(draft: Draft, key: str, hashtag: str) -> Draft:
    """Add one or more hashtags (`#one #two`) at the end."""
    return edit_hashtags(draft, key, [*_tags(draft.state.post(key)), *hashtags_in(hashtag)])


def remove_hashtag(draft: Draft, key: str, hashtag: str) -> Draft:
    """Take a hashtag away; nothing happens where the post has none such."""
    gone = {tag.casefold() for tag in hashtags_in(hashtag)}
    return edit_hashtags(draft, key, [tag for tag in _tags(draft.state.post(key)) if tag.casefold() not in gone])


def edit_alt_text(draft: Draft, photo: int, text: str | None) -> Draft:
    """Write a photo's alt text by hand; None or nothing goes back to the one that follows from its labels.

    Raises:
        InputError: the photo is in no post.
    """
    post = draft.state.post_of(photo)
    if post is None:
        raise InputError(f"photo {photo} is in no post, so it has no alt text; move it to a post first")
    line = " ".join(_shown(text or "").split())
    now = dict(zip(post.photos, shown_alt_texts(draft.state, post, draft.basis), strict=True))[photo]
    if line == now or (not line and photo not in draft.state.alt_texts):
        return draft
    texts = {i: alt for i, alt in draft.state.alt_texts.items() if i != photo} | ({photo: line} if line else {})
    where = f"photo {post.photos.index(photo) + 1} of post {draft.state.number(post.key)}"
    return draft.then(f"alt text of {where}", alt_texts=texts)


def edit_event(draft: Draft, event: EventDetails) -> Draft:
    """Say something else of the event: name, date, place, campaign. Templates, alt texts and scores follow.

    Raises:
        InputError: the event has no name.
    """
    if not event.name:
        raise InputError("the event needs a name, got an empty one; write what captions should call it")
    if event == draft.state.event:
        return draft
    posts = tuple(follow(post, event, draft.basis) for post in draft.state.posts)
    return draft.then("event", event=event, posts=posts)


def hashtags_in(text: Iterable[str] | str) -> tuple[str, ...]:
    """Hashtags from what somebody typed: `one, #Two` gives `#one` and `#Two`.

    Raises:
        InputError: something that cannot be a hashtag.
    """
    words = text.replace(",", " ").replace("#", " #").split() if isinstance(text, str) else [w.strip() for w in text]
    tags = ["#" + word.lstrip("#＃") for word in words if word.strip("#＃")]
    for tag in tags:
        if not HASHTAG.fullmatch(tag):
            raise InputError(f"a hashtag is '#' and then letters, digits or underscores, not digits alone; got {tag!r}")
    return choose_hashtags((), base=tags, by_label={}, most=len(tags))


def _edited(draft: Draft, what: str, post: DraftPost) -> Draft:
    return draft.with_posts(what, [follow(post, draft.state.event, draft.basis)])


def _tags(post: DraftPost) -> tuple[str, ...]:
    return post.caption.hashtags if post.caption is not None else ()


def _controlled(draft: Draft, post: DraftPost) -> tuple[str, ...]:
    settings = draft.basis.result.config.captioner
    return choose_hashtags(
        post.labels, base=settings.base_hashtags, by_label=settings.label_hashtags, most=settings.max_hashtags
    )


def _shown(text: str) -> str:
    """The text with one kind of line break, and without characters that cannot be shown or written."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs")).strip()
