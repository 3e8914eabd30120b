"""The few things an ASGI handler needs: read a bounded body, answer whole, answer as a stream."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from pointsman.core.errors import PayloadTooLarge
from pointsman.server.cycle import cycle_of

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]
Headers = Sequence[Header]

JSON_TYPE: Header = (b"content-type", b"application/json")


class CallerGone(Exception):
    """The caller hung up before the request was complete: there is nobody to answer."""


def header(scope: Scope, name: bytes) -> str | None:
    """The value of the request header *name* (lower case), the first if repeated."""
    for found, value in scope["headers"]:
        if found == name:
            return bytes(value).decode("latin-1")
    return None


async def read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """The request's body; PayloadTooLarge as soon as it is known to be over *max_bytes*, CallerGone on a hang-up."""
    cycle = cycle_of(receive)
    body = cycle.take_body() if cycle is not None else None
    if body is not None:
        if len(body) > max_bytes:
            raise _too_large(len(body), max_bytes)
        return body
    announced = header(scope, b"content-length")
    if announced is not None and announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(int(announced), max_bytes)
    pieces: list[bytes] = []
    total = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        piece = message.get("body", b"")
        total += len(piece)
        if total > max_bytes:
            raise _too_large(total, max_bytes)
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


def _too_large(size: int, max_bytes: int) -> PayloadTooLarge:
    message = f"The body has {size:,} bytes or more; the limit is {max_bytes:,}."
    return PayloadTooLarge(message, hint="Send less, or raise `server.max_body_bytes`.")


async def respond(send: Send, status: int, body: bytes, headers: Headers = (), *, content: Header = JSON_TYPE) -> None:
    """Answer whole."""
    everything = [content, (b"content-length", b"%d" % len(body)), *headers]
    cycle = cycle_of(send)
    if cycle is not None and cycle.answer(status, everything, body):
        return
    await send({"type": "http.response.start", "status": status, "headers": everything})
    await send({"type": "http.response.body", "body": body})


async def respond_json(send: Send, status: int, value: Json, headers: Headers = ()) -> None:
    """Answer with *value* as JSON."""
    await respond(send, status, json.dumps(value, ensure_ascii=False).encode(), headers)
