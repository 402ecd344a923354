"""Posts, messages and what was left out, as HTML. Every text that came from outside is escaped."""

import base64
import io
from html import escape
from itertools import zip_longest
from pathlib import Path

from PIL import Image

from core.record import CaptionRecord, EventRecord, PostRecord
from demo import words

__all__ = ["aside_html", "outcome_html", "posts_html", "status_html"]

_MONTAGE_WIDTH_PX, _THUMBNAIL_PX = 640, 160

# The caption is read from the card itself, so that no text has to be quoted inside an attribute.
_COPY_SCRIPT = (
    "const b=this,t=b.closest('.m-card').querySelector('.m-text').innerText;"
    "const ok=()=>{b.textContent=b.dataset.done;setTimeout(()=>b.textContent=b.dataset.label,1600)};"
    "const old=()=>{const a=document.createElement('textarea');a.value=t;document.body.append(a);a.select();"
    "document.execCommand('copy');a.remove();ok()};"
    "(navigator.clipboard?navigator.clipboard.writeText(t).then(ok,old):old())"
)


def status_html(text: str, *, kind: str = "ready") -> str:
    """A message; `kind` is ready, busy, done, note or error."""
    role = "alert" if kind == "error" else "status"
    return f'<div class="m-status {kind}" role="{role}">{escape(text)}</div>'


def posts_html(record: EventRecord, folder: Path) -> str:
    """A card for each post."""
    return f'<div class="m-posts">{"".join(_card(post, folder / post.folder) for post in record.posts)}</div>'


def outcome_html(record: EventRecord) -> str:
    """The result in a sentence, and advice when labels are missing."""
    note = status_html(words.abstained(record.model.name), kind="note") if record.mostly_abstained else ""
    return status_html(words.done(record), kind="done") + note


def aside_html(record: EventRecord) -> str:
    """Files that are in no post, each with the reason."""
    left_out = [file for file in record.files if not file.kept and file.reason != "system_file"]
    if left_out:
        items = "".join(
            f"<li><span><b>{escape(f.file)}</b><br>{escape(words.reason(f.reason or '', f.duplicate_of, f.message))}"
            "</span></li>"
            for f in left_out
        )
        title = f"{words.ASIDE_TITLE} ({len(left_out)})"
        return f'<details class="m-aside"><summary>{title}</summary><ul>{items}</ul></details>'
    return ""


def _card(post: PostRecord, folder: Path) -> str:
    published = post.captions.get(post.published or "")
    text = f'<div class="m-caption">{escape(published.text)}</div>' if published else ""
    others = "".join(_other(name, c) for name, c in post.alternatives.items())
    strip = "".join(
        f'<img src="{_data_uri(folder / image, height_px=_THUMBNAIL_PX)}" alt="{escape(alt)}" loading="lazy">'
        for image, alt in zip_longest(post.images, post.alt_texts, fillvalue="Photo")
    )
    labels = escape(", ".join(post.labels))
    return (
        f'<article class="m-card" aria-label="Post {post.post}">'
        f'<img src="{_data_uri(folder / "montage.jpg", width_px=_MONTAGE_WIDTH_PX)}" alt="Montage of post {post.post}">'
        f'<div class="m-body"><div class="m-head"><span>Post {post.post} · {len(post.photos)} '
        f"photo{'' if len(post.photos) == 1 else 's'}</span><span>{labels}</span></div>"
        f'<div class="m-text">{text}<br><div class="m-tags">{escape(" ".join(post.hashtags))}</div></div>'
        + (f'<div class="m-score">{_by(post.published or "", published)}</div>' if published else "")
        + (f'<div class="m-others" aria-label="{words.OTHERS}">{others}</div>' if others else "")
        + f'<div class="m-strip" tabindex="0" aria-label="Photos of post {post.post}">{strip}</div>'
        f'<button class="m-copy" type="button" data-label="{words.COPY}" data-done="{words.COPIED}" '
        f'onclick="{_COPY_SCRIPT}">{words.COPY}</button></div></article>'
    )


def _other(name: str, caption: CaptionRecord) -> str:
    return (
        f'<div class="m-other"><div class="m-caption">{escape(caption.text)}</div>'
        f'<div class="m-score">{_by(name, caption)}</div></div>'
    )


def _by(name: str, caption: CaptionRecord) -> str:
    """Who wrote it, how well it fits, and why it was taken."""
    score = "" if caption.clip_cosine is None else f" · CLIP cosine {caption.clip_cosine:.3f}"
    why = "" if caption.source is None else f" · {words.took(caption.source, caption.reason)}"
    return escape(f"{words.CAPTIONERS.get(name, name)}{score}{why}")


def _data_uri(path: Path, *, width_px: int = 4096, height_px: int = 4096) -> str:
    """A small copy inside the page: no file has to be served, so no visitor can fetch another's."""
    with Image.open(path) as image:
        image.draft("RGB", (width_px, height_px))
        image.thumbnail((width_px, height_px))
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
