"""The captioners of the pipeline, side by side: strategies, variants, polish, the hybrid's choice, and the record."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.captioners.models import Captioners, choose_captioners
from core.captioners.vlm import merge_captions
from core.config import load_config
from core.errors import ConfigError, ModelError
from core.pipeline import run_pipeline
from core.posts import EventDetails
from core.publish.folder import write_result
from core.record import EventRecord, make_record
from core.store import Store
from tests.fakes import ColourEmbedder, ColourWriter, encoded, picture

TINTS = {"red": (180, 60, 60), "green": (60, 170, 70), "blue": (60, 70, 180)}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three different photos of each of three colours."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, tint in enumerate(tint for tint in TINTS.values() for _ in range(3)):
        (folder / f"IMG_{number:03d}.jpg").write_bytes(encoded(picture(number, tint=tint), quality=92))
    return folder


def caption(
    photos: Path,
    store: Store,
    *overrides: str,
    writer: Any = None,
    embedder: Any = None,
    campaign: bool = False,
) -> EventRecord:
    config = load_config(overrides=["categorize.labels=[red, green, blue]", "categorize.topk=1", *overrides]).settings
    writer = writer or ColourWriter()
    families = config.captioner.families
    captioners = Captioners(
        models=dict.fromkeys(families, writer), prompts=dict.fromkeys(families, writer.prompt), notices=()
    )
    event = EventDetails(name="Holi", campaign=campaign)
    result = run_pipeline(
        [photos], event, config, store=store, embedder=embedder or ColourEmbedder(), captioners=captioners
    )
    written = write_result(result, photos.parent / "out", store, overwrite=True)
    assert written.record.posts == make_record(result).posts
    return written.record


def test_both_captions_stand_side_by_side_and_the_first_is_published(photos: Path, store: Store) -> None:
    writer = ColourWriter("a {colour} photo by @someone #wow #fun")
    record = caption(photos, store, "captioner.mode=blip2,template", writer=writer)
    for post in record.posts:
        assert list(post.captions) == ["blip2", "template"]
        assert post.published == "blip2"
        assert post.captions["blip2"].text == f"A {post.labels[0]} photo."
        assert "Holi" in post.captions["template"].text
        text = (photos.parent / "out" / post.folder / "caption.txt").read_text()
        assert text.startswith(post.captions["blip2"].text)
        assert "@someone" not in text
        assert "#wow" not in text
    assert [captioner.captioner for captioner in record.captioners] == ["blip2"]
    rows = (photos.parent / "out" / "posts.csv").read_text("utf-8-sig").splitlines()
    assert len(rows) == 1 + 2 * len(record.posts)


def test_the_prompt_carries_event_and_labels(photos: Path, store: Store) -> None:
    writer = ColourWriter()
    caption(photos, store, "captioner.mode=git", writer=writer)
    assert sorted(writer.asked) == ["Holi: blue", "Holi: green", "Holi: red"]


def test_stray_hashtags_may_be_merged(photos: Path, store: Store) -> None:
    writer = ColourWriter("a {colour} photo #Wow #montage")
    record = caption(
        photos, store, "captioner.mode=git", "captioner.stray_hashtags=merge", "captioner.max_hashtags=4", writer=writer
    )
    for post in record.posts:
        assert post.hashtags == ("#IITGuwahati", "#Montage", "#PhotographyClub", "#Wow")
        assert "#" not in post.captions["git"].text


@pytest.mark.parametrize(("strategy", "pictures"), [("lead", 3), ("grid", 3), ("merge", 9)])
def test_strategies_show_the_model_what_they_say(photos: Path, store: Store, strategy: str, pictures: int) -> None:
    writer = ColourWriter()
    record = caption(photos, store, "captioner.mode=git", f"captioner.strategy={strategy}", writer=writer)
    assert writer.shown == pictures
    assert [post.captions["git"].text for post in record.posts] == [f"A {p.labels[0]} photo." for p in record.posts]


def test_a_second_run_writes_nothing_again_and_another_decoding_needs_no_photo(photos: Path, tmp_path: Path) -> None:
    first, second, third = ColourWriter(), ColourWriter(), ColourWriter()
    before = caption(photos, Store(tmp_path / "s"), "captioner.mode=git", writer=first)
    after = caption(photos, Store(tmp_path / "s"), "captioner.mode=git", writer=second)
    assert [post.captions for post in after.posts] == [post.captions for post in before.posts]
    assert (len(first.asked), len(second.asked)) == (3, 0)
    caption(photos, Store(tmp_path / "s"), "captioner.mode=git", "captioner.decoding.num_beams=2", writer=third)
    assert (len(third.asked), third.shown) == (3, 0)


def test_variants_are_ordered_by_how_well_they_fit(photos: Path, store: Store) -> None:
    writer = ColourWriter("something else", "a {colour} photo", "a {colour} photo #again", "nothing")
    record = caption(
        photos, store, "captioner.mode=git", "captioner.variants=4", "captioner.decoding.num_beams=4", writer=writer
    )
    for post in record.posts:
        variants = post.captions["git"].variants
        assert variants[0].text == post.captions["git"].text == f"A {post.labels[0]} photo."
        cosines = [variant.clip_cosine or 0.0 for variant in variants]
        assert cosines == sorted(cosines, reverse=True)
        assert len(variants) == 3  # two of the four are the same once they are polished


def test_hybrid_takes_the_template_where_the_model_does_not_fit(photos: Path, store: Store) -> None:
    writer = ColourWriter("a red photo")
    record = caption(photos, store, "captioner.mode=hybrid", "captioner.hybrid.clip_cosine=0.5", writer=writer)
    assert len(record.posts) == 3
    for post in record.posts:
        hybrid = post.captions["hybrid"]
        assert hybrid.source == ("blip2" if post.labels == ("red",) else "template")
        assert hybrid.text == post.captions[hybrid.source].text
        if hybrid.source == "template":
            assert f"{post.captions['blip2'].clip_cosine:.3f}" in (hybrid.reason or "")
    rows = (photos.parent / "out" / "posts.csv").read_text("utf-8-sig")
    assert "does not fit the photos" in rows


def test_a_caption_that_the_hybrid_took_is_shown_once(photos: Path, store: Store) -> None:
    record = caption(photos, store, "captioner.mode=git,hybrid", "captioner.hybrid.clip_cosine=-1")
    for post in record.posts:
        assert post.captions["hybrid"].source == "blip2"
        assert list(post.alternatives) == ["hybrid", "template"]


def test_a_campaign_gets_the_template(photos: Path, store: Store) -> None:
    record = caption(photos, store, "captioner.mode=hybrid", campaign=True)
    assert {post.captions["hybrid"].source for post in record.posts} == {"template"}
    assert record.event.campaign


def test_loose_clusters_get_the_template(photos: Path, store: Store) -> None:
    record = caption(photos, store, "captioner.mode=hybrid", "captioner.hybrid.silhouette=1.0")
    assert all("silhouette" in (post.captions["hybrid"].reason or "") for post in record.posts)


def test_what_cannot_be_judged_gets_the_template(photos: Path, store: Store) -> None:
    record = caption(photos, store, "captioner.mode=hybrid", embedder=ColourEmbedder(knows_world=False))
    assert {post.captions["hybrid"].source for post in record.posts} == {"template"}


def test_a_model_that_says_nothing_leaves_the_template(photos: Path, store: Store) -> None:
    record = caption(photos, store, "captioner.mode=git", writer=ColourWriter("@nobody #nothing"))
    assert all("Holi" in post.captions["git"].text for post in record.posts)


def test_what_the_template_had_to_write_is_not_called_the_models(photos: Path, store: Store) -> None:
    record = caption(photos, store, "captioner.mode=hybrid", writer=ColourWriter("@nobody #nothing"))
    for post in record.posts:
        assert post.captions["blip2"].source == "template"
        assert post.captions["hybrid"].source == "template"
        assert "nothing that can be published" in (post.captions["hybrid"].reason or "")


def test_equal_variants_keep_the_order_of_the_model(photos: Path, store: Store) -> None:
    record = caption(
        photos,
        store,
        "captioner.mode=git",
        "captioner.variants=3",
        writer=ColourWriter("A dog", "A cat", "A dog"),
        embedder=ColourEmbedder(knows_world=False),
    )
    for post in record.posts:
        assert [variant.text for variant in post.captions["git"].variants] == ["A dog.", "A cat."]


class Thief(ColourWriter):
    """Takes a file away just before the model is shown it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def key(self) -> str:  # type: ignore[override]
        self.path.unlink(missing_ok=True)
        return "colour-writer-1"


