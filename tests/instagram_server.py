"""A local server that speaks as much of Instagram's Graph API as posting photos needs, and serves the photos, too.

It fetches the images itself, as the platform does, and keeps what was posted. Failures are put in by tests.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import urlopen

ACCOUNT = "17841400000000000"
TOKEN = "IGAAsecret0token"


@dataclass
class Container:
    """What was prepared."""

    values: dict[str, str]
    status: str = "FINISHED"
    detail: str = ""
    polls_left: int = 0
    """Questions that are answered with IN_PROGRESS first."""


@dataclass
class Fault:
    """Goes wrong once: an answer in place of the real one, before or after the work was done."""

    method: str
    path: str
    status: int = 500
    error: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    """The work is done, and only its answer is lost."""
    hang_s: float | None = None
    """No answer at all for this long."""
    times: int = 1


class Platform:
    """The state of the platform."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.containers: dict[str, Container] = {}
        self.posted: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.raw: list[str] = []
        self.quota_total: int | None = 50
        self.quota_used = 0
        self.slow_polls = 0
        self.broken_images: set[str] = set()
        """Endings of addresses whose containers end in ERROR."""
        self.lock = threading.Lock()
        self.base = ""

    def fault(self, method: str, path: str, **how: Any) -> None:
        """Let the next request to a path (by its ending) go wrong."""
        self.faults.append(Fault(method=method, path=path, **how))

    def count(self, method: str, ending: str) -> int:
        """How many requests there were to a path."""
        return sum(m == method and p.endswith(ending) for m, p in self.requests)

    def take_fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.method == method and path.endswith(fault.path) and fault.times:
                    fault.times -= 1
                    return fault
        return None

    def answer(self, method: str, path: str, values: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """What the real platform would do."""
        name = path.removeprefix("/v24.0/")
        with self.lock:
            if (method, name) == ("GET", ACCOUNT):
                return 200, {"id": ACCOUNT, "username": "montage_club"}
            if (method, name) == ("GET", f"{ACCOUNT}/content_publishing_limit"):
                config = {} if self.quota_total is None else {"config": {"quota_total": self.quota_total}}
                return 200, {"data": [{"quota_usage": self.quota_used, **config}]}
            if (method, name) == ("POST", f"{ACCOUNT}/media"):
                return self._create(values)
            if (method, name) == ("POST", f"{ACCOUNT}/media_publish"):
                return self._publish(values["creation_id"])
            if method == "GET" and name in self.containers:
                return 200, self._status(self.containers[name])
            if method == "GET" and name.startswith("media-"):
                return 200, {"id": name, "permalink": f"https://www.instagram.com/p/{name}/"}
        return 400, refusal(100, "Unsupported get request", error_subcode=33)

    def _create(self, values: dict[str, str]) -> tuple[int, dict[str, Any]]:
        name, container = f"container-{len(self.containers) + 1}", Container(values, polls_left=self.slow_polls)
        if values.get("media_type") == "CAROUSEL":
            children = [self.containers[child] for child in values["children"].split(",")]
            if not 2 <= len(children) <= 10 or any(child.status != "FINISHED" for child in children):
                return 400, refusal(100, "Carousel validation failed", error_subcode=2207028)
            assert all(child.polls_left == 0 for child in children), "the children were not waited for"
        else:
            with urlopen(values["image_url"]) as image:
                assert image.read(2) == b"\xff\xd8"
            if any(values["image_url"].endswith(ending) for ending in self.broken_images):
                container.status, container.detail = "ERROR", "Error: Media download has failed. 2207052"
        self.containers[name] = container
        return 200, {"id": name}

    def _status(self, container: Container) -> dict[str, Any]:
        if container.polls_left:
            container.polls_left -= 1
            return {"status_code": "IN_PROGRESS", "status": "In Progress"}
        return {"status_code": container.status, "status": container.detail or container.status}

    def _publish(self, name: str) -> tuple[int, dict[str, Any]]:
        container = self.containers[name]
        if container.polls_left or container.status == "ERROR":
            return 400, refusal(9007, "Media ID is not available", error_subcode=2207027)
        if container.status == "PUBLISHED":
            return 400, refusal(100, "Invalid parameter")
        container.status = "PUBLISHED"
        children = [self.containers[c].values for c in container.values.get("children", "").split(",") if c]
        self.posted.append({**container.values, "photos": children or [container.values]})
        self.quota_used += 1
        return 200, {"id": f"media-{len(self.posted)}"}


def refusal(code: int, message: str, **more: Any) -> dict[str, Any]:
    """An error as the API words it."""
    return {"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "x", **more}}


def _handler(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path.startswith("/files/"):
                self._file(unquote(parts.path.removeprefix("/files/")))
            else:
                self._api("GET", parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            platform.raw.append(body)
            self._api("POST", self.path, {k: v[0] for k, v in parse_qs(body).items()})

        def _api(self, method: str, path: str, values: dict[str, str]) -> None:
            platform.requests.append((method, path))
            platform.raw.append(self.path)
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                given = (self.headers["Authorization"] or "").removeprefix("Bearer ")
                self._json(401, refusal(190, f"Malformed access token {given}"))
                return
            fault = platform.take_fault(method, path)
            if fault is not None and fault.after:
                platform.answer(method, path, values)
            if fault is not None and fault.hang_s is not None:
                time.sleep(fault.hang_s)
                self.close_connection = True
            elif fault is not None:
                self._json(fault.status, fault.error, fault.headers)
            else:
                self._json(*platform.answer(method, path, values))

        def _json(self, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
            self._bytes(status, json.dumps(content).encode() if content else b"<html>oops</html>", headers)

        def _file(self, name: str) -> None:
            assert self.headers["Authorization"] is None, "the token went to the public address"
            path = platform.folder / name
            self._bytes(200, path.read_bytes()) if path.is_file() else self._bytes(404, b"no")

        def _bytes(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@contextmanager
def running(folder: Path) -> Iterator[Platform]:
    """The platform on a free port of this machine; `/files/` serves the folder."""
    platform = Platform(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(platform))
    server.daemon_threads = True
    platform.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Sleeper = Callable[[float], None]
