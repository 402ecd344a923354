"""Edits of photos and posts: reorder, move, remove, restore, make, merge, delete. Each gives a new draft.

A photo is in one post at most. A post whose last photo leaves it goes with it; undo brings both back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.drafts.follow import follow
from core.drafts.state import EDITOR, Draft, DraftPost
from core.errors import InputError
from core.posts import Caption

__all__ = [
    "delete_post",
    "merge_posts",
    "move_photo",
    "new_post",
    "order_posts",
    "remove_photo",
    "reorder_photos",
    "restore_photo",
]


def reorder_photos(draft: Draft, key: str, photos: Sequence[int]) -> Draft:
    """Put the photos of a post in another order; the first one leads.

    Raises:
        InputError: these are not the post's photos.
    """
    post = draft.state.post(key)
    if sorted(photos) != sorted(post.photos):
        raise InputError(
            f"expected the photos {sorted(post.photos)} of post {key} in another order, got {list(photos)}"
        )
    return _with(draft, f"order of the photos of post {draft.state.number(key)}", {key: tuple(photos)})


def move_photo(draft: Draft, photo: int, key: str, *, position: int | None = None) -> Draft:
    """Move a photo to another post, or within its own; one that is in no post is restored.

    Args:
        key: of the post it goes to.
        position: its place there, from 0; None puts it last.
    """
    _known(draft, photo)
    source, target = draft.state.post_of(photo), draft.state.post(key)
    others = [i for i in target.photos if i != photo]
    others.insert(len(others) if position is None else max(0, min(position, len(others))), photo)
    groups = {key: tuple(others)}
    if source is not None and source.key != key:
        groups[source.key] = tuple(i for i in source.photos if i != photo)
    number = draft.state.number(key)
    what = f"photo restored to post {number}" if source is None else f"photo moved to post {number}"
    return _with(draft, what, groups)


def restore_photo(draft: Draft, photo: int, key: str, *, position: int | None = None) -> Draft:
    """Put a photo that was set aside (a duplicate, say) or removed into a post.

    Raises:
        InputError: it is in a post already.
    """
    _known(draft, photo)
    post = draft.state.post_of(photo)
    if post is not None:
        raise InputError(f"{_name(draft, photo)} is in post {draft.state.number(post.key)} already; move it instead")
    return move_photo(draft, photo, key, position=position)


def remove_photo(draft: Draft, photo: int) -> Draft:
    """Take a photo out of its post; it can be restored.

    Raises:
        InputError: it is in no post.
    """
    _known(draft, photo)
    post = draft.state.post_of(photo)
    if post is None:
        raise InputError(f"{_name(draft, photo)} is in no post, so it cannot be removed")
    what = f"photo removed from post {draft.state.number(post.key)}"
    return _with(draft, what, {post.key: tuple(i for i in post.photos if i != photo)})


def new_post(draft: Draft, photos: Sequence[int], *, position: int | None = None) -> Draft:
    """Make a post of photos, wherever they are now; the template writes its caption, models can be asked then.

    Args:
        position: its place among the posts, from 0; None puts it last.

    Raises:
        InputError: no photo, or one twice.
    """
    for photo in photos:
        _known(draft, photo)
    if not photos or len(set(photos)) < len(photos):
        raise InputError(f"a post needs at least one photo, and each once; got {list(photos)}")
    state, basis, taken = draft.state, draft.basis, set(photos)
    found = (_cluster(draft, i) for i in photos)
    fresh = DraftPost(
        key=str(state.next_key),
        photos=tuple(photos),
        cluster=next((cluster for cluster in found if cluster is not None), -1),
        captions={"template": Caption(text="")} if basis.captioned else {},
        published="template" if basis.captioned else None,
    )
    others = {p.key: tuple(i for i in p.photos if i not in taken) for p in state.posts if taken & set(p.photos)}
    kept = list(_regrouped(draft, others))
    place = len(kept) if position is None else max(0, min(position, len(kept)))
    kept.insert(place, follow(fresh, state.event, basis))
    return draft.then("new post", posts=tuple(kept), next_key=state.next_key + 1)


def merge_posts(draft: Draft, into: str, other: str) -> Draft:
    """Add the photos of another post at the end of a post, whose captions stay.

    Raises:
        InputError: both are the same.
    """
    if into == other:
        raise InputError(f"expected two posts to merge, got {into!r} twice")
    one, two = draft.state.post(into), draft.state.post(other)
    what = f"posts {draft.state.number(into)} and {draft.state.number(other)} merged"
    if two.published == EDITOR and one.published != EDITOR:  # what was written by hand outlives what was not
        one = replace(one, captions={**one.captions, EDITOR: two.captions[EDITOR]}, published=EDITOR)
    if one.hashtags is None:
        one = replace(one, hashtags=two.hashtags)
    merged = follow(replace(one, photos=(*one.photos, *two.photos)), draft.state.event, draft.basis)
    posts = tuple(merged if p.key == into else p for p in draft.state.posts if p.key != other)
    return draft.then(what, posts=posts)


def delete_post(draft: Draft, key: str) -> Draft:
    """Delete a post; its photos are in no post then, and can be restored."""
    number = draft.state.number(key)
    return draft.then(f"post {number} deleted", posts=tuple(p for p in draft.state.posts if p.key != key))


def order_posts(draft: Draft, keys: Sequence[str]) -> Draft:
    """Put the posts in another order.

    Raises:
        InputError: these are not the draft's posts.
    """
    posts = {post.key: post for post in draft.state.posts}
    if sorted(keys) != sorted(posts):
        raise InputError(f"expected the posts {', '.join(posts)} in another order, got {', '.join(keys) or 'none'}")
    ordered = tuple(posts[key] for key in keys)
    return draft if ordered == draft.state.posts else draft.then("order of the posts", posts=ordered)


def _with(draft: Draft, what: str, groups: Mapping[str, tuple[int, ...]]) -> Draft:
    posts = _regrouped(draft, groups)
    return draft if posts == draft.state.posts else draft.then(what, posts=posts)


def _regrouped(draft: Draft, groups: Mapping[str, tuple[int, ...]]) -> tuple[DraftPost, ...]:
    """The posts with other photos, by key; those whose photos are the same are not touched, empty ones go."""
    posts = []
    for post in draft.state.posts:
        photos = groups.get(post.key, post.photos)
        if photos == post.photos:
            posts.append(post)
        elif photos:
            posts.append(follow(replace(post, photos=photos), draft.state.event, draft.basis))
    return tuple(posts)


def _cluster(draft: Draft, photo: int) -> int | None:
    """The cluster of a photo; a duplicate's is that of the better one."""
    better = draft.basis.result.selection.duplicate_of[photo]
    clusters = draft.basis.result.cluster_of
    return clusters.get(photo if better is None else better)


def _known(draft: Draft, photo: int) -> None:
    if not 0 <= photo < len(draft.basis.result.photos):
        raise InputError(f"expected a photo's number from 0 to {len(draft.basis.result.photos) - 1}, got {photo}")


def _name(draft: Draft, photo: int) -> str:
    return draft.basis.result.photos[photo].name
