"""What is written: sizes, no location, safe tables, the same bytes each time, and nothing of the user's removed."""

import csv
import io
import json
import zipfile
from pathlib import Path

import jsonschema
import pytest
from PIL import Image

from core.config import load_config
from core.errors import OutputError
from core.pipeline import run_pipeline
from core.posts import EventDetails
from core.publish.earlier import check_replaceable
from core.publish.folder import Written, write_result
from core.publish.images import fit_aspect
from core.record import record_schema
from core.store import Store
from core.tables import csv_cell
from tests.fakes import ColourEmbedder, encoded, picture

ROOT = Path(__file__).parents[1]


def publish(folder: Path, out: Path, *overrides: str, event: str = "Freshers Night") -> Written:
    store = Store(out.parent / "store")
    config = load_config(overrides=["categorize.labels=[red, green, blue]", *overrides]).settings
    result = run_pipeline([folder], EventDetails(name=event), config, store=store, embedder=ColourEmbedder())
    return write_result(result, out, store)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        exif = Image.Exif()
        exif[0x010E] = "SECRET-DESCRIPTION"
        exif.get_ifd(0x8825).update({1: "N", 2: (26.0, 11.0, 12.0), 3: "E", 4: (91.0, 41.0, 30.0)})
        data = encoded(picture(i, (2000, 1500)), exif=exif, comment=b"SECRET-COMMENT")
        (folder / f"{i}.jpg").write_bytes(data)
    return folder


