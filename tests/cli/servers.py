"""An OpenAI-shaped server for one test: answers at once, or begins and then says nothing more."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BEGINNING = "Once upon"
REST = " a time."


@dataclass(slots=True)
class Storyteller:
    """Tells a story in two pieces; the second only once `may_end` is set. `refuses`: models, with status and words."""

    url: str = ""
    may_end: threading.Event = field(default_factory=threading.Event)
    bodies: list[dict[str, object]] = field(default_factory=list)
    refuses: dict[object, tuple[int, str]] = field(default_factory=dict)


class QuietServer(ThreadingHTTPServer):
    """Says nothing when a caller hangs up: what a command under test writes to stderr is the test's business."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Anything but a lost connection is told as ever."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # typeshed names the socket


@contextmanager
def storyteller(*, at_once: bool) -> Iterator[Storyteller]:
    """The server on a free port of loopback; with *at_once* nothing keeps it from ending."""
    story = Storyteller()
    if at_once:
        story.may_end.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            story.bodies.append(body)
            if body.get("model") in story.refuses:
                self._refuse(*story.refuses[body["model"]])
            elif body.get("stream"):
                self._stream()
            else:
                self._whole()

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self._piece(BEGINNING)
            story.may_end.wait(30)
            self._piece(REST)
            self._piece("", finish_reason="stop")
            usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
            self._send({**CHUNK, "choices": [], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")

        def _refuse(self, status: int, message: str) -> None:
            self._json(status, {"error": {"message": message, "type": "server_error"}})

        def _piece(self, text: str, finish_reason: str | None = None) -> None:
            delta = {"content": text} if text else {}
            self._send({**CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})

        def _send(self, chunk: object) -> None:
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()

        def _whole(self) -> None:
            message = {"role": "assistant", "content": BEGINNING + REST}
            usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            self._json(200, {**CHUNK, "object": "chat.completion", "choices": choices, "usage": usage})

        def _json(self, status: int, value: object) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            return

    with QuietServer(("127.0.0.1", 0), Handler) as server:
        story.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield story
        finally:
            story.may_end.set()
            server.shutdown()
            thread.join()


CHUNK = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "storyteller"}


def config_for(story: Storyteller) -> str:
    """A `pointsman.yaml` with the storyteller as its one model."""
    return (
        "models:\n"
        f"  - {{name: teller, model: storyteller, base_url: '{story.url}', local: true, tier: simple}}\n"
        f"  - {{name: cloud, model: storyteller, base_url: '{story.url}', local: false, tier: complex,\n"
        "     price: {input_usd_per_mtok: 100, output_usd_per_mtok: 1000}}\n"
        "ledger: {enabled: false}\n"
    )