@pytest.mark.parametrize("strategy", ["lead", "grid", "merge"])
def test_a_photo_that_goes_away_after_it_was_read(photos: Path, store: Store, strategy: str) -> None:
    """The others are shown instead, and nothing of it is stored under the key of the whole."""
    overrides = [f"captioner.strategy={strategy}", "cluster.k=1", "cluster.max_images_per_post=9"]
    config = load_config(overrides=["captioner.mode=git", *overrides]).settings

    def run(writer: ColourWriter) -> str:
        captioners = Captioners(models={"git": writer}, prompts={"git": writer.prompt})  # type: ignore[dict-item]
        event = EventDetails(name="Holi")
        result = run_pipeline([photos], event, config, store=store, embedder=ColourEmbedder(), captioners=captioners)
        return result.posts[0].captions["git"].text

    whole = make_record(
        run_pipeline([photos], EventDetails(name="X"), load_config(overrides=overrides).settings, store=store,
                     embedder=ColourEmbedder())
    )  # fmt: skip
    first = photos / whole.posts[0].photos[0]
    data = first.read_bytes()
    assert run(Thief(first)).endswith("photo.")
    first.write_bytes(data)
    again = ColourWriter()
    run(again)
    assert again.shown >= 1, "what was seen without the photo was not kept"


