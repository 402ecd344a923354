"""Photos that were readable when they were ingested and no longer are: a card pulled out, a file deleted."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from core.errors import PhotoError
from core.posts import Post, alt_text
from core.publish.images import export_jpeg
from core.result import EventResult
from core.store import Store

__all__ = ["without_lost_photos"]


def without_lost_photos(result: EventResult, store: Store) -> EventResult:
    """The result less the photos that cannot be exported, each recorded with the reason; posts left empty go.

    Exporting puts the JPEGs into the store, from where they are then written.
    """
    photos = [i for post in result.posts for i in post.photos]
    with ThreadPoolExecutor(result.config.ingest.threads or os.cpu_count() or 1) as pool:
        failures = pool.map(lambda i: _failure(result, i, store), photos)
        lost = {i: failure for i, failure in zip(photos, failures, strict=True) if failure is not None}
    if not lost:
        return result
    reasons = tuple("unreadable" if i in lost else r for i, r in enumerate(result.selection.reasons))
    selected = tuple(i for i in result.selection.selected if i not in lost)
    return replace(
        result,
        selection=replace(result.selection, reasons=reasons, selected=selected),
        posts=tuple(_less(result, post, lost) for post in result.posts if set(post.photos) - set(lost)),
        lost=lost,
    )


def _failure(result: EventResult, i: int, store: Store) -> str | None:
    try:
        export_jpeg(result.photos[i], result.config.export, store, max_pixels=result.config.ingest.max_pixels)
    except PhotoError as error:
        return str(error)
    except Exception as error:  # one photo never sinks an event
        return f"could not be read again: {getattr(error, 'strerror', None) or error}"
    return None


def _less(result: EventResult, post: Post, lost: Iterable[int]) -> Post:
    gone, given = set(lost), result.labels.given if result.labels else None
    kept = tuple(i for i in post.photos if i not in gone)

    def automatic(i: int, place: int, of: int) -> str:
        return alt_text(result.event, [s.label for s in given[i]] if given else [], number=place, of=of)

    texts = dict(zip(post.photos, post.alt_texts, strict=True)) if post.alt_texts else {}
    numbered = {i: automatic(i, place, len(post.photos)) for place, i in enumerate(post.photos, start=1)}
    alt_texts = (  # what was written by hand stays; what counts the photos is counted anew
        texts[i] if texts[i] != numbered[i] else automatic(i, place, len(kept)) for place, i in enumerate(kept, start=1)
    )
    return replace(post, photos=kept, alt_texts=tuple(alt_texts) if texts else ())
