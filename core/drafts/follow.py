"""What of a post follows from its photos and the event: labels, hashtags, scores, the template, the hybrid's choice.

What was written by hand is left as it is; only its score follows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.captioners.hybrid import choose
from core.captioners.polish import Polished, polish
from core.captioners.template import template_captions
from core.drafts.state import EDITOR, Basis, Draft, DraftPost, DraftState
from core.metrics.clip import ClipFit, clip_fit
from core.posts import Caption, EventDetails, Variant, alt_text, choose_hashtags, post_labels
from core.settings import Family
from core.store import digest

__all__ = ["begin", "follow", "note_asked", "outdated", "shown_alt_texts", "template_text"]


def begin(basis: Basis) -> Draft:
    """The draft of a result that nobody has edited yet."""
    posts = []
    for number, post in enumerate(basis.result.posts, start=1):
        draft = DraftPost(
            key=str(number),
            photos=post.photos,
            cluster=post.cluster,
            labels=post.labels,
            captions=dict(post.captions),
            published=next(iter(post.captions), None),
        )
        asked = {name: _asked(name, draft, basis.result.event, basis) for name in _models(draft, basis)}
        posts.append(replace(draft, asked=asked))
    state = DraftState(event=basis.result.event, posts=tuple(posts), next_key=len(posts) + 1)
    return Draft(basis=basis, states=(state,))


def follow(post: DraftPost, event: EventDetails, basis: Basis) -> DraftPost:
    """The post with everything that follows from its photos and the event brought up to date."""
    given = basis.result.labels.given if basis.result.labels is not None else None
    topk = basis.result.config.categorize.topk
    labels = post_labels([given[i] for i in post.photos], topk=topk) if given is not None else ()
    after = replace(post, labels=labels)
    captions: dict[str, Caption] = {}
    for name, caption in post.captions.items():
        captions[name] = _rewritten(name, caption, before=post, after=after, event=event, basis=basis)
    captions = _scored(captions, post.photos, basis)
    if "hybrid" in captions:
        captions["hybrid"] = _hybrid(captions, event, basis)
    return replace(after, captions=captions)


def outdated(post: DraftPost, event: EventDetails, basis: Basis) -> tuple[str, ...]:
    """The captioners whose text was written for other photos, labels or another event; to be asked again."""
    return tuple(name for name, asked in post.asked.items() if _asked(name, post, event, basis) != asked)


def note_asked(post: DraftPost, captioner: str, event: EventDetails, basis: Basis) -> DraftPost:
    """The post with a note that the captioner has seen it as it is now."""
    return replace(post, asked={**post.asked, captioner: _asked(captioner, post, event, basis)})


def shown_alt_texts(state: DraftState, post: DraftPost, basis: Basis) -> tuple[str, ...]:
    """The alt text of each photo of a post: by hand, else from the event's name and the photo's labels."""
    of = len(post.photos)
    return tuple(
        state.alt_texts[i]
        if i in state.alt_texts
        else alt_text(state.event, basis.labels_of(i) if basis.captioned else [], number=number, of=of)
        for number, i in enumerate(post.photos, start=1)
    )


def template_text(post: DraftPost, event: EventDetails, basis: Basis) -> str:
    """The template's words for a post; each time it was asked again with the opener after."""
    place = max(0, int(post.key) - 1)
    if "template" in post.rewritten:
        place += post.rewritten["template"].seed
    labels = [*[()] * place, post.labels]  # openers go by place
    counts = [*[1] * place, len(post.photos)]
    config = basis.result.config
    return template_captions(event, labels, counts, config.captioner, seed=config.seed)[-1]


def _rewritten(
    name: str, caption: Caption, *, before: DraftPost, after: DraftPost, event: EventDetails, basis: Basis
) -> Caption:
    """One caption's text and hashtags, not scored yet."""
    settings, fallback = basis.result.config.captioner, template_text(after, event, basis)
    old, new = (
        choose_hashtags(
            labels, base=settings.base_hashtags, by_label=settings.label_hashtags, most=settings.max_hashtags
        )
        for labels in (before.labels, after.labels)
    )
    strays = tuple(tag for tag in caption.hashtags if tag not in old)

    def polished(text: str) -> Polished:
        tags = choose_hashtags((), base=(*new, *strays), by_label={}, most=settings.max_hashtags)
        return polish(text, settings=settings, controlled=tags, photo_count=len(after.photos), fallback=fallback)

    if name == EDITOR:
        kept = (*(() if strays == caption.hashtags else new), *strays)
        return replace(caption, hashtags=choose_hashtags((), base=kept, by_label={}, most=settings.max_hashtags))
    own = name != "template" and caption.source != "template"
    text = polished(caption.text if own else fallback)
    variants = tuple(replace(variant, text=polished(variant.text).text) for variant in caption.variants)
    return replace(caption, text=text.text, hashtags=text.hashtags, variants=variants if own else ())


def _scored(captions: Mapping[str, Caption], photos: Sequence[int], basis: Basis) -> dict[str, Caption]:
    """The captions with the scores of their texts on these photos."""
    texts = list(dict.fromkeys(v.text for c in captions.values() for v in (c, *c.variants) if v.text))
    if basis.embeddings is None or not texts:
        return {name: _with_fits(caption, {}) for name, caption in captions.items()}
    groups = [photos] * len(texts)
    found = clip_fit(texts, groups, basis.embeddings, basis.judged, basis.result.embedder, basis.store)
    fits = dict(zip(texts, found, strict=True))
    return {name: _with_fits(caption, fits) for name, caption in captions.items()}


def _with_fits(caption: Caption, fits: Mapping[str, ClipFit | None]) -> Caption:
    def scores(text: str) -> tuple[float | None, float | None]:
        fit = fits.get(text)
        return (None, None) if fit is None else (fit.clip_cosine, fit.clipscore)

    cosine, score = scores(caption.text)
    variants = []
    for variant in caption.variants:
        own_cosine, own_score = scores(variant.text)
        variants.append(Variant(text=variant.text, clip_cosine=own_cosine, clipscore=own_score))
    return replace(caption, clip_cosine=cosine, clipscore=score, variants=tuple(variants))


def _hybrid(captions: Mapping[str, Caption], event: EventDetails, basis: Basis) -> Caption:
    """The hybrid's choice anew; as it was where its ingredients are not at hand."""
    result = basis.result
    settings = result.config.captioner.hybrid
    if settings.model not in captions or "template" not in captions:
        return captions["hybrid"]
    written = captions[settings.model]
    if written.source is not None:
        return written
    choice = choose(
        clip_cosine=written.clip_cosine,
        silhouette=result.clusters.silhouette if result.clusters is not None else None,
        campaign=event.campaign,
        settings=settings,
        caption_threshold=result.embedder.calibration.caption_threshold,
    )
    return replace(captions[choice.source], source=choice.source, reason=choice.reason)


def _models(post: DraftPost, basis: Basis) -> list[str]:
    """The captioners of a post behind which a model stands."""
    return [name for name in post.captions if name.removesuffix("_base") in basis.result.captioners.models]


def _asked(name: str, post: DraftPost, event: EventDetails, basis: Basis) -> str:
    """Checksum of what a model is shown and asked of a post."""
    family: Family = name.removesuffix("_base")  # type: ignore[assignment]
    result = basis.result
    prompt = result.captioners.prompts[family].fill(event.name, post.labels)
    shown = post.photos[:1] if result.config.captioner.strategy == "lead" else post.photos
    return digest(prompt, [result.photos[i].pixel_hash for i in shown])