def test_the_record_still_fits_its_schema(photos: Path, store: Store) -> None:
    import jsonschema

    caption(photos, store, "captioner.mode=hybrid,git", "captioner.variants=2")
    schema = json.loads((Path(__file__).parents[1] / "docs" / "posts.schema.json").read_text())
    jsonschema.validate(json.loads((photos.parent / "out" / "posts.json").read_text()), schema)


@pytest.mark.parametrize(
    ("captions", "merged"),
    [
        (["a red car"], "A red car."),
        (["a red car", "a red car", "two dogs"], "A red car. Two dogs."),
        (["two dogs", "a big red car", "a red car", "a red old car"], "A red car. Two dogs."),
        (["one!", "two", "three four", "five six"], "One! Two."),
    ],
)
def test_merging(captions: list[str], merged: str) -> None:
    assert merge_captions(captions) == merged


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (["captioner.mode=[git]", "captioner.adapter_path=./no"], ModelError, "no is not an adapter folder"),
        (["captioner.mode=[git]", "captioner.adapter_path=nowhere"], ConfigError, "no adapter or folder 'nowhere'"),
        (["captioner.mode=florence2"], ModelError, "hf download florence-community/Florence-2-base-ft"),
        (["captioner.mode=blip", "captioner.models.blip=mini"], ConfigError, "there is no mini of blip"),
        (["captioner.mode=git", "captioner.models.git=git-bsae"], ConfigError, "did you mean 'git-base'"),
        (["captioner.mode=git", "captioner.models.git=blip-base"], ConfigError, "is a blip model"),
    ],
)
def test_models_that_cannot_be_had(
    overrides: list[str], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(error, match=message):
        choose_captioners(load_config(overrides=overrides))


def test_template_mode_looks_for_no_model_and_no_adapter() -> None:
    loaded = load_config(overrides=["captioner.adapter_path=nowhere"])
    assert choose_captioners(loaded).models == {}
