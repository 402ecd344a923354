"""A batch's shards without Ray: what they hold, which ones count, and how one goes on after a death."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

import distributed.batch_output
import distributed.batch_worker
from core.config import load_config
from core.describe import describe_photos
from core.described import DescribedPhoto, embed_files
from core.errors import OutputError
from core.ingest import ingest, load_embeddings
from core.sources import open_sources
from core.store import Store
from distributed.batch_attempt import Attempt
from distributed.batch_listing import list_photos, open_listed, open_roots
from distributed.batch_output import BatchOutput
from distributed.batch_worker import ShardJob, ShardWorker
from tests.fakes import ColourEmbedder, ColourWriter, encoded, picture

TINTS = [(180, 60, 60), (60, 170, 70), (60, 70, 180)]
CONFIG = load_config()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Ten photos and two other files, named so that folders and files sort between each other."""
    folder = tmp_path / "photos"
    for number, name in enumerate(["a/1.jpg", "a/b/2.jpg", "a.jpg", "a-b.jpg", "a0.jpg", "z/9.jpg", "z/10.jpg"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(picture(number, tint=TINTS[number % 3])))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    (folder / "notes.txt").write_text("nor this")
    (folder / ".DS_Store").write_bytes(b"system")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "a.jpg").write_bytes(b"system")
    return folder


def job(photos: Path, out: Path, store: Path | None = None, **changed: Any) -> ShardJob:
    plain: dict[str, Any] = {
        "out": str(out), "roots": tuple(open_roots([str(photos)])), "model": "unused", "adapter": None, "prompt": "",
        "loaded": CONFIG, "captions_signature": "unused", "signature": "this batch", "embedder_key": "colours-1",
        "store": None if store is None else str(store), "run": "first",
    }  # fmt: skip
    return ShardJob(**(plain | changed))


def worker(job: ShardJob, writer: ColourWriter | None = None) -> ShardWorker:
    """With models that are no models."""
    made = ShardWorker(job)
    made._model, made._embedder = writer or ColourWriter(), ColourEmbedder()  # type: ignore[assignment]
    return made


def listed(out: Path, photos: Path, *, shard_photos: int = 4) -> BatchOutput:
    output = BatchOutput(str(out))
    output.write_listing(list_photos(open_roots([str(photos)])), shard_photos=shard_photos)
    return output


def rows(out: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(out / "shards").to_pylist())


def test_shards_hold_the_lines_of_describe(photos: Path, tmp_path: Path, store: Store) -> None:
    out = tmp_path / "out"
    output = listed(out, photos)
    make = worker(job(photos, out, tmp_path / "s1"))
    made = [make({"piece": np.array([shard])}) for shard in range(3)]
    assert [row["photos"][0] for row in made] == [4, 4, 1]
    files = [f for f in open_sources([photos], CONFIG.settings.ingest) if not f.is_hidden]
    describe_photos(files, ColourWriter(), "", CONFIG.settings, tmp_path / "c.jsonl", store=store)
    expected = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    found = rows(out)
    assert [{k: v for k, v in row.items() if k != "embedding"} for row in found] == expected
    assert [row["image"] for row in found if row["embedding"] is None] == ["broken.jpg", "notes.txt"]
    assert list(output.failures([0, 1, 2])) == [(r["image"], r["error"]) for r in expected if r["error"]]


def test_embeddings_are_those_of_the_pipeline(photos: Path, store: Store) -> None:
    files, embedder = open_sources([photos / "z"], CONFIG.settings.ingest), ColourEmbedder()
    found = embed_files(files, CONFIG.settings, store=store, embedder=embedder)
    result = ingest(files, CONFIG.settings.ingest, store, embedder, batch_size=8)
    assert store.found == {"embedding": 2}, "the pipeline finds in the store what the batch put there"
    by_name = dict(zip([file.name for file in files], found, strict=True))
    vectors = load_embeddings(result.photos, CONFIG.settings.ingest, store, embedder)
    for photo, vector in zip(result.photos, vectors, strict=True):
        assert by_name[photo.name] == pytest.approx(vector)
    again = ColourEmbedder()
    embed_files(files, CONFIG.settings, store=store, embedder=again)
    assert again.photos_embedded == 0


