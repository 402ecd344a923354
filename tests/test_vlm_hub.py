"""Where models come from: the hub's cache, the hub, or the small built-in ones."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.errors import ModelUnavailableError
from core.vlm.checkpoint import find_checkpoint
from core.vlm.model import VisionLanguageModel
from core.vlm.presets import DEFAULT_PRESET, PRESETS
from core.weights import hub_is_reachable
from tests.checkpoints import shard
from tests.vlm_helpers import captions, load_settings

Folders = Callable[[str], Path]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache of a machine without internet (HF_HUB_OFFLINE is set for all tests)."""
    folder = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def minis(vlm_folder: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"blip2": vlm_folder("blip2-t5"), "git": vlm_folder("git")}
    monkeypatch.setattr("core.vlm.checkpoint.MINI", found)


def downloaded(cache: Path, repository: str, source: Path) -> Path:
    """A snapshot as `hf download` leaves it: links to blobs."""
    home = cache / f"models--{repository.replace('/', '--')}"
    snapshot = home / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (home / "blobs").mkdir()
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    for path in source.iterdir():
        blob = home / "blobs" / sha256(path.read_bytes()).hexdigest()
        shutil.copy(path, blob)
        (snapshot / path.name).symlink_to(os.path.relpath(blob, snapshot))
    return snapshot


CACHED = [
    ("blip2-flan-t5-xl", "blip2-t5"),
    ("blip2-opt-2.7b", "blip2-opt"),
    ("git-base-coco", "git"),
    ("florence-2-base-ft", "florence2"),
    ("blip-base", "blip"),
]


@pytest.mark.parametrize(("preset", "name"), CACHED)
def test_a_snapshot_in_the_cache_is_found(vlm_folder: Folders, cache: Path, preset: str, name: str) -> None:
    family, repository = PRESETS[preset].family, PRESETS[preset].repository
    snapshot = downloaded(cache, repository, vlm_folder(name))
    keys = set()
    for asked in (preset, repository, *(["auto"] if DEFAULT_PRESET[family] == preset else [])):
        checkpoint, notice = find_checkpoint(family, asked)
        assert notice is None
        assert checkpoint.folder == snapshot
        assert checkpoint.name == (preset if asked == "auto" else asked)
        keys.add(checkpoint.key)
    assert len(keys) == 1
    assert len(captions(VisionLanguageModel(checkpoint, load_settings()), count=1)) == 1


@pytest.mark.parametrize(
    "lost", ["model-00002-of-00003.safetensors", "config.json", "tokenizer.json", "processor_config.json"]
)
def test_a_partial_snapshot_is_not_taken(vlm_folder: Folders, cache: Path, minis: None, lost: str) -> None:
    snapshot = downloaded(cache, "microsoft/git-base-coco", vlm_folder("git"))
    shard(snapshot, 3)
    assert find_checkpoint("git")[0].folder == snapshot
    (snapshot / lost).unlink()
    with pytest.raises(ModelUnavailableError, match=r"the weights of git-base-coco .* are not on this machine"):
        find_checkpoint("git", "git-base-coco")
    assert find_checkpoint("git")[0].name == "mini-git"


def test_a_snapshot_of_pickled_weights_is_not_taken(vlm_folder: Folders, cache: Path) -> None:
    snapshot = downloaded(cache, "microsoft/git-base", vlm_folder("git"))
    (snapshot / "model.safetensors").rename(snapshot / "pytorch_model.bin")
    with pytest.raises(ModelUnavailableError, match="hf download microsoft/git-base"):
        find_checkpoint("git", "git-base")


@pytest.mark.parametrize(("family", "preset"), DEFAULT_PRESET.items())
def test_offline_it_is_said_what_would_be_downloaded(cache: Path, family: Any, preset: str) -> None:
    size = f"{PRESETS[preset].size_gb:g}"
    with pytest.raises(ModelUnavailableError) as raised:
        find_checkpoint(family, preset)
    message = str(raised.value)
    repository = PRESETS[preset].repository
    assert f"the weights of {preset} ({repository}, about {size} GB) are not on this machine" in message
    assert f"`hf download {repository} --include '*.safetensors' '*.json' '*.txt' '*.model'`" in message
    assert f"or copy that folder here and give its path instead of {preset}" in message
    small = f"--set captioner.models.{family}=mini" if family in ("blip2", "git") else f"{preset} has no small one"
    assert small in message


def test_other_hub_ids_have_no_known_size(cache: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"the weights of me/my-git \(me/my-git\) are not"):
        find_checkpoint("git", "me/my-git")


@pytest.mark.parametrize("family", ["blip2", "git"])
def test_auto_takes_mini_and_says_so(cache: Path, minis: None, family: Any) -> None:
    checkpoint, notice = find_checkpoint(family)
    assert checkpoint.name == f"mini-{family}"
    assert notice is not None
    assert f"the small built-in model mini-{family}" in notice
    assert f"--set captioner.models.{family}={DEFAULT_PRESET[family]} (about" in notice
    assert find_checkpoint(family, "mini") == (checkpoint, None), "who asks for mini knows it"


