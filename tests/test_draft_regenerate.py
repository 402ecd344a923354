"""Asking one captioner again: other words for one post, from stored features, polished and scored."""

from pathlib import Path

import pytest

from core.drafts.edits import edit_caption
from core.drafts.follow import outdated
from core.drafts.moves import new_post, reorder_photos
from core.drafts.regenerate import TONES, regenerate
from core.drafts.state import EDITOR, Draft
from core.errors import InputError
from core.settings import DecodingSettings
from core.store import Store
from tests.draft_helpers import make_draft, of_colour
from tests.fakes import ColourWriter


class Chooser(ColourWriter):
    """Says how it was asked."""

    def generate(self, features, prompts, decoding, *, variants, seeds):  # type: ignore[no-untyped-def]
        self.decodings = [*getattr(self, "decodings", []), decoding]
        how = f"seed {decoding.seed}" if decoding.do_sample else f"{decoding.num_beams} beams"
        self.says = (f"a {{colour}} photo with {how} by @someone",)
        return super().generate(features, prompts, decoding, variants=variants, seeds=seeds)


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    folder = tmp_path_factory.mktemp("draft")
    overrides = ["captioner.mode=hybrid", "captioner.hybrid.clip_cosine=-1", "captioner.hybrid.silhouette=null"]
    return make_draft(folder, Store(folder / "store"), *overrides, writer=Chooser())


def writer(draft: Draft) -> Chooser:
    return draft.basis.result.captioners.models["blip2"]  # type: ignore[return-value]


def text(draft: Draft, key: str, captioner: str = "blip2") -> str:
    return draft.state.post(key).captions[captioner].text


def test_every_press_gives_other_words_without_a_look_at_the_photo(draft: Draft) -> None:
    shown, key = writer(draft).shown, of_colour(draft, "red").key
    one = regenerate(draft, key, "blip2")
    two = regenerate(one, key, "blip2")
    assert text(draft, key) == "A red photo with 3 beams."
    assert (text(one, key), text(two, key)) == ("A red photo with seed 1.", "A red photo with seed 2.")
    assert writer(draft).shown == shown
    assert two.undo().state.post(key) == one.state.post(key)
    assert two.undoes == f"new caption of blip2 for post {draft.state.number(key)}"
    assert [post for post in two.state.posts if post.key != key] == [p for p in draft.state.posts if p.key != key]


def test_the_hybrid_chooses_among_what_is_there_now(draft: Draft) -> None:
    key = of_colour(draft, "green").key
    again = regenerate(draft, key, "blip2").state.post(key)
    assert again.published == "hybrid"
    assert again.captions["hybrid"].text == again.captions["blip2"].text == "A green photo with seed 1."
    assert again.captions["hybrid"].clip_cosine == again.captions["blip2"].clip_cosine is not None


@pytest.mark.parametrize("tone", list(TONES))
def test_every_tone_is_a_decoding(draft: Draft, tone: str) -> None:
    key = of_colour(draft, "blue").key
    how = regenerate(draft, key, "blip2", tone=tone, seed=7).state.post(key).rewritten["blip2"]
    assert (how.tone, how.seed) == (tone, 7)
    assert how.decoding is not None
    assert how.decoding.do_sample == (tone in ("lively", "bold"))
    assert how.decoding.seed == (7 if how.decoding.do_sample else None)
    for name, value in TONES[tone].items():
        assert getattr(how.decoding, name) == value


def test_a_decoding_of_ones_own(draft: Draft) -> None:
    key = of_colour(draft, "blue").key
    own = draft.basis.result.config.captioner.decoding.model_copy(update={"num_beams": 9})
    assert isinstance(own, DecodingSettings)
    assert text(regenerate(draft, key, "blip2", decoding=own), key) == "A blue photo with 9 beams."


def test_what_was_written_by_hand_stays_published(draft: Draft) -> None:
    key = of_colour(draft, "red").key
    post = regenerate(edit_caption(draft, key, "By hand"), key, "blip2").state.post(key)
    assert post.published == EDITOR
    assert post.captions[EDITOR].text == "By hand"
    assert "seed 1" in post.captions["blip2"].text


def test_the_template_takes_its_next_opener_and_keeps_it(draft: Draft) -> None:
    key = of_colour(draft, "red").key
    one = regenerate(draft, key, "template")
    two = regenerate(one, key, "template")
    openers = {" ".join(text(d, key, "template").split()[:2]) for d in (draft, one, two)}
    assert len(openers) == 3
    moved = reorder_photos(two, key, two.state.post(key).photos[::-1])
    assert text(moved, key, "template") == text(two, key, "template")


def test_a_caption_for_other_photos_is_told_until_it_is_written_again(draft: Draft) -> None:
    red, blue = of_colour(draft, "red"), of_colour(draft, "blue")
    turned = reorder_photos(draft, red.key, red.photos[::-1])
    assert outdated(turned.state.post(red.key), turned.state.event, turned.basis) == ("blip2",)
    again = regenerate(turned, red.key, "blip2")
    assert outdated(again.state.post(red.key), again.state.event, again.basis) == ()
    made = new_post(draft, blue.photos[:2])
    captioned = regenerate(made, "4", "blip2", tone="as set").state.post("4")
    assert captioned.captions["blip2"].text == "A blue photo with 3 beams."
    assert captioned.published == "template"


def test_a_model_that_says_nothing_leaves_the_template(tmp_path: Path, store: Store) -> None:
    draft = make_draft(tmp_path, store, writer=ColourWriter("@nobody"))
    caption = regenerate(draft, "1", "blip2").state.post("1").captions["blip2"]
    assert caption.source == "template"
    assert "Holi" in caption.text


@pytest.mark.parametrize(
    ("captioner", "tone", "message"),
    [
        ("hybrid", "lively", "hybrid writes nothing itself; ask template or blip2 again, and the hybrid chooses anew"),
        (EDITOR, "lively", "editor writes nothing itself"),
        ("git", "lively", "the event was made without 'git', .* this event has template, blip2"),
        ("blip2_base", "lively", "the event was made without 'blip2_base'"),
        ("blip2", "livly", "there is no tone 'livly'; did you mean 'lively'"),
    ],
)
def test_what_cannot_be_asked_is_refused(draft: Draft, captioner: str, tone: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        regenerate(draft, "1", captioner, tone=tone)
