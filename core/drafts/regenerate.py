"""Ask one captioner again for one post: another variant, another tone, another decoding.

What the model sees comes from the stored features, so that only words are generated.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from core.captioners.compose import Scene, caption_posts
from core.config import nearest
from core.drafts.follow import follow, note_asked
from core.drafts.state import EDITOR, Draft, DraftPost, Rewriting
from core.errors import ConfigError, InputError
from core.posts import Caption, Post
from core.settings import DecodingSettings, PipelineConfig

__all__ = ["TONES", "regenerate"]

TONES: Mapping[str, Mapping[str, Any]] = {
    "as set": {},
    "plain": {"do_sample": False, "num_beams": 5, "no_repeat_ngram_size": 3, "length_penalty": 1.0},
    "brief": {"do_sample": False, "num_beams": 5, "length_penalty": -1.0, "max_new_tokens": 20},
    "detailed": {"do_sample": False, "num_beams": 5, "length_penalty": 2.0, "max_new_tokens": 64},
    "lively": {"do_sample": True, "num_beams": 1, "temperature": 0.9, "top_p": 0.9},
    "bold": {"do_sample": True, "num_beams": 1, "temperature": 1.3, "top_p": 0.95},
}
"""What each tone changes in the settings' decoding. Tones that sample give other words with another seed."""


def regenerate(
    draft: Draft,
    key: str,
    captioner: str,
    *,
    tone: str = "lively",
    decoding: DecodingSettings | None = None,
    seed: int | None = None,
) -> Draft:
    """Let a captioner write a post's caption again; polished and scored like the first.

    A caption that was written by hand stays the published one; the new text stands beside it.

    Args:
        captioner: the template, a model family of the run, or its base (`blip2_base`). The template takes its next
            opener; a hybrid chooses again whenever its model or the template writes.
        tone: one of `TONES`, for models.
        decoding: exactly this instead of a tone.
        seed: of sampling; None takes one that this post has not seen.

    Raises:
        InputError: there is no such post, captioner or tone.
        ConfigError: the tone does not go with the other settings of the run.
        ModelError: the model cannot be loaded or has no room.
    """
    post = draft.state.post(key)
    _check(draft, captioner, tone)
    seed = _next_seed(post, captioner) if seed is None else seed
    if captioner == "template":
        asked = replace(post, rewritten={**post.rewritten, captioner: Rewriting(tone=tone, seed=seed, decoding=None)})
        after = follow(asked if "template" in post.captions else _with_template(asked), draft.state.event, draft.basis)
    else:
        chosen = decoding or _decoding(draft, tone)
        chosen = chosen.model_copy(update={"seed": seed}) if chosen.do_sample else chosen
        after = _asked_again(draft, post, captioner, chosen)
        how = Rewriting(tone=tone if decoding is None else "own", seed=seed, decoding=chosen)
        after = replace(after, rewritten={**post.rewritten, captioner: how})
    if after.published is None:
        after = replace(after, published=captioner)
    return draft.with_posts(f"new caption of {captioner} for post {draft.state.number(key)}", [after])


def _asked_again(draft: Draft, post: DraftPost, captioner: str, decoding: DecodingSettings) -> DraftPost:
    basis, event = draft.basis, draft.state.event
    result = basis.result
    scene = Scene(
        event=event,
        photos=result.photos,
        embeddings=basis.embeddings,
        silhouette=result.clusters.silhouette if result.clusters is not None else None,
        config=_config(result.config, captioner, decoding),
        embedder=result.embedder,
        store=basis.store,
    )
    plain = Post(photos=post.photos, cluster=post.cluster, labels=post.labels)
    [written] = caption_posts([plain], scene, result.captioners)
    captions = {**post.captions, captioner: written.captions[captioner]}
    asked = note_asked(replace(post, captions=captions), captioner, event, basis)
    return follow(asked, event, basis)  # the template's text where the model wrote nothing, and the hybrid's choice


def _config(config: PipelineConfig, captioner: str, decoding: DecodingSettings) -> PipelineConfig:
    """The run's settings, for one captioner and this decoding."""
    most = config.captioner.variants if decoding.do_sample else min(config.captioner.variants, decoding.num_beams)
    base = captioner.endswith("_base")
    changed = {"mode": (captioner.removesuffix("_base"),), "decoding": decoding, "variants": most, "show_base": base}
    return config.model_copy(update={"captioner": config.captioner.model_copy(update=changed)})


def _decoding(draft: Draft, tone: str) -> DecodingSettings:
    own = draft.basis.result.config.captioner.decoding.model_dump()
    try:
        return DecodingSettings.model_validate(own | dict(TONES[tone]))
    except ValidationError as error:
        raise ConfigError(
            f"the tone {tone!r} does not go with captioner.decoding: {error.errors()[0]['msg']}"
        ) from None


def _check(draft: Draft, captioner: str, tone: str) -> None:
    if tone not in TONES:
        raise InputError(f"there is no tone {tone!r}; {nearest(tone, list(TONES))}")
    based = {name for post in draft.state.posts for name in post.captions if name.endswith("_base")}
    known = ["template", *draft.basis.result.captioners.models, *sorted(based)]
    if captioner in ("hybrid", EDITOR):
        raise InputError(
            f"{captioner} writes nothing itself; ask {' or '.join(known)} again"
            + (", and the hybrid chooses anew" if captioner == "hybrid" else "")
        )
    if captioner not in known:
        raise InputError(
            f"the event was made without {captioner!r}, so it cannot be asked again; this event has {', '.join(known)}"
        )


def _next_seed(post: DraftPost, captioner: str) -> int:
    before = post.rewritten.get(captioner)
    return 1 if before is None else before.seed + 1


def _with_template(post: DraftPost) -> DraftPost:
    return replace(post, captions={**post.captions, "template": Caption(text="")})
