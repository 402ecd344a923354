"""A draft and the result it edits on disk: found again whole, refused when stale, damaged or of another result."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core.captioners.models import Captioners
from core.drafts.edits import edit_alt_text, edit_caption, edit_hashtags
from core.drafts.exported import edited_result
from core.drafts.moves import new_post, remove_photo
from core.drafts.regenerate import regenerate
from core.drafts.saved import DRAFT_FILE, discard_draft, open_draft, save_draft, saved_edits, state_digest
from core.drafts.state import Draft
from core.drafts.stored import RESULT_FILE, load_result, store_result, stored_config
from core.errors import InputError, MontageError, OutputError, PhotoError
from core.record import make_record
from core.store import Store
from tests.draft_helpers import make_draft, make_photos, make_result
from tests.fakes import ColourEmbedder, ColourWriter


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    folder = tmp_path_factory.mktemp("draft")
    return make_draft(folder, Store(folder / "store"))


def reopened(draft: Draft, folder: Path) -> Draft:
    return open_draft(folder, draft.basis.result, draft.basis.store)


def busy(draft: Draft) -> Draft:
    """Some edits of every kind, one of them undone."""
    one, two = draft.state.posts[:2]
    draft = edit_hashtags(edit_caption(draft, one.key, "By hand ✨"), one.key, "#mine")
    draft = edit_alt_text(new_post(draft, two.photos[:1]), one.photos[0], "Alt by hand")
    return remove_photo(regenerate(draft, two.key, "blip2", tone="bold"), two.photos[1]).undo()


def test_a_draft_is_found_again_whole(draft: Draft, tmp_path: Path) -> None:
    saved = save_draft(busy(draft), tmp_path)
    again = reopened(draft, tmp_path)
    assert again == saved
    assert again.states == busy(draft).states
    assert again.redo().redo() == saved.redo()
    assert (again.undoes, again.redoes) == (saved.undoes, saved.redoes)
    assert again.undo().undo().undo().undo().undo().state == draft.state


def test_many_states_share_their_posts_on_disk(draft: Draft, tmp_path: Path) -> None:
    once = save_draft(draft, tmp_path)
    small = (tmp_path / DRAFT_FILE).stat().st_size
    for number in range(20):
        once = edit_caption(once, "1", f"caption {number}")
    save_draft(once, tmp_path)
    content = json.loads((tmp_path / DRAFT_FILE).read_text())
    assert len(content["states"]) == 21
    assert len(content["posts"]) == 3 + 20
    assert (tmp_path / DRAFT_FILE).stat().st_size < 20 * small


def test_of_two_tabs_the_later_save_is_refused_and_nothing_is_lost(draft: Draft, tmp_path: Path) -> None:
    one, two = reopened(draft, tmp_path), reopened(draft, tmp_path)
    one = save_draft(edit_caption(one, "1", "first tab"), tmp_path)
    with pytest.raises(OutputError, match="was changed in another tab or window since this one was loaded"):
        save_draft(edit_caption(two, "1", "second tab"), tmp_path)
    assert reopened(draft, tmp_path) == one
    fresh = save_draft(edit_caption(reopened(draft, tmp_path), "2", "second tab again"), tmp_path)
    with pytest.raises(OutputError, match="another tab"):
        save_draft(one.undo(), tmp_path)
    discard_draft(tmp_path)
    with pytest.raises(OutputError, match="another tab"):
        save_draft(fresh, tmp_path)
    assert reopened(draft, tmp_path).state == draft.state


def test_of_many_saves_at_once_one_wins(draft: Draft, tmp_path: Path) -> None:
    refused: list[Exception] = []
    start = threading.Barrier(8)

    def save(number: int) -> None:
        edited = edit_caption(draft, "1", f"tab {number}")
        start.wait()
        try:
            save_draft(edited, tmp_path)
        except MontageError as error:
            refused.append(error)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    caption = reopened(draft, tmp_path).state.post("1").caption
    assert caption is not None
    assert caption.text.startswith("tab ")


@pytest.mark.parametrize(
    "damage", [lambda text: text[:100], lambda text: "{}", lambda text: text.replace('"at": 1', '"at": 9')]
)
def test_a_damaged_draft_is_an_error_that_says_what_to_do(
    draft: Draft, tmp_path: Path, damage: Callable[[str], str]
) -> None:
    save_draft(edit_caption(draft, "1", "x"), tmp_path)
    path = tmp_path / DRAFT_FILE
    path.write_text(damage(path.read_text()))
    with pytest.raises(InputError, match=r"posts\.draft\.json is not a draft .* move it away to begin anew"):
        reopened(draft, tmp_path)


def test_a_draft_of_another_result_is_refused(draft: Draft, tmp_path: Path) -> None:
    save_draft(draft, tmp_path / "event")
    with pytest.raises(InputError, match="holds edits of another result"):
        make_draft(tmp_path, Store(None), "cluster.k=2")


def test_a_folder_that_cannot_be_written_is_an_error(draft: Draft, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot save the draft"):
        save_draft(draft, tmp_path / "file")


def test_the_digest_of_what_is_saved_is_that_of_what_is_shown(draft: Draft, tmp_path: Path) -> None:
    assert saved_edits(tmp_path) is None
    saved = save_draft(busy(draft), tmp_path)
    assert saved_edits(tmp_path) == state_digest(saved.state) != state_digest(saved.undo().state)
    assert saved_edits(tmp_path) == state_digest(reopened(draft, tmp_path).state)
    other = save_draft(edit_caption(saved, "1", "other"), tmp_path)
    assert saved_edits(tmp_path) == state_digest(other.state) != state_digest(saved.state)
    for _ in range(9):
        other = other.undo()
    save_draft(other, tmp_path)
    assert saved_edits(tmp_path) is None


@pytest.fixture
def stored(tmp_path: Path, store: Store) -> tuple[Path, Draft]:
    """An event's folder with its result in it, and the draft as it was in the process that made it."""
    draft = make_draft(tmp_path, store)
    (tmp_path / "event").mkdir()
    store_result(draft.basis.result, tmp_path / "event", [tmp_path / "photos"])
    return tmp_path / "event", draft


