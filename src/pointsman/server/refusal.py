"""What a connection says by itself, before any application is asked: what came cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.server.cycle import STATUS_LINES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.server.http import Header

BAD_REQUEST: Final = 400
TOO_SLOW: Final = 408
HEAD_TOO_LONG: Final = 431
_MESSAGES: Final = {
    BAD_REQUEST: b"Invalid HTTP request received.",
    TOO_SLOW: b"The request took too long to arrive.",
    HEAD_TOO_LONG: b"The request's head is too long.",
}


def refusal(status: int, default_headers: Sequence[Header]) -> bytes:
    """The last answer on a connection."""
    message = _MESSAGES[status]
    headers = (
        *default_headers,
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(message)),
        (b"connection", b"close"),
    )
    return b"\r\n".join((STATUS_LINES[status], *map(b": ".join, headers), b"", message))
