"""The bytes of a request head. Knows what must not be written there; sends nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pointsman.adapters.http.errors import InvalidRequestHead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.adapters.http.target import Target

Method: TypeAlias = Literal["GET", "HEAD", "POST", "PUT", "DELETE"]
Headers: TypeAlias = "Sequence[tuple[bytes, bytes]]"

_STARTS: Final = {method: f"{method} ".encode() for method in ("GET", "HEAD", "POST", "PUT", "DELETE")}
_ALWAYS_SAY_LENGTH: Final = frozenset({"POST", "PUT"})
_TOKEN: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_OURS: Final = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"upgrade", b"te", b"trailer",
     b"expect", b"proxy-connection"}
)  # fmt: skip
"""Framing belongs to this client: a second opinion from outside is how requests are smuggled."""


def encode_head(method: Method, target: Target, headers: Headers, body_bytes: int) -> bytes:
    """Write request line and headers, with Host and Content-Length added.

    Raises InvalidRequestHead for an unknown method, a header this client owns, a name that is no token,
    or a value with CR, LF or NUL.
    """
    if body_bytes or method in _ALWAYS_SAY_LENGTH:
        return b"%bcontent-length: %d\r\n\r\n" % (_without_length(method, target, tuple(headers)), body_bytes)
    return _without_length(method, target, tuple(headers)) + b"\r\n"


@lru_cache(maxsize=256)
def _without_length(method: Method, target: Target, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The checked head up to what changes with each request: an endpoint's calls all begin alike."""
    start = _STARTS.get(method)
    if start is None:
        raise InvalidRequestHead(target.peer, f"the method must be one of {', '.join(_STARTS)}")
    pieces = [start, target.path or b"/", b" HTTP/1.1\r\nhost: ", target.host_header]
    for name, value in headers:
        if name.lower() in _OURS or not name or name.translate(None, _TOKEN):
            raise InvalidRequestHead(target.peer, f"the header name {name!r} is malformed or set by the client itself")
        pieces += (b"\r\n", name, b": ", value)
    pieces.append(b"\r\n")
    head = b"".join(pieces)
    lines = 2 + len(headers)
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise InvalidRequestHead(target.peer, f"the header {_broken(headers)} holds a line break or NUL")
    return head


def _broken(headers: Headers) -> str:
    """Name the first header whose value would break the head; never its value."""
    broken = (name.decode("ascii") for name, value in headers if not {*b"\r\n\0"}.isdisjoint(value))
    return next(broken, "host")
