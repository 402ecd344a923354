"""Every captioner's text for every post: written, polished, scored, and the hybrid's choice among them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from core.captioners.hybrid import choose
from core.captioners.models import Captioners
from core.captioners.polish import Polished, polish
from core.captioners.template import template_captions
from core.captioners.vlm import Proposal, model_captions
from core.embed import Embedder, judged_photos
from core.ingest import Photo
from core.metrics.clip import ClipFit, clip_fit
from core.posts import Caption, EventDetails, Post, Variant, choose_hashtags
from core.settings import Family, PipelineConfig
from core.store import Store

__all__ = ["Scene", "base_name", "caption_posts"]

_NOTHING = "the model wrote nothing that can be published"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What captions of an event are written and judged with."""

    event: EventDetails
    photos: Sequence[Photo]
    embeddings: np.ndarray | None
    """Of all photos, float32 (n, d); None where captions are not scored."""
    silhouette: float | None
    """Of the event's clusters; None where it is not known."""
    config: PipelineConfig
    embedder: Embedder
    store: Store


def caption_posts(
    posts: Sequence[Post],
    scene: Scene,
    captioners: Captioners,
    *,
    progress: Callable[[str, int, int], None] = lambda captioner, done, total: None,
) -> list[Post]:
    """Posts with the captions of all captioners of the settings, the published one first.

    A hybrid's ingredients are kept beside it, so that its choice can be checked and calibrated.

    Args:
        posts: with their labels.
        captioners: the models that the settings need.
        progress: called with (captioner, pictures seen, pictures in all).
    """
    settings = scene.config.captioner
    written = _template(posts, scene)
    drafts = {"template": [_Draft(texts=(text,)) for text in written]}
    for family in settings.families:
        proposals = model_captions(
            captioners.models[family],
            captioners.prompts[family],
            posts,
            scene.photos,
            scene.event,
            scene.config,
            scene.store,
            progress=partial(progress, family),
        )
        drafts[family] = [_draft(proposal, text) for proposal, text in zip(proposals, written, strict=True)]
        if settings.show_base and captioners.models[family].has_adapter:
            drafts[base_name(family)] = _base(family, posts, scene, captioners, written, progress)
    captions = {name: _finish(name, drafts[name], posts, written, scene) for name in drafts}
    return [_with_captions(post, n, captions, scene) for n, post in enumerate(posts)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Draft:
    """Texts before polish."""

    texts: tuple[str, ...]
    source: str | None = None
    reason: str | None = None


def base_name(family: str) -> str:
    """What the captions of a model without its adapter go by."""
    return f"{family}_base"


def _base(
    family: Family,
    posts: Sequence[Post],
    scene: Scene,
    captioners: Captioners,
    fallbacks: Sequence[str],
    progress: Callable[[str, int, int], None],
) -> list[_Draft]:
    """What a model writes without its adapter, asked as it was before."""
    model = captioners.models[family]
    with model.without_adapter():
        proposals = model_captions(
            model,
            model.checkpoint.prompt,
            posts,
            scene.photos,
            scene.event,
            scene.config,
            scene.store,
            progress=partial(progress, base_name(family)),
        )
    return [_draft(proposal, text) for proposal, text in zip(proposals, fallbacks, strict=True)]


def _template(posts: Sequence[Post], scene: Scene) -> list[str]:
    labels, sizes = [post.labels for post in posts], [len(post.photos) for post in posts]
    return template_captions(scene.event, labels, sizes, scene.config.captioner, seed=scene.config.seed)


def _draft(proposal: Proposal, template: str) -> _Draft:
    if proposal.texts:
        return _Draft(texts=proposal.texts)
    return _Draft(texts=(template,), source="template", reason=proposal.error)


def _finish(
    name: str, drafts: Sequence[_Draft], posts: Sequence[Post], fallbacks: Sequence[str], scene: Scene
) -> list[Caption]:
    """Polish and score one captioner's texts; of several variants the best by CLIP leads."""
    polished: list[list[Polished]] = []
    for draft, post, fallback in zip(drafts, posts, fallbacks, strict=True):
        tags = _controlled(post, scene)
        texts = [_polish(text, post, tags, fallback, scene) for text in draft.texts]
        polished.append(_distinct(texts))
    flat = [(p.text, post.photos) for group, post in zip(polished, posts, strict=True) for p in group]
    fits = iter(_fits([text for text, _ in flat], [photos for _, photos in flat], scene))
    captions = []
    for group, draft in zip(polished, drafts, strict=True):
        scored = sorted(((p, next(fits)) for p in group), key=lambda pair: -_cosine(pair[1]))
        variants = tuple(_variant(p, fit) for p, fit in scored)
        best = variants[0]
        captions.append(
            Caption(
                text=best.text,
                clip_cosine=best.clip_cosine,
                clipscore=best.clipscore,
                hashtags=scored[0][0].hashtags,
                source="template" if scored[0][0].fell_back else draft.source,
                reason=_NOTHING if scored[0][0].fell_back else draft.reason,
                variants=variants if scene.config.captioner.variants > 1 and name != "template" else (),
            )
        )
    return captions


def _distinct(texts: Sequence[Polished]) -> list[Polished]:
    """Each text once, in order; the template only where nothing else is left."""
    own = [p for p in texts if not p.fell_back] or list(texts)
    first: dict[str, Polished] = {}
    for p in own:
        first.setdefault(p.text, p)
    return list(first.values())


def _with_captions(post: Post, n: int, captions: dict[str, list[Caption]], scene: Scene) -> Post:
    settings = scene.config.captioner
    named: dict[str, Caption] = {}
    for mode in settings.mode:
        named[mode] = _hybrid(post, n, captions, scene) if mode == "hybrid" else captions[mode][n]
    if "hybrid" in settings.mode:
        named |= {name: captions[name][n] for name in (settings.hybrid.model, "template") if name not in named}
    named |= {name: captions[name][n] for name in map(base_name, settings.families) if name in captions}
    return replace(post, captions=named)


def _hybrid(post: Post, n: int, captions: dict[str, list[Caption]], scene: Scene) -> Caption:
    settings = scene.config.captioner.hybrid
    written = captions[settings.model][n]
    if written.source is not None:
        return written
    choice = choose(
        clip_cosine=written.clip_cosine,
        silhouette=scene.silhouette,
        campaign=scene.event.campaign,
        settings=settings,
        caption_threshold=scene.embedder.calibration.caption_threshold,
    )
    return replace(captions[choice.source][n], source=choice.source, reason=choice.reason)


def _controlled(post: Post, scene: Scene) -> tuple[str, ...]:
    settings = scene.config.captioner
    return choose_hashtags(
        post.labels, base=settings.base_hashtags, by_label=settings.label_hashtags, most=settings.max_hashtags
    )


def _polish(text: str, post: Post, tags: tuple[str, ...], fallback: str, scene: Scene) -> Polished:
    settings = scene.config.captioner
    return polish(text, settings=settings, controlled=tags, photo_count=len(post.photos), fallback=fallback)


def _fits(texts: Sequence[str], groups: Sequence[Sequence[int]], scene: Scene) -> Sequence[ClipFit | None]:
    if scene.embeddings is None:
        return [None] * len(texts)
    judged = judged_photos(scene.embedder, scene.embeddings)
    return clip_fit(texts, groups, scene.embeddings, judged, scene.embedder, scene.store)


def _cosine(fit: ClipFit | None) -> float:
    return fit.clip_cosine if fit is not None else -2.0


def _variant(polished: Polished, fit: ClipFit | None) -> Variant:
    if fit is None:
        return Variant(text=polished.text)
    return Variant(text=polished.text, clip_cosine=fit.clip_cosine, clipscore=fit.clipscore)
