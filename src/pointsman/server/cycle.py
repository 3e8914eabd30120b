"""One request on a caller's connection and its answer: ASGI's `receive` and `send`, and shorter ways for the hot path.

The shorter ways are `take_body`, `answer` and `on_gone`; whoever has a `receive` or a `send` asks `cycle_of` whether
there are any. Knows no application and no parser: the connection fills it.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pointsman.server.http import Header, Message, Scope

HIGH_WATER_BYTES: Final = 64 * 1024
"""Above this much unread body the socket is not read any more."""
STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODYLESS: Final = frozenset({204, 304})
_FAILED: Final = ((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"21"))


class Line(Protocol):
    """What a cycle needs of its connection."""

    transport: asyncio.Transport
    is_write_paused: bool

    @property
    def default_headers(self) -> Sequence[Header]:
        """Of every answer."""

    def close(self) -> None:
        """Hang up once everything is written."""

    def resume_reading(self) -> None:
        """The body was taken: more may come."""

    async def drained(self) -> None:
        """Wait until the caller has taken most of what was written, or is gone."""

    def answered(self, cycle: Cycle) -> None:
        """The answer is complete."""


class Cycle:
    """A request and its answer."""

    __slots__ = (
        "_expects_continue",
        "_framing",
        "_has_told_end",
        "_left",
        "_line",
        "_news",
        "_pieces",
        "_start",
        "has_started",
        "is_complete",
        "is_gone",
        "is_whole",
        "keep_alive",
        "on_gone",
        "scope",
        "task",
        "unread_bytes",
    )

    def __init__(self, line: Line, scope: Scope, *, keep_alive: bool, expects_continue: bool) -> None:
        """A request whose head is here."""
        self.scope = scope
        self.keep_alive = keep_alive
        self.is_whole = False
        """Whether all of the request has arrived."""
        self.is_gone = False
        """Whether the caller has hung up."""
        self.task: asyncio.Task[None] | None = None
        """The application's work on it, once that has begun."""
        self.has_started = False
        """Whether the answer has."""
        self.is_complete = False
        self.unread_bytes = 0
        self._line = line
        self._expects_continue = expects_continue
        self._pieces: list[bytes] = []
        self._has_told_end = False
        self._news: asyncio.Event | None = None
        self.on_gone: Callable[[], object] | None = None
        """What to call when the caller hangs up."""
        self._start: bytes | None = None  # the head, until there is a body to send it with
        self._framing = ""
        self._left = 0  # bytes still to come of an answer with a length

    @property
    def transport(self) -> asyncio.Transport:
        """The connection's, for those who want to cut it."""
        return self._line.transport

    # ── the connection's side ──

    def feed(self, piece: bytes) -> None:
        """A piece of the body."""
        if not self.is_complete:
            self._pieces.append(piece)
            self.unread_bytes += len(piece)
            self._tell()

    def end(self) -> None:
        """The request is whole."""
        self.is_whole = True
        self._tell()

    def gone(self) -> None:
        """The caller hung up: nobody reads on."""
        self.is_gone = True
        self._tell()
        if self.on_gone is not None:
            self.on_gone()

    def conclude(self) -> None:
        """The application has returned: what it left undone is a fault, and the connection ends with it."""
        if self.is_gone or self.is_complete:
            return
        self.keep_alive = False
        if self.has_started:
            self._line.close()
        else:
            self.answer(500, _FAILED, b"Internal Server Error")

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()

    # ── the application's side ──

    def take_body(self) -> bytes | None:
        """The whole body if it has arrived and nobody has read of it, else None."""
        if not self.is_whole or self._has_told_end or self._news is not None or self.is_gone:
            return None
        pieces, self._pieces = self._pieces, []
        self._has_told_end = True
        self.unread_bytes = 0
        self._line.resume_reading()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def receive(self) -> Message:
        """See ASGI: the body as it comes, then the hang-up or the answer's end."""
        if self._expects_continue and not (self.has_started or self.is_gone):
            self._expects_continue = False
            self._line.transport.write(_CONTINUE)
        while not (self.is_gone or self.is_complete):
            if self._pieces or (self.is_whole and not self._has_told_end):
                body, self._pieces = b"".join(self._pieces), []
                self._has_told_end = self.is_whole
                self.unread_bytes = 0
                return {"type": "http.request", "body": body, "more_body": not self.is_whole}
            self._line.resume_reading()
            self._news = self._news or asyncio.Event()
            self._news.clear()
            await self._news.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """See ASGI: the head waits for the first of the body, so that both go at once."""
        if self._line.is_write_paused:
            await self._line.drained()
        if self.is_gone:
            return
        if message["type"] == "http.response.start" and not self.has_started:
            self._begin(message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body" and self.has_started and not self.is_complete:
            self._continue(message.get("body", b""), is_last=not message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']} is out of turn")

    def answer(self, status: int, headers: Iterable[Header], body: bytes) -> bool:
        """Answer whole, in one write; False, with nothing done, when that cannot be now.

        *headers* hold the body's content-length.
        """
        line = self._line
        if self.has_started or self.is_gone or line.is_write_paused:
            return False
        self.has_started = True
        head = self._head(status, headers)
        line.transport.write(head if self.scope["method"] == "HEAD" else head + body)
        self._end()
        return True

    def _begin(self, status: int, headers: Iterable[Header]) -> None:
        self.has_started = True
        given = [(name.lower(), value) for name, value in headers]
        length = next((value for name, value in given if name == b"content-length"), None)
        if self.scope["method"] == "HEAD" or status in _BODYLESS:
            self._framing = "none"
        elif length is not None:
            self._framing, self._left = "length", int(length)
        elif self.scope["http_version"] == "1.0":
            self._framing, self.keep_alive = "close", False
        else:
            self._framing = "chunked"
            given.append((b"transfer-encoding", b"chunked"))
        self._start = self._head(status, given)

    def _head(self, status: int, headers: Iterable[Header]) -> bytes:
        """The head's bytes; RuntimeError when a header would break out of its line."""
        if self._expects_continue and not self.is_whole:
            self.keep_alive = False  # nobody can say whether the body still comes
        pairs = [*self._line.default_headers, *headers]
        if not self.keep_alive:
            pairs.append((b"connection", b"close"))
        head = b"\r\n".join((STATUS_LINES[status], *map(b": ".join, pairs), b"\r\n"))
        lines = len(pairs) + 2
        if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
            self._line.close()
            raise RuntimeError("a header of the answer holds a line break or NUL")
        return head

    def _continue(self, body: bytes, *, is_last: bool) -> None:
        pieces = [] if self._start is None else [self._start]
        self._start = None
        if self._framing == "chunked":
            if body:
                pieces += (b"%x\r\n" % len(body), body, b"\r\n")
            if is_last:
                pieces.append(b"0\r\n\r\n")
        elif self._framing != "none":
            pieces.append(body)
        if self._framing == "length":
            self._left -= len(body)
            if self._left < 0 or (is_last and self._left):
                self._line.close()
                raise RuntimeError("the answer is not as long as its content-length says")
        written = b"".join(pieces)
        if written:
            self._line.transport.write(written)
        if is_last:
            self._end()

    def _end(self) -> None:
        self.is_complete = True
        self._pieces.clear()
        self.unread_bytes = 0
        self._tell()
        self._line.answered(self)


def cycle_of(method: Callable[..., Any]) -> Cycle | None:
    """The cycle whose `receive` or `send` *method* is; None where another server, or a test, answers."""
    found = getattr(method, "__self__", None)
    return found if type(found) is Cycle else None


def ends_of(transport: asyncio.BaseTransport) -> dict[str, Any]:
    """What every request's scope says of its connection."""
    return {
        "server": _address(transport.get_extra_info("sockname")),
        "client": _address(transport.get_extra_info("peername")),
        "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
    }


def _address(found: object) -> tuple[str, int | None] | None:
    """ASGI's pair for a socket's address."""
    if isinstance(found, (tuple, list)):
        return str(found[0]), int(found[1])
    return (found, None) if isinstance(found, str) and found else None
