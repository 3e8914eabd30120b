"""A small Hugging Face on loopback: tells of one repository, and gives its files, in ranges too."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(slots=True)
class HubServer:
    """What the hub has, and what it was asked. `breaks_after`: bytes of one answer after which it hangs up, once."""

    files: dict[str, bytes]
    repository: str = "makers/Tiny-GGUF"
    licence: str = "apache-2.0"
    url: str = ""
    status: int = 200
    breaks_after: int | None = None
    lies: bool = False  # gives other bytes than it promises
    ranges: list[str] = field(default_factory=list)

    def about(self) -> dict[str, object]:
        """The answer to what the repository is."""
        siblings = [
            {
                "rfilename": name,
                "size": len(data),
                "blobId": "b",
                "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 1},
            }
            for name, data in self.files.items()
        ]
        card = {"license": self.licence} if self.licence else {}
        return {"id": self.repository, "sha": COMMIT, "gated": False, "cardData": card, "siblings": siblings}


@contextmanager
def hub_server(files: dict[str, bytes]) -> Iterator[HubServer]:
    """The hub on a free port."""
    hub = HubServer(files=files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if hub.status != 200:
                self._send(hub.status, b"{}")
            elif path == f"/api/models/{hub.repository}":
                self._send(200, json.dumps(hub.about()).encode())
            elif path.startswith(f"/{hub.repository}/resolve/{COMMIT}/"):
                self._file(path.removeprefix(f"/{hub.repository}/resolve/{COMMIT}/"))
            else:
                self._send(404, b"{}", [("X-Error-Code", "RepoNotFound")])

        def _file(self, name: str) -> None:
            data = hub.files[name]
            if hub.lies:
                data = bytes(len(data))
            asked = self.headers.get("Range")
            hub.ranges.append(asked or "")
            first = int(found[1]) if asked and (found := re.fullmatch(r"bytes=(\d+)-", asked)) else 0
            part = data[first:]
            extra = [("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")] if asked else []
            if hub.breaks_after is None:
                self._send(206 if asked else 200, part, extra)
                return
            self._head(206 if asked else 200, len(part), extra)
            self.wfile.write(part[: hub.breaks_after])
            hub.breaks_after = None
            self.close_connection = True

        def _send(self, status: int, data: bytes, extra: list[tuple[str, str]] | None = None) -> None:
            self._head(status, len(data), extra or [])
            self.wfile.write(data)

        def _head(self, status: int, length: int, extra: list[tuple[str, str]]) -> None:
            self.send_response(status)
            self.send_header("content-length", str(length))
            self.send_header("content-type", "application/json")
            for name, value in extra:
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
