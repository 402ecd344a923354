"""What is exported is exactly what the draft shows, and the record says what was edited."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from core.drafts.edits import edit_alt_text, edit_caption, edit_event, edit_hashtags
from core.drafts.follow import shown_alt_texts
from core.drafts.moves import delete_post, move_photo, new_post, order_posts, remove_photo, restore_photo
from core.drafts.regenerate import regenerate
from core.drafts.saved import DRAFT_FILE, save_draft
from core.drafts.state import EDITOR, Draft
from core.errors import OutputError
from core.judgements import read_records
from core.posts import publishable_text
from core.publish.folder import write_draft, write_result
from core.publish.images import post_pictures
from core.record import EventRecord, record_schema
from core.store import Store
from tests.draft_helpers import duplicate, make_draft, named, of_colour


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    folder = tmp_path_factory.mktemp("draft")
    return make_draft(folder, Store(folder / "store"))


def edited(draft: Draft) -> Draft:
    """Edits of every kind."""
    red, green, blue = (of_colour(draft, colour).key for colour in ("red", "green", "blue"))
    draft = edit_event(draft, replace(draft.state.event, place="Old Lawn"))
    draft = edit_hashtags(edit_caption(draft, red, "By hand ✨\nsecond line"), red, "#mine #রং")
    draft = restore_photo(draft, duplicate(draft), red, position=0)
    draft = remove_photo(draft, draft.state.post(green).photos[-1])
    draft = edit_alt_text(draft, draft.state.post(green).photos[0], "Alt: by hand")
    draft = new_post(draft, draft.state.post(blue).photos[:1])
    draft = regenerate(move_photo(draft, draft.state.post(green).photos[1], "4"), "4", "blip2")
    return order_posts(draft, ["4", blue, green, red])


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but those that hold seconds."""
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {name: data for name, data in files.items() if name not in ("posts.json", DRAFT_FILE, ".posts.lock")}


def test_a_draft_that_nobody_edited_is_written_as_the_result_is(draft: Draft, tmp_path: Path) -> None:
    plain = write_result(draft.basis.result, tmp_path / "plain", draft.basis.store).record
    shown = write_draft(draft, tmp_path / "draft", draft.basis.store).record
    assert contents(tmp_path / "draft") == contents(tmp_path / "plain")
    assert shown.model_dump(exclude={"stages"}) == plain.model_dump(exclude={"stages"})
    assert [stage.stage for stage in shown.stages] == [stage.stage for stage in plain.stages]


def test_folders_zip_table_and_record_are_what_the_draft_shows(draft: Draft, tmp_path: Path) -> None:
    after = edited(draft)
    out, basis = tmp_path / "out", draft.basis
    record = write_draft(after, out, basis.store).record
    config = basis.result.config
    assert [p.name for p in sorted(out.glob("post-*"))] == ["post-01", "post-02", "post-03", "post-04"]
    with zipfile.ZipFile(out / "posts.zip") as archive:
        zipped = {name: archive.read(name) for name in archive.namelist()}
    for number, post in enumerate(after.state.posts, start=1):
        folder = out / f"post-{number:02d}"
        images = [path.read_bytes() for path in sorted(folder.glob("[0-9]*.jpg"))]
        wanted = [basis.result.photos[i] for i in post.photos]
        assert (images, (folder / "montage.jpg").read_bytes()) == post_pictures(wanted, config, basis.store)
        assert post.caption is not None
        published = publishable_text(post.caption.text, post.caption.hashtags)
        assert (folder / "caption.txt").read_text() == published + "\n"
        alts = [line.partition(": ")[2] for line in (folder / "alt.txt").read_text().splitlines()]
        assert tuple(alts) == shown_alt_texts(after.state, post, basis)
        entry = record.posts[number - 1]
        assert entry.published == post.published
        assert next(iter(entry.captions)) == post.published
        assert entry.captions[entry.published or ""].text == post.caption.text
        assert (entry.hashtags, entry.labels) == (post.caption.hashtags, post.labels)
        assert entry.photos == tuple(photo.name for photo in wanted)
        for path in folder.iterdir():
            assert zipped[f"{folder.name}/{path.name}"] == path.read_bytes()
    rows = list(csv.DictReader(io.StringIO((out / "posts.csv").read_text("utf-8-sig"))))
    shown = [row["caption"] for row in rows if row["published"] == "yes"]
    assert shown == [post.caption.text for post in after.state.posts if post.caption]
    assert record.event.place == "Old Lawn"