def captioners() -> Captioners:
    writer = ColourWriter()
    return Captioners(models={"blip2": writer}, prompts={"blip2": writer.prompt})  # type: ignore[dict-item]


def test_a_stored_result_is_the_same_result(stored: tuple[Path, Draft], store: Store) -> None:
    folder, draft = stored
    result = load_result(folder, ColourEmbedder(), captioners())
    assert make_record(result) == make_record(draft.basis.result)
    assert stored_config(folder) == draft.basis.result.config
    assert [photo.file.read() for photo in result.photos] == [p.file.read() for p in draft.basis.result.photos]
    save_draft(busy(draft), folder)
    again = open_draft(folder, result, store)
    assert again.states == busy(draft).states
    assert make_record(edited_result(again)) == make_record(edited_result(busy(draft)))


def test_photos_that_changed_or_went_away_are_not_read(stored: tuple[Path, Draft]) -> None:
    folder, _ = stored
    photos = folder.parent / "photos"
    (photos / "IMG_001.jpg").write_bytes((photos / "IMG_002.jpg").read_bytes())
    (photos / "IMG_003.jpg").unlink()
    read = {photo.name: photo.file.read for photo in load_result(folder, ColourEmbedder(), captioners()).photos}
    with pytest.raises(PhotoError, match=r"IMG_001\.jpg has changed since the event was made"):
        read["IMG_001.jpg"]()
    with pytest.raises(PhotoError, match=r"IMG_003\.jpg is no longer where it was"):
        read["IMG_003.jpg"]()
    assert read["IMG_000.jpg"]()


def test_a_stored_result_needs_its_embedding_model_and_tells_of_another_captioner(stored: tuple[Path, Draft]) -> None:
    folder, _ = stored
    other = ColourEmbedder()
    other.key = "colours-2"
    with pytest.raises(InputError, match="was made with another embedding model than colours"):
        load_result(folder, other, captioners())
    writer = ColourWriter()
    writer.key = "colour-writer-2"
    changed = Captioners(models={"blip2": writer}, prompts={"blip2": writer.prompt})  # type: ignore[dict-item]
    assert (
        "captions of blip2 were written by another model"
        in load_result(folder, ColourEmbedder(), changed).captioners.notices[0]
    )


def test_a_folder_without_or_with_a_damaged_result(stored: tuple[Path, Draft], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no stored result \(posts\.result\.json\); run the event again"):
        stored_config(tmp_path)
    (stored[0] / RESULT_FILE).write_text("{")
    with pytest.raises(InputError, match="cannot be read by this version"):
        stored_config(stored[0])


def test_its_files_are_not_taken_for_photos(stored: tuple[Path, Draft], store: Store) -> None:
    from core.publish.folder import write_draft

    folder, draft = stored
    write_draft(save_draft(busy(draft), folder), folder, store)
    for photo in make_photos(folder.parent / "more").iterdir():
        photo.rename(folder / f"more-{photo.name}")
    result = make_result(folder, store)
    assert {photo.name.split("-")[0] for photo in result.photos} == {"more"}
    assert {aside.reason for aside in result.set_aside} <= {"system_file"}