def test_a_photo_is_read_once_for_both(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def counted(one: Any, roots: Any) -> Any:
        file = open_listed(one, roots)
        return replace(file, read=lambda: (reads.append(file.name), file.read())[1])

    monkeypatch.setattr(distributed.batch_worker, "open_listed", counted)
    listed(tmp_path / "out", photos, shard_photos=20)
    worker(job(photos, tmp_path / "out"))({"piece": np.array([0])})
    assert len(reads) == len(set(reads)) == 9


def test_only_whole_shards_of_this_batch_count(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    output = listed(out, photos)
    make = worker(job(photos, out))
    for shard in range(3):
        make({"piece": np.array([shard])})
    assert output.finished("this batch", 9, 4) == {0: 0, 1: 2, 2: 0}
    assert output.finished("another", 9, 4) == {}
    half = out / "shards" / "shard-000001.parquet"
    half.write_bytes(half.read_bytes()[:-20])
    (out / "shards" / "shard-000002.parquet").rename(out / "shards" / "shard-000003.parquet")
    assert output.finished("this batch", 13, 4) == {0: 0}, "cut short, and somebody's copy under another number"


def line(name: str) -> DescribedPhoto:
    return DescribedPhoto(image=name, caption="c", model="m", prompt="", fingerprint="f", signature="s")


@pytest.mark.parametrize("kind", ["a file's URI", "storage that is no disk"])
def test_shards_at_a_uri(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    if kind != "a file's URI":
        bucket = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
        monkeypatch.setattr(distributed.batch_output, "filesystem_of", lambda place: (bucket, "far"))
    output = BatchOutput((tmp_path / "far").as_uri())
    assert output.about() is None
    assert output.write_listing(list_photos(open_roots([photos.as_uri()])), shard_photos=5) == (9, 2)
    output.write_shard(1, [line("a"), line("b"), line("c"), line("d")], [None] * 4, "this batch")
    output.begin({"photos": 9})
    assert output.finished("this batch", 9, 5) == {1: 0}
    assert output.about() == {"photos": 9}
    output.clear()
    assert output.about() is None
    assert output.finished("this batch", 9, 5) == {}


def test_a_folder_of_somebodys_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(OutputError, match=r"holds 'thesis.doc' and no batch; name a new folder"):
        BatchOutput(str(tmp_path)).about()
    (tmp_path / "montage-batch.json").write_text("{")
    with pytest.raises(OutputError, match=r"montage-batch.json is damaged"):
        BatchOutput(str(tmp_path)).about()


def test_two_runs_do_not_write_one_folder(tmp_path: Path) -> None:
    one, other = BatchOutput(str(tmp_path)), BatchOutput(str(tmp_path))
    with one.alone(), pytest.raises(OutputError, match="another run is writing"), other.alone():
        pass
    with other.alone():
        pass


class Death(BaseException):
    """Stands in for a worker that is gone at once: nothing catches it."""


def test_a_photo_that_kills_its_worker_is_found_and_left_out(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mortal(ColourWriter):
        def pixels(self, image: Any) -> np.ndarray:
            found = super().pixels(image)
            if np.argmax(found) == 2:
                raise Death
            return found

        def load(self) -> None: ...

    monkeypatch.setattr(distributed.batch_worker, "_CHUNK_PHOTOS", 3)
    out = tmp_path / "out"
    output = listed(out, photos, shard_photos=20)
    deaths = 0
    while not output.finished("this batch", 9, 20):
        try:
            worker(job(photos, out, tmp_path / "s"), Mortal())({"piece": np.array([0])})
        except Death:
            deaths += 1
        assert deaths < 9
    found = {row["image"]: row for row in rows(out)}
    killers = {name for name, row in found.items() if row["error"] and "ended the program" in row["error"]}
    assert killers == {"a.jpg", "z/9.jpg"}, "the two blue photos, and nobody else"
    assert sum(row["caption"] is not None for row in found.values()) == 5
    assert deaths == 4
    assert not list((out / "shards").glob(".*.attempt"))


@pytest.mark.parametrize(
    ("before", "run", "expected"),
    [
        (Attempt(), "a", Attempt(run="a")),
        (Attempt(run="a", start=4, count=2), "a", Attempt(run="a", deaths=1, start=4, count=2)),
        (Attempt(run="a", start=4, count=1, alone=True), "a", Attempt(run="a", deaths=1, start=4, deadly=(4,))),
        # The whole run ended, which was not the photo's doing: it is a suspect only.
        (Attempt(run="a", deaths=3, start=4, count=1, alone=True), "b", Attempt(run="b", start=4, count=1)),
    ],
)
def test_what_the_next_worker_begins_with(before: Attempt, run: str, expected: Attempt) -> None:
    assert before.after(run) == expected


def test_a_shard_on_which_all_workers_die_is_left(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    listed(out, photos).begin_attempt(0, Attempt(run="first", deaths=20))
    row = worker(job(photos, out))({"piece": np.array([0])})
    assert row["left"] == [True]
    again = ColourWriter()
    again.load = lambda: None  # type: ignore[attr-defined]
    assert worker(job(photos, out, run="second"), again)({"piece": np.array([0])})["left"] == [False]