def test_the_record_says_what_was_edited_and_keeps_its_schema(draft: Draft, tmp_path: Path) -> None:
    after = edited(draft)
    record = write_draft(after, tmp_path / "out", draft.basis.store).record
    content = json.loads((tmp_path / "out" / "posts.json").read_text())
    jsonschema.validate(content, record_schema())
    assert EventRecord.model_validate(content) == record
    assert read_records([tmp_path / "out"], "blip2"), "what was edited by hand can be calibrated with, too"
    [editor] = [stage for stage in record.stages if stage.stage == "editor"]
    told = {entry["post"]: entry for entry in editor.measures["posts"]}
    assert told[1]["edited"] == ["new"]
    assert told[1]["written_again"]["blip2"]["seed"] == 1
    assert told[2]["edited"] == ["photos"]
    assert (told[3]["edited"], len(told[3]["alt_texts"])) == (["photos", "alt_texts"], 1)
    assert told[4]["edited"] == ["photos", "caption", "hashtags"]
    assert editor.measures["event"] == ["place"]
    assert editor.measures["posts_reordered"] is True
    assert record.posts[3].published == EDITOR
    assert record.posts[3].captions[EDITOR].reason == "edited by hand, from the caption of blip2"
    files = {file.file: file for file in record.files}
    assert files[draft.basis.result.photos[duplicate(draft)].name].kept
    [removed] = [file for file in record.files if file.reason == "removed_by_hand"]
    assert (removed.kept, removed.post) == (False, None)


def test_an_undone_edit_is_not_exported(draft: Draft, tmp_path: Path) -> None:
    undone = edit_caption(draft, "1", "gone").undo()
    record = write_draft(undone, tmp_path / "out", draft.basis.store).record
    assert "gone" not in (tmp_path / "out" / "posts.json").read_text()
    assert "editor" not in [stage.stage for stage in record.stages]


def test_exporting_again_replaces_the_earlier_export_and_keeps_the_draft(draft: Draft, tmp_path: Path) -> None:
    store = draft.basis.store
    write_result(draft.basis.result, tmp_path, store)
    saved = save_draft(delete_post(edit_caption(draft, "1", "first"), "3"), tmp_path)
    write_draft(saved, tmp_path, store)
    assert not (tmp_path / "post-03").exists()
    draft_file = (tmp_path / DRAFT_FILE).read_bytes()
    write_draft(edit_caption(saved, "1", "second"), tmp_path, store)
    assert (tmp_path / "post-01" / "caption.txt").read_text().startswith("second")
    assert (tmp_path / DRAFT_FILE).read_bytes() == draft_file
    (tmp_path / "post-01" / "caption.txt").write_text("mine")
    with pytest.raises(OutputError, match="files that were changed or added"):
        write_draft(saved, tmp_path, store)
    write_draft(saved, tmp_path, store, overwrite=True)
    assert (tmp_path / "post-01" / "caption.txt").read_text().startswith("first")


def test_a_new_run_does_not_bury_edits_unasked(draft: Draft, tmp_path: Path) -> None:
    store = draft.basis.store
    write_draft(save_draft(edit_caption(draft, "1", "mine"), tmp_path), tmp_path, store)
    with pytest.raises(OutputError, match=r"holds an event that is being edited \(posts\.draft\.json\)"):
        write_result(draft.basis.result, tmp_path, store)
    write_result(draft.basis.result, tmp_path, store, overwrite=True)
    assert not (tmp_path / DRAFT_FILE).exists()
    write_result(draft.basis.result, tmp_path, store)


def test_a_draft_without_posts_is_not_exported(draft: Draft, tmp_path: Path) -> None:
    for key in ("1", "2", "3"):
        draft = delete_post(draft, key)
    with pytest.raises(OutputError, match="no post left, so there is nothing to export"):
        write_draft(draft, tmp_path, draft.basis.store)


def test_a_photo_lost_since_takes_no_alt_text_written_by_hand_with_it(tmp_path: Path) -> None:
    draft = make_draft(tmp_path, Store(None))
    red = of_colour(draft, "red")
    lost, kept = red.photos[0], red.photos[2]
    draft = edit_alt_text(draft, kept, "Stays as it is")
    name = draft.basis.result.photos[lost].name
    for file in (name, "copy.jpg") if name == "IMG_000.jpg" else (name,):
        (tmp_path / "photos" / file).unlink()
    record = write_draft(draft, tmp_path / "out", draft.basis.store).record
    post = next(post for post in record.posts if post.labels == ("red",))
    assert post.alt_texts == ("Photo 1 of 2 from Holi: red.", "Stays as it is")
    assert named(draft, name) == lost
    assert next(file for file in record.files if file.file == name).reason == "unreadable"


def test_captions_for_an_event_without_any(tmp_path: Path, store: Store) -> None:
    stages = "pipeline=[ingest, dedupe_quality, categorize, cluster]"
    draft = make_draft(tmp_path, store, stages)
    assert draft.state.posts[0].caption is None
    with_tags = edit_hashtags(draft, "1", "#only")
    record = write_draft(edit_caption(with_tags, "2", "By hand"), tmp_path / "out", store).record
    assert (tmp_path / "out" / "post-01" / "caption.txt").read_text() == "#only\n"
    assert record.posts[1].captions[EDITOR].text == "By hand"
    assert record.posts[2].published is None
    assert not (tmp_path / "out" / "post-03" / "caption.txt").exists()
