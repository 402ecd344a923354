"""Edits of photos and posts: labels, hashtags, alt texts and scores follow; what was written by hand stays."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.drafts.edits import edit_alt_text, edit_caption, edit_hashtags
from core.drafts.exported import REMOVED, edited_result
from core.drafts.follow import outdated, shown_alt_texts
from core.drafts.moves import (
    delete_post,
    merge_posts,
    move_photo,
    new_post,
    order_posts,
    remove_photo,
    reorder_photos,
    restore_photo,
)
from core.drafts.state import EDITOR, Draft, DraftPost
from core.errors import InputError
from core.store import Store
from tests.draft_helpers import duplicate, make_draft, of_colour


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    folder = tmp_path_factory.mktemp("draft")
    return make_draft(
        folder, Store(folder / "store"), "captioner.label_hashtags={red: ['#Red'], blue: ['#Blue'], green: ['#Green']}"
    )


def alts(draft: Draft, post: DraftPost) -> tuple[str, ...]:
    return shown_alt_texts(draft.state, post, draft.basis)


def test_another_order_leads_with_another_photo_and_its_model_caption_is_outdated(draft: Draft) -> None:
    post = draft.state.posts[0]
    turned = reorder_photos(draft, post.key, post.photos[::-1])
    after = turned.state.post(post.key)
    assert after.photos == post.photos[::-1]
    assert alts(turned, after)[0].startswith("Photo 1 of 3")
    assert outdated(after, turned.state.event, turned.basis) == ("blip2",)
    back = reorder_photos(turned, post.key, post.photos)
    assert outdated(back.state.post(post.key), back.state.event, back.basis) == ()
    with pytest.raises(InputError, match="in another order"):
        reorder_photos(draft, post.key, post.photos[:2])


def test_what_follows_from_the_photos_follows_a_photo_that_moves(draft: Draft) -> None:
    red, blue = of_colour(draft, "red"), of_colour(draft, "blue")
    moved = draft
    for photo in blue.photos[:2]:
        moved = move_photo(moved, photo, red.key, position=0)
    after = moved.state.post(red.key)
    assert after.photos == (blue.photos[1], blue.photos[0], *red.photos)
    assert after.labels == ("red",)  # topk 1: three red ones against two blue ones
    one_more = move_photo(remove_photo(moved, red.photos[0]), blue.photos[2], red.key).state
    assert len(one_more.posts) == 2
    assert one_more.post(red.key).labels == ("blue",)
    template = one_more.post(red.key).captions["template"]
    assert template.text.endswith("— blue.")
    assert template.hashtags[-1] == "#Blue"
    assert (template.clip_cosine or 0) != draft.state.post(red.key).captions["template"].clip_cosine
    shrunk = moved.state.post(blue.key)
    assert shrunk.photos == blue.photos[2:]
    assert alts(moved, shrunk)[0].startswith("Photo from Holi")


def test_what_was_written_by_hand_stays_and_moves_with_its_photo(draft: Draft) -> None:
    red, blue = of_colour(draft, "red"), of_colour(draft, "blue")
    photo = red.photos[0]
    edited = edit_alt_text(draft, photo, "By hand")
    edited = edit_hashtags(edit_caption(edited, blue.key, "Blue by hand"), blue.key, "#mine")
    moved = move_photo(edited, photo, blue.key)
    after = moved.state.post(blue.key)
    assert after.caption is not None
    assert (after.caption.text, after.caption.hashtags) == ("Blue by hand", ("#mine",))
    assert alts(moved, after)[-1] == "By hand"
    before = edited.state.post(blue.key).captions[EDITOR].clip_cosine
    assert after.captions[EDITOR].clip_cosine != before, "its score is of the photos that are there now"


def test_the_swipe_hint_comes_and_goes_with_the_number_of_photos(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("swipe")
    draft = make_draft(folder, Store(folder / "store"), "captioner.include_swipe_hint=true")
    post = draft.state.posts[0]
    texts = {name: caption.text for name, caption in post.captions.items()}
    assert all(text.endswith("Swipe →") for text in texts.values())
    one = remove_photo(remove_photo(draft, post.photos[1]), post.photos[2])
    assert not any("Swipe" in caption.text for caption in one.state.post(post.key).captions.values())
    back = restore_photo(restore_photo(one, post.photos[1], post.key), post.photos[2], post.key)
    assert {name: caption.text for name, caption in back.state.post(post.key).captions.items()} == texts


def test_a_duplicate_is_restored_and_a_removed_photo_says_so(draft: Draft) -> None:
    copy, red = duplicate(draft), of_colour(draft, "red")
    restored = restore_photo(draft, copy, red.key, position=1)
    assert restored.state.post(red.key).photos[1] == copy
    assert restored.undoes == f"photo restored to post {draft.state.number(red.key)}"
    selection = edited_result(restored).selection
    assert selection.reasons[copy] is None
    assert copy in selection.selected
    with pytest.raises(InputError, match=r"is in post \d already; move it instead"):
        restore_photo(restored, copy, red.key)
    assert edited_result(remove_photo(restored, copy)).selection.reasons[copy] == "duplicate"
    assert edited_result(remove_photo(draft, red.photos[0])).selection.reasons[red.photos[0]] == REMOVED


def test_a_post_goes_with_its_last_photo_and_undo_brings_it_back(draft: Draft) -> None:
    red = of_colour(draft, "red")
    emptied = draft
    for photo in red.photos:
        emptied = remove_photo(emptied, photo)
    assert red.key not in [post.key for post in emptied.state.posts]
    assert red.key in [post.key for post in emptied.undo().state.posts]
    with pytest.raises(InputError, match="is in no post, so it cannot be removed"):
        remove_photo(emptied, red.photos[0])


def test_a_new_post_is_captioned_by_the_template(draft: Draft) -> None:
    red, blue = of_colour(draft, "red"), of_colour(draft, "blue")
    made = new_post(draft, [blue.photos[0], red.photos[0], duplicate(draft)], position=0)
    post = made.state.posts[0]
    assert (post.key, post.published, post.labels) == ("4", "template", ("red",))
    assert post.caption is not None
    assert "Holi (Lawn, 4 March 2026) — red." in post.caption.text
    assert post.caption.clip_cosine is not None
    assert len(made.state.post(red.key).photos) == len(made.state.post(blue.key).photos) == 2
    assert new_post(made, [red.photos[1]]).state.posts[-1].key == "5"
    for wrong in ([], [red.photos[0], red.photos[0]]):
        with pytest.raises(InputError, match="at least one photo, and each once"):
            new_post(draft, wrong)


def test_merging_keeps_what_was_written_by_hand(draft: Draft) -> None:
    red, blue = of_colour(draft, "red"), of_colour(draft, "blue")
    merged = merge_posts(edit_caption(draft, blue.key, "By hand"), red.key, blue.key)
    post = merged.state.post(red.key)
    assert post.photos == (*red.photos, *blue.photos)
    assert post.caption is not None
    assert post.caption.text == "By hand"
    assert len(merged.state.posts) == 2
    with pytest.raises(InputError, match="expected two posts"):
        merge_posts(draft, red.key, red.key)


def test_deleting_and_reordering_posts(draft: Draft) -> None:
    one, two, three = draft.state.posts
    ordered = order_posts(draft, [three.key, one.key, two.key])
    assert ordered.state.posts == (three, one, two)
    assert ordered.state.number(three.key) == 1
    assert order_posts(draft, [one.key, two.key, three.key]) is draft
    with pytest.raises(InputError, match="expected the posts 1, 2, 3 in another order, got 1"):
        order_posts(draft, [one.key])
    deleted = delete_post(draft, two.key)
    assert deleted.state.posts == (one, three)
    assert {edited_result(deleted).selection.reasons[i] for i in two.photos} == {REMOVED}
    restored = restore_photo(deleted, two.photos[0], one.key)
    assert two.photos[0] in restored.state.post(one.key).photos


def test_a_photo_that_is_not_there_is_an_error(draft: Draft) -> None:
    with pytest.raises(InputError, match="expected a photo's number from 0 to 9, got 10"):
        move_photo(draft, 10, "1")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_edit_loses_or_doubles_a_photo(draft: Draft, data: st.DataObject) -> None:
    photos = range(len(draft.basis.result.photos))
    for _ in range(4):
        keys = [post.key for post in draft.state.posts]
        photo, key = data.draw(st.sampled_from(photos)), data.draw(st.sampled_from(keys))
        moves = [
            lambda d, p=photo, k=key: move_photo(d, p, k, position=0),
            lambda d, p=photo: remove_photo(d, p) if d.state.post_of(p) else d,
            lambda d, p=photo: new_post(d, [p]),
            lambda d, k=key, ks=keys: merge_posts(d, k, ks[0]) if k != ks[0] else d,
        ]
        draft = data.draw(st.sampled_from(moves))(draft)
        if not draft.state.posts:
            break
        placed = [i for post in draft.state.posts for i in post.photos]
        assert len(placed) == len(set(placed))
        assert all(post.photos for post in draft.state.posts)
        assert all(len(alts(draft, post)) == len(post.photos) for post in draft.state.posts)
        reasons = edited_result(draft).selection.reasons
        assert all((reasons[i] is None) == (i in placed) for i in photos)
