"""A whole answer through uvicorn in one write, where uvicorn is the one it was measured with.

Expected: ASGI's two messages cost next to nothing. Actual: uvicorn checks each header with two patterns, writes head
and body apart, and takes 31 µs for our dozen headers, a tenth of a request. `send` is a method of uvicorn's own cycle
for the request, so the cycle's part can be done here: same state, same order, one join. Anything unusual, and any
other server or release, goes the way ASGI says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

if TYPE_CHECKING:
    from pointsman.server.http import Headers, Send

KNOWS_THIS_RELEASE: Final = uvicorn.__version__.startswith("0.54.")


def write_whole(send: Send, status: int, headers: Headers, body: bytes) -> bool:
    """Answer whole if *send* is one we know, and say whether it was. *headers* hold the body's content-length."""
    cycle = getattr(send, "__self__", None)
    if type(cycle) is not RequestResponseCycle or not KNOWS_THIS_RELEASE or not _is_plain(cycle):
        return False
    pieces = [STATUS_LINE[status]]
    lines = 2
    for name, value in cycle.default_headers:
        pieces += (name, b": ", value, b"\r\n")
        lines += 1
    for name, value in headers:
        pieces += (name, b": ", value, b"\r\n")
        lines += 1
    if not cycle.keep_alive:
        pieces.append(b"connection: close\r\n")
        lines += 1
    pieces.append(b"\r\n")
    head = b"".join(pieces)
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        return False  # uvicorn says what is wrong with it
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    cycle.chunked_encoding = False
    cycle.expected_content_length = 0
    cycle.transport.write(head + body)
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def _is_plain(cycle: RequestResponseCycle) -> bool:
    """Whether nothing stands in the way of writing at once."""
    return not (
        cycle.response_started
        or cycle.disconnected
        or cycle.flow.write_paused
        or cycle.access_log
        or cycle.scope["method"] == "HEAD"
    )