@pytest.mark.parametrize("family", ["florence2", "blip"])
def test_auto_without_a_mini_is_unavailable(cache: Path, minis: None, family: Any) -> None:
    with pytest.raises(ModelUnavailableError, match=r"--mode blip2 or git .*; \S+ has no small one"):
        find_checkpoint(family)


ASK = """
import json, sys, time
from core.errors import MontageError
from core.vlm.checkpoint import find_checkpoint
began = time.monotonic()
try:
    checkpoint, notice = find_checkpoint(sys.argv[1], sys.argv[2])
    said = [str(checkpoint.folder), checkpoint.key]
except MontageError as error:
    said = [type(error).__name__, str(error)]
print(json.dumps([time.monotonic() - began, *said, "torch" in sys.modules]))
"""


def ask(home: Path, endpoint: str, family: str, name: str) -> Any:
    """`find_checkpoint` in a process of its own, since huggingface_hub reads its settings once."""
    kept = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE" and "proxy" not in key.lower()}
    told = kept | {"HF_HOME": str(home), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", ASK, family, name]
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_a_hub_that_does_not_answer_is_given_up_soon(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        port = server.server_port
    seconds, kind, message, torch_imported = ask(tmp_path, f"http://127.0.0.1:{port}", "git", "git-base")
    assert (kind, torch_imported) == ("ModelUnavailableError", False)
    assert "the weights of git-base (microsoft/git-base, about 0.7 GB) are not on this machine" in message
    assert seconds < 10


@pytest.fixture
def hub(vlm_folder: Folders) -> Iterator[Any]:
    """A hub with one repository, and with what it was asked for."""
    files = {path.name: path.read_bytes() for path in vlm_folder("git").iterdir()}
    files |= {"pytorch_model.bin": b"pickled", "README.md": b"words"}
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path, body = self.path.partition("?")[0], None
            if path.startswith("/api/models/microsoft/git-base/revision"):
                siblings = [{"rfilename": name} for name in files]
                body = json.dumps({"id": "microsoft/git-base", "sha": COMMIT, "siblings": siblings}).encode()
            elif path.startswith("/api/models/microsoft/git-base/tree"):
                entries = [{"type": "file", "path": n, "size": len(d), "oid": n} for n, d in files.items()]
                body = json.dumps(entries).encode()
            elif path.startswith(f"/microsoft/git-base/resolve/{COMMIT}/"):
                body = files.get(path.rpartition("/")[2])
                asked.append(path.rpartition("/")[2])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.send_header("ETag", f'"{sha256(body or b"").hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            if body is None:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_a_named_model_is_downloaded_once(hub: Any, vlm_folder: Folders, tmp_path: Path) -> None:
    endpoint, asked = hub
    _, folder, key, _ = ask(tmp_path, endpoint, "git", "git-base")
    assert Path(folder).is_relative_to(tmp_path / "hub" / "models--microsoft--git-base" / "snapshots")
    assert {path.name for path in Path(folder).iterdir()} == {path.name for path in vlm_folder("git").iterdir()}
    assert not {"pytorch_model.bin", "README.md"} & set(asked), "only what is needed"
    before = len(asked)
    assert ask(tmp_path, endpoint, "git", "git-base")[1:3] == [folder, key]
    assert len(asked) == before
    (Path(folder) / "model.safetensors").unlink()
    assert ask(tmp_path, endpoint, "git", "git-base")[1:3] == [folder, key], "a partial one is completed"


def test_a_repository_that_the_hub_does_not_have(hub: Any, tmp_path: Path) -> None:
    _, kind, message, _ = ask(tmp_path, hub[0], "git", "me/nothing")
    assert kind == "ModelUnavailableError"
    assert "the weights of me/nothing (me/nothing) are not on this machine and could not be downloaded (" in message
    assert "404" in message


class Silent(BaseHTTPRequestHandler):
    """Answers that it does not know the method, which is an answer; writes no log."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("proxy", "bypass", "reached"),
    [("{here}", "", True), ("http://{here}", "", True), ("http://127.0.0.1:9", "", False), ("127.0.0.1:9", "*", None)],
)
def test_behind_a_proxy_the_proxy_is_reached(
    monkeypatch: pytest.MonkeyPatch, proxy: str, bypass: str, reached: bool | None
) -> None:
    for name in [name for name in os.environ if "proxy" in name.lower()]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"127.0.0.1:{server.server_port}"
        monkeypatch.setenv("http_proxy", proxy.format(here=here))
        monkeypatch.setenv("no_proxy", bypass)
        hub = "http://hub.invalid" if reached is not None else f"http://{here}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub)
        assert hub_is_reachable() == (reached is not False)
        server.shutdown()


def test_a_hub_that_takes_calls_and_says_nothing_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        start = time.monotonic()
        assert not hub_is_reachable()
        assert time.monotonic() - start < 10
