"""The load: which requests there are (cells), one probe that checks an answer, and wrk to send many."""

from __future__ import annotations

import http.client
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import mock_upstream
from processes import pinned

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPT = Path(__file__).with_name("chat.lua")
PATH = "/v1/chat/completions"
COUNTER_SLOT = "n0000000"
REQUEST_TIMEOUT_S = 60
_SENTENCES = (
    "Please read the following notes and answer the question at the end. "
    "The committee met on Tuesday and discussed the new timetable for the northern line. "
    "Three of the members asked for a later train, and two preferred the present arrangement. "
    "The signal box near the river was repaired in spring and works well again. "
    "How should the timetable change, and what does it cost? "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kind of load: how long the prompt is, how it is answered, over how many connections."""

    name: str
    title: str
    prompt_bytes: int
    connections: int
    stream: bool = False
    paced: bool = False

    def body(self, model: str) -> bytes:
        """The request for *model*; the counter slot in it is numbered by the load script."""
        mark = mock_upstream.PACE_MARK.decode() if self.paced else ""
        prompt = f"{mark}Request {COUNTER_SLOT}. "
        prompt += (_SENTENCES * (self.prompt_bytes // len(_SENTENCES) + 1))[: self.prompt_bytes - len(prompt)]
        request = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": self.stream}
        return json.dumps(request).encode()


CELLS = {
    cell.name: cell
    for cell in (
        Cell(name="1k-c1", title="1 KB c=1", prompt_bytes=1024, connections=1),
        Cell(name="1k-c32", title="1 KB c=32", prompt_bytes=1024, connections=32),
        Cell(name="1k-c256", title="1 KB c=256", prompt_bytes=1024, connections=256),
        Cell(name="32k-c32", title="32 KB c=32", prompt_bytes=32 * 1024, connections=32),
        Cell(name="stream-c32", title="stream c=32", prompt_bytes=1024, connections=32, stream=True),
        Cell(name="paced-c8", title="paced c=8", prompt_bytes=1024, connections=8, stream=True, paced=True),
    )
}


class BadAnswerError(Exception):
    """A target answered with something else than the mock's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What wrk saw during one cell."""

    requests: int
    elapsed_s: float
    p50_ms: float
    p99_ms: float
    errors: Mapping[str, int]


def _headers(key: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}


def _request(port: int, method: str, path: str, *, body: bytes = b"", key: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_TIMEOUT_S)
    try:
        connection.request(method, path, body or None, _headers(key) if body else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def completions_served(mock_port: int) -> int:
    """How many completions the mock has answered since its start."""
    return int(json.loads(_request(mock_port, "GET", "/counters")[1])["completions"])


def _streamed_text(answer: bytes) -> str:
    """The text of an SSE answer; raises when the stream has no proper end."""
    events = [line[5:].strip() for line in answer.splitlines() if line.startswith(b"data:")]
    if not events or events[-1] != b"[DONE]":
        raise BadAnswerError(f"the stream does not end with [DONE]: …{answer[-200:]!r}")
    choices = [choice for event in events[:-1] for choice in json.loads(event)["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def probe(port: int, cell: Cell, *, model: str, key: str) -> None:
    """Send *cell*'s request once; raises BadAnswerError unless the mock's text comes back whole."""
    status, answer = _request(port, "POST", PATH, body=cell.body(model), key=key)
    if status != http.HTTPStatus.OK:
        raise BadAnswerError(f"status {status}: {answer[:300]!r}")
    try:
        text = _streamed_text(answer) if cell.stream else json.loads(answer)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise BadAnswerError(f"not a chat completion ({error!r}): {answer[:300]!r}") from error
    if text != (mock_upstream.STREAMED_TEXT if cell.stream else mock_upstream.PLAIN_TEXT):
        raise BadAnswerError(f"the text was changed on its way: {text[:300]!r}")


def send(port: int, cell: Cell, *, key: str, body_file: Path, seconds: float, cpus: str) -> Run:
    """*cell*'s request from *body_file* for whole *seconds*, at least 1; raises BadAnswerError when wrk fails."""
    duration = f"{max(1, round(seconds))}s"
    command = ["wrk", "--threads", "1", "--connections", str(cell.connections), "--duration", duration]
    command += [option for name, value in _headers(key).items() for option in ("--header", f"{name}: {value}")]
    command += ["--timeout", f"{REQUEST_TIMEOUT_S}s", "--script", str(SCRIPT)]
    command += [f"http://127.0.0.1:{port}{PATH}", "--", str(body_file)]
    command = pinned(command, cpus)
    finished = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + 2 * REQUEST_TIMEOUT_S, check=False
    )
    if finished.returncode:
        raise BadAnswerError(f"wrk failed: {finished.stdout[-200:]}{finished.stderr[-200:]}")
    seen = json.loads(finished.stdout.splitlines()[-1])
    return Run(
        requests=seen["requests"],
        elapsed_s=seen["elapsed_us"] / 1e6,
        p50_ms=seen["p50_us"] / 1e3,
        p99_ms=seen["p99_us"] / 1e3,
        errors={kind: seen[kind] for kind in ("connect", "read", "write", "timeout", "status") if seen[kind]},
    )