def test_a_folder_a_post_and_the_lists(photos: Path, tmp_path: Path) -> None:
    written = publish(photos, tmp_path / "out", "cluster.k=1")
    out = tmp_path / "out"
    files = {"posts.json", "posts.csv", "posts.zip", "publish_plan.json", ".montage.json"}
    assert {p.name for p in out.iterdir()} == {"post-01", *files}
    assert {p.name for p in (out / "post-01").iterdir()} == {
        "01.jpg",
        "02.jpg",
        "03.jpg",
        "caption.txt",
        "alt.txt",
        "montage.jpg",
        "post.json",
    }
    caption = written.record.posts[0].captions["template"].text
    assert (out / "post-01" / "caption.txt").read_text().startswith(caption + "\n\n#IITGuwahati")
    assert len((out / "post-01" / "alt.txt").read_text().splitlines()) == 3
    with zipfile.ZipFile(out / "posts.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("post-01/01.jpg") == (out / "post-01" / "01.jpg").read_bytes()


def test_no_metadata_leaves_the_machine(photos: Path, tmp_path: Path) -> None:
    publish(photos, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"SECRET" not in data, path
            assert b"Exif\x00\x00" not in data, path
            if path.suffix == ".jpg":
                assert not Image.open(io.BytesIO(data)).getexif()


def test_jpegs_fit_the_platform(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    sizes = {"wide": (3000, 700), "tall": (700, 2400), "large": (4000, 3000), "tiny": (200, 150)}
    for i, (name, size) in enumerate(sizes.items()):
        (folder / f"{name}.png").write_bytes(encoded(picture(i, size), "PNG"))
    publish(folder, tmp_path / "out", "selection.min_quality=0")
    images = list((tmp_path / "out").glob("post-*/[0-9]*.jpg"))
    assert len(images) == 4
    for path in images:
        image = Image.open(io.BytesIO(path.read_bytes()))
        assert image.format == "JPEG"
        assert 320 <= image.width <= 1440, path
        assert 0.795 <= image.width / image.height <= 1.915, path
        assert path.stat().st_size <= 8_000_000


def test_narrow_photos_are_set_on_a_ground_not_cut() -> None:
    image = Image.new("RGB", (100, 400), (10, 200, 30))
    fitted = fit_aspect(image, min_aspect=0.8, max_aspect=1.91)
    assert fitted.size == (320, 400)
    assert fitted.getpixel((160, 5)) == (10, 200, 30)
    assert fitted.getpixel((5, 200)) != (10, 200, 30)


def test_the_record_follows_its_published_schema(photos: Path, tmp_path: Path) -> None:
    publish(photos, tmp_path / "out")
    published = json.loads((ROOT / "docs" / "posts.schema.json").read_text())
    assert published == record_schema(), "run `make docs`"
    jsonschema.validate(json.loads((tmp_path / "out" / "posts.json").read_text()), published)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Highlights", "Highlights"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("  =1", "'  =1"),
        ("", ""),
        ("a=b", "a=b"),
    ],
)
def test_cells_that_start_a_formula_are_neutralised(text: str, cell: str) -> None:
    assert csv_cell(text) == cell


def test_the_table_is_safe_whatever_files_and_event_are_called(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / '=HYPERLINK("x").jpg').write_bytes(encoded(picture(1)))
    publish(folder, tmp_path / "out", "captioner.openers=['=cmd']", event='a,"b"\n=c')
    text = (tmp_path / "out" / "posts.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 2
    assert rows[1][1].startswith("'=HYPERLINK")
    assert rows[1][5].startswith("'=Cmd")


def test_an_earlier_result_is_replaced_and_nothing_else_is_touched(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(photos, out, "cluster.k=3", "cluster.max_images_per_post=1")
    assert (out / "post-03").is_dir()
    (out / "mine.txt").write_text("keep")
    (out / "post-99-notes").mkdir()
    (out / "post-99-notes" / "mine.txt").write_text("keep")
    publish(photos, out, "cluster.k=1")
    assert not (out / "post-03").exists()
    assert (out / "mine.txt").read_text() == (out / "post-99-notes" / "mine.txt").read_text() == "keep"


def test_the_plan_says_what_would_be_posted(photos: Path, tmp_path: Path) -> None:
    publish(photos, tmp_path / "out", "cluster.k=1")
    plan = json.loads((tmp_path / "out" / "publish_plan.json").read_text())
    assert plan["dry_run"] is True
    [post] = plan["posts"]
    assert post["kind"] == "carousel"
    assert len(post["images"]) == len(post["alt_texts"]) == 3
    assert post["caption"] == (tmp_path / "out" / "post-01" / "caption.txt").read_text().rstrip("\n")
    assert all((tmp_path / "out" / image).is_file() for image in post["images"])


def test_a_folder_that_cannot_be_written_is_an_error(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file; name a folder"):
        publish(photos, tmp_path / "file")


def test_a_photo_lost_before_export_is_left_out_with_the_reason(photos: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    config = load_config(overrides=["cluster.k=1"]).settings
    result = run_pipeline([photos], EventDetails(name="X"), config, store=store, embedder=ColourEmbedder())
    (photos / "1.jpg").unlink()
    record = write_result(result, tmp_path / "out", store).record
    files = {file.file: file for file in record.files}
    assert not files["1.jpg"].kept
    assert "No such file" in str(files["1.jpg"].message)
    assert sorted(name for post in record.posts for name in post.photos) == ["0.jpg", "2.jpg"]
    assert [text.split(" from")[0] for text in record.posts[0].alt_texts] == ["Photo 1 of 2", "Photo 2 of 2"]
    assert len(list((tmp_path / "out").glob("post-01/0*.jpg"))) == 2


def test_an_earlier_result_survives_a_run_that_fails(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    publish(photos, out)
    before = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.publish.folder._write_zip", full)
    with pytest.raises(OutputError, match="No space left on device"):
        publish(photos, out, event="Another")
    assert {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


def test_folders_like_ours_are_not_ours(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(photos, out)
    mine = out / "post-01-final"
    mine.mkdir()
    (mine / "post.json").write_text("edited by hand")
    publish(photos, out, event="Another")
    assert (mine / "post.json").read_text() == "edited by hand"


def test_a_result_cannot_replace_its_own_input(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = publish(photos, out)
    assert written.record.posts
    store = Store(tmp_path / "store")
    config = load_config().settings
    result = run_pipeline([out / "post-01"], EventDetails(name="X"), config, store=store, embedder=ColourEmbedder())
    with pytest.raises(OutputError, match="lies in an earlier result"):
        write_result(result, out, store, inputs=[out / "post-01"])
    assert (out / "post-01" / "01.jpg").is_file()


def test_every_stage_has_a_report(photos: Path, tmp_path: Path) -> None:
    record = publish(photos, tmp_path / "out").record
    assert [stage.stage for stage in record.stages] == record.config["pipeline"]
    assert record.stages[-1].measures == {"dry_run": True, "published": 0}


def test_posts_without_captions_are_written_too(photos: Path, tmp_path: Path) -> None:
    publish(photos, tmp_path / "out", "pipeline=[ingest, cluster]", "cluster.k=1")
    assert not (tmp_path / "out" / "post-01" / "caption.txt").exists()
    rows = list(csv.reader(io.StringIO((tmp_path / "out" / "posts.csv").read_text(encoding="utf-8-sig"))))
    assert [row[0] for row in rows] == ["post", "1"]


@pytest.mark.parametrize("touched", ["post-01/caption.txt", "post-01/notes.txt", "posts.csv", "post-07/mine.txt"])
def test_work_done_by_hand_is_never_replaced_unasked(photos: Path, tmp_path: Path, touched: str) -> None:
    out = tmp_path / "out"
    publish(photos, out)
    (out / touched).parent.mkdir(exist_ok=True)
    (out / touched).write_text("by hand")
    before = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    with pytest.raises(OutputError, match=rf"{touched}\. Name another --out.*--overwrite"):
        publish(photos, out, event="Another")
    assert {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
    check_replaceable(out, overwrite=True)


def test_a_foreign_result_is_not_taken_for_ours(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "posts.json").write_text('{"my": 1}')
    with pytest.raises(OutputError, match=r"posts\.json"):
        publish(photos, tmp_path / "out")
    assert (tmp_path / "out" / "posts.json").read_text() == '{"my": 1}'
