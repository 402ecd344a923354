"""`montage push`: against a hub of our own that speaks the real one's protocol."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import ConfigError, InputError, OutputError
from core.training.push import plan_upload, push

FILES = {
    "adapter_config.json": "{}",
    "adapter_model.safetensors": "weights",
    "montage.json": '{"prompt": {"text": "x"}}',
    "README.md": "---\nlibrary_name: peft\n---\n# A card",
    "card/1.jpg": "a picture",
}
OTHERS = {"optimizer.pt": "pickled", "notes.docx": "mine", ".env": "secret", "sub/adapter_model.safetensors": "other"}


class Hub(BaseHTTPRequestHandler):
    """Makes repositories, and takes commits of small files."""

    made: list[dict[str, Any]]
    commits: dict[str, str]
    tokens: set[str | None]
    refuse: int | None

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Hub.tokens.add(self.headers.get("Authorization"))
        if Hub.refuse is not None:
            return self._answer({"error": "you may not write here"}, Hub.refuse)
        if self.path == "/api/repos/create":
            Hub.made.append(json.loads(body))
            return self._answer({"url": f"http://{self.headers['Host']}/club/voice", "name": "club/voice"})
        if self.path.endswith("/preupload/main"):
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            return self._answer({"files": files})
        if self.path.endswith("/commit/main"):
            for line in map(json.loads, body.decode().splitlines()):
                if line["key"] == "file":
                    Hub.commits[line["value"]["path"]] = base64.b64decode(line["value"]["content"]).decode()
                else:
                    assert line["value"]["summary"] == "first"
            return self._answer(
                {"commitUrl": f"http://{self.headers['Host']}/club/voice/commit/1", "commitOid": "1" * 40}
            )
        return self._answer({"errors": [], "warnings": []})  # validate-yaml

    def do_GET(self) -> None:
        if Hub.refuse is not None:
            return self._answer({"error": "there is no such repository"}, 404)
        return self._answer({"sha": "0" * 40, "siblings": [], "id": "club/voice"})

    def log_message(self, *args: Any) -> None:
        pass

    def _answer(self, data: Any, status: int = 200) -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Hub.made, Hub.commits, Hub.tokens, Hub.refuse = [], {}, set(), None
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_of_the_test")
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
    yield url
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "run" / "best"
    for name, text in (FILES | OTHERS).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "link.json").symlink_to(tmp_path / "elsewhere.json")
    return folder


def test_weights_and_card_are_uploaded_and_nothing_else(hub: str, adapter: Path) -> None:
    plan = plan_upload(adapter)
    assert plan.files == {name: len(text) for name, text in FILES.items()}
    assert set(plan.left_out) == set(OTHERS)
    assert plan.photos == ["card/1.jpg"]
    done = push(plan, "club/voice", message="first")
    assert Hub.commits == FILES
    assert Hub.made == [{"name": "voice", "organization": "club", "visibility": "private", "type": "model"}]
    assert Hub.tokens == {"Bearer hf_of_the_test"}
    assert done.url.endswith("/commit/1")


def test_no_path_of_this_machine_is_uploaded(hub: str, adapter: Path) -> None:
    """Adapters of PEFT's own, and those that Montage trained before it named bases as they are published."""
    config = {"base_model_name_or_path": "/home/me/models/our-git", "r": 4, "inner": {"_name_or_path": "org/name"}}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    (adapter / "config.json").write_text('{"inner": {"_name_or_path": "~/models/our-git"}}')
    plan = plan_upload(adapter)
    push(plan, "club/voice", message="first")
    sent = {name: json.loads(Hub.commits[name]) for name in ("adapter_config.json", "config.json")}
    assert sent["adapter_config.json"] == config | {"base_model_name_or_path": "our-git"}
    assert sent["config.json"] == {"inner": {"_name_or_path": "our-git"}}
    assert {name: len(Hub.commits[name]) for name in plan.files} == plan.files
    assert json.loads((adapter / "adapter_config.json").read_text()) == config, "the file here stays as it is"
    (adapter / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json is damaged"):
        plan_upload(adapter)


def test_public_is_asked_for(hub: str, adapter: Path) -> None:
    push(plan_upload(adapter), "club/voice", message="first", public=True)
    assert Hub.made[0]["visibility"] == "public"


def test_of_a_run_the_best_weights_are_taken(adapter: Path) -> None:
    assert plan_upload(adapter.parent).folder == adapter
    adapter.rename(adapter.with_name("last"))
    assert plan_upload(adapter.parent).folder == adapter.with_name("last")


def test_a_refusal_is_told(hub: str, adapter: Path) -> None:
    Hub.refuse = 403
    with pytest.raises(OutputError, match=r"club/voice could not be uploaded to http://127.*: .*(403|Forbidden)"):
        push(plan_upload(adapter), "club/voice")


def test_a_hub_that_is_not_there_is_told(hub: str, adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(OutputError, match=r"club/voice could not be uploaded to http://127\.0\.0\.1:9: \S"):
        push(plan_upload(adapter), "club/voice")


def test_what_is_lacking_is_told(hub: str, adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_upload(adapter)
    with pytest.raises(ConfigError, match="a repository is organisation/name, got 'voice'"):
        push(plan, "voice")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(ConfigError, match="no token for the hub: set HF_TOKEN"):
        push(plan, "club/voice")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE is set"):
        push(plan, "club/voice")
    assert Hub.made == []
    (adapter / "README.md").unlink()
    with pytest.raises(InputError, match=r"has no README\.md"):
        plan_upload(adapter)
    (adapter / "adapter_config.json").unlink()
    with pytest.raises(InputError, match="holds no model"):
        plan_upload(adapter)


def test_a_dry_run_uploads_nothing(hub: str, adapter: Path) -> None:
    asked = ["push", str(adapter), "--to", "club/voice", "--dry-run"]
    shown = CliRunner().invoke(app, asked, catch_exceptions=False).stdout
    assert "5 files" in shown
    assert "would be uploaded to club/voice" in shown
    assert "1 picture of photos" in shown
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"], catch_exceptions=False).stdout)
    assert told["url"] is None
    assert set(told["left_out"]) == set(OTHERS)
    assert Hub.made == []
