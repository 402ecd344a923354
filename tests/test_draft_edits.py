"""Edits of words: what is written by hand stays, what follows from it follows, and all of it can be undone."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.config import load_config
from core.drafts.edits import (
    add_hashtag,
    edit_alt_text,
    edit_caption,
    edit_event,
    edit_hashtags,
    hashtags_in,
    pick_caption,
    remove_hashtag,
)
from core.drafts.follow import follow, shown_alt_texts
from core.drafts.limits import alt_text_count, caption_count, hashtag_count, limit_problems
from core.drafts.state import EDITOR, Draft
from core.errors import InputError
from core.store import Store
from tests.draft_helpers import duplicate, make_draft, of_colour


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    folder = tmp_path_factory.mktemp("draft")
    return make_draft(folder, Store(folder / "store"))


@pytest.mark.parametrize("mode", ["template", "blip2,template", "hybrid", "git,hybrid"])
def test_what_follows_from_untouched_posts_is_what_the_pipeline_gave(tmp_path: Path, store: Store, mode: str) -> None:
    draft = make_draft(tmp_path, store, f"captioner.mode=[{mode}]", "captioner.include_swipe_hint=true")
    for post in draft.state.posts:
        assert follow(post, draft.state.event, draft.basis) == post


def test_a_caption_written_by_hand_is_published_and_scored_and_the_others_stay(draft: Draft) -> None:
    key = of_colour(draft, "red").key
    edited = edit_caption(draft, key, "  So much red!\r\nThanks @all, see example.org \x00")
    post = edited.state.post(key)
    assert post.published == EDITOR
    assert post.caption is not None
    assert post.caption.text == "So much red!\nThanks @all, see example.org"
    assert post.caption.hashtags == draft.state.post(key).captions["blip2"].hashtags
    assert post.caption.reason == "edited by hand, from the caption of blip2"
    worse = edit_caption(draft, key, "So much blue").state.post(key).caption
    assert (post.caption.clip_cosine or 0) > (worse.clip_cosine if worse and worse.clip_cosine is not None else 1)
    assert {n: c for n, c in post.captions.items() if n != EDITOR} == dict(draft.state.post(key).captions)
    assert edited.undo().state == draft.state
    assert edited.undo().redo().state == edited.state


def test_undo_and_redo_name_their_edits_and_a_new_edit_ends_redo(draft: Draft) -> None:
    key = draft.state.posts[1].key
    two = edit_caption(edit_hashtags(draft, key, "#one"), key, "two")
    assert (two.undoes, two.redoes) == ("caption of post 2", None)
    one = two.undo()
    assert (one.undoes, one.redoes) == ("hashtags of post 2", "caption of post 2")
    assert (one.undo().undoes, one.undo().undo()) == (None, one.undo())
    other = edit_caption(one, key, "three")
    assert other.redoes is None
    assert other.redo() == other


def test_an_edit_that_changes_nothing_is_none(draft: Draft) -> None:
    post = draft.state.posts[0]
    assert post.caption is not None
    alt = shown_alt_texts(draft.state, post, draft.basis)[0]
    assert edit_caption(draft, post.key, post.caption.text) is draft
    assert edit_hashtags(draft, post.key, post.caption.hashtags) is draft
    assert edit_alt_text(draft, post.photos[0], alt) is draft
    assert edit_event(draft, draft.state.event) is draft
    assert pick_caption(draft, post.key, "blip2") is draft


def test_the_oldest_states_go_where_there_are_very_many(draft: Draft) -> None:
    for number in range(250):
        draft = draft.then(f"edit {number}")
    assert len(draft.states) == 200
    assert draft.undoes == "edit 249"


def test_picking_another_captioner_or_variant(tmp_path: Path, store: Store) -> None:
    from tests.fakes import ColourWriter

    writer = ColourWriter("a {colour} photo", "something else")
    sampled = ["captioner.variants=2", "captioner.decoding.num_beams=2"]
    draft = make_draft(tmp_path, store, *sampled, writer=writer)
    key = of_colour(draft, "green").key
    picked = pick_caption(draft, key, "template").state.post(key)
    assert picked.caption == draft.state.post(key).captions["template"]
    second = pick_caption(draft, key, "blip2", variant=1).state.post(key)
    assert second.caption is not None
    assert second.caption.text == "Something else."
    assert second.caption.clip_cosine == draft.state.post(key).captions["blip2"].variants[1].clip_cosine
    with pytest.raises(InputError, match=r"no caption of 'git'; it has blip2, template"):
        pick_caption(draft, key, "git")
    with pytest.raises(InputError, match="wrote 2 variants of this caption, got number 2"):
        pick_caption(draft, key, "blip2", variant=2)


def test_hashtags_are_added_removed_and_given_back_to_the_photos(draft: Draft) -> None:
    key = draft.state.posts[0].key
    own = draft.state.posts[0].caption
    assert own is not None
    more = add_hashtag(draft, key, "Holi2026, #MONTAGE रंग")
    assert more.state.post(key).hashtags == (*own.hashtags, "#Holi2026", "#रंग")
    less = remove_hashtag(more, key, "#holi2026")
    assert less.state.post(key).hashtags == (*own.hashtags, "#रंग")
    assert edit_hashtags(less, key, None).state.post(key).caption == own
    none = edit_hashtags(draft, key, "").state.post(key)
    assert none.caption is not None
    assert none.caption.hashtags == ()


@pytest.mark.parametrize(
    ("typed", "tags"),
    [
        ("", ()),
        ("#one#two", ("#one", "#two")),
        ("one, two  #Three", ("#one", "#two", "#Three")),
        ("#a #A ##a", ("#a",)),
        (["plain", "#hash", " "], ("#plain", "#hash")),
    ],
)
def test_hashtags_in_what_was_typed(typed: str | list[str], tags: tuple[str, ...]) -> None:
    assert hashtags_in(typed) == tags


@pytest.mark.parametrize("typed", ["#2026", "co-op", ["two words"], "a@b"])
def test_what_cannot_be_a_hashtag_is_refused(typed: str | list[str]) -> None:
    with pytest.raises(InputError, match="a hashtag is '#' and then letters"):
        hashtags_in(typed)


def test_alt_texts_by_hand_and_back(draft: Draft) -> None:
    post = draft.state.posts[0]
    photo = post.photos[1]
    edited = edit_alt_text(draft, photo, " Powder\nin the air ")
    assert shown_alt_texts(edited.state, post, draft.basis)[1] == "Powder in the air"
    assert edit_alt_text(edited, photo, None).state.alt_texts == {}
    with pytest.raises(InputError, match="is in no post, so it has no alt text"):
        edit_alt_text(draft, duplicate(draft), "x")


def test_another_event_name_reaches_templates_and_alt_texts_but_nothing_written_by_hand(draft: Draft) -> None:
    one, two = draft.state.posts[:2]
    edited = edit_alt_text(edit_caption(draft, one.key, "Holi by hand"), one.photos[0], "Holi alt")
    renamed = edit_event(edited, replace(draft.state.event, name="Diwali", place="Hall"))
    assert "Diwali (Hall, 4 March 2026)" in renamed.state.post(two.key).captions["template"].text
    assert renamed.state.post(one.key).captions[EDITOR].text == "Holi by hand"
    alts = shown_alt_texts(renamed.state, renamed.state.post(one.key), draft.basis)
    assert alts[0] == "Holi alt"
    assert alts[1].startswith("Photo 2 of 3 from Diwali")
    with pytest.raises(InputError, match="the event needs a name"):
        edit_event(draft, replace(draft.state.event, name=""))


def test_a_campaign_makes_the_hybrid_take_the_template(tmp_path: Path, store: Store) -> None:
    overrides = ["captioner.mode=hybrid", "captioner.hybrid.clip_cosine=-1", "captioner.hybrid.silhouette=null"]
    draft = make_draft(tmp_path, store, *overrides)
    assert {post.captions["hybrid"].source for post in draft.state.posts} == {"blip2"}
    campaign = edit_event(draft, replace(draft.state.event, campaign=True))
    assert {post.captions["hybrid"].source for post in campaign.state.posts} == {"template"}


def test_an_unknown_post_is_an_error_that_names_the_posts(draft: Draft) -> None:
    with pytest.raises(InputError, match=r"no post '9' in the draft \(posts: 1, 2, 3\)"):
        edit_caption(draft, "9", "x")


def test_counters_count_as_the_platform_does() -> None:
    settings = load_config(
        overrides=["publisher.max_caption_chars=12", "publisher.max_hashtags=2", "publisher.max_alt_chars=3"]
    ).settings.publisher
    assert caption_count("Hi 🎉", ("#ab",), settings).used == 5 + 2 + 3  # 🎉 is two UTF-16 units
    tags = hashtag_count("with #one", ("#two", "#three"), settings)
    assert (tags.used, tags.most, tags.over) == (3, 2, 1)
    assert alt_text_count("four", settings).over == 1
    problems = limit_problems("much too long #x", ("#a", "#b"), ("four", "ok"), 11, settings)
    assert [problem.split(",")[0] for problem in problems] == [
        "the caption with its hashtags has 23 characters",
        "the post has 3 hashtags",
        "the post has 11 photos",
        "the alt text of photo 1 has 4 characters",
    ]
    assert limit_problems("Hi", ("#a",), ("ok",), 10, settings) == []
