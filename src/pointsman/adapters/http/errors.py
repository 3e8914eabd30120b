"""Every way an exchange with a server can fail below HTTP's own status codes.

TransportError
├── InvalidTarget            the URL or path is unusable                        nothing was sent
├── InvalidRequestHead       a method or header cannot be written               nothing was sent
├── ConnectFailed            no connection: refused, name, TLS, network         nothing was sent
├── ConnectTimeout           no connection in time                              nothing was sent
├── FirstByteTimeout         no response headers, or no first body byte, in time
├── IdleTimeout              the body stalled
├── DeadlineExceeded         the caller's time is up
├── UpstreamDisconnected     closed or reset before the response was complete; `stage` says where
├── ProtocolViolation        the bytes are not a valid HTTP/1.1 response
├── ResponseTooLarge         the body is over the reader's limit
└── LocallyClosed            this side closed the response or the client

A message names `host:port` and what happened; never a body, a path, a query or a header's value.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pointsman.core.errors import PointsmanError


class ConnectFailure(StrEnum):
    """Why a connection could not be opened."""

    REFUSED = "refused"  # nobody listens there
    DNS = "dns"  # the name has no address
    TLS = "tls"  # certificate, host name or handshake: trying again will not help
    NETWORK = "network"  # unreachable, out of sockets, reset while connecting


class DisconnectStage(StrEnum):
    """How much of the response had arrived when the connection ended."""

    BEFORE_RESPONSE = "before_response"  # not one byte
    MID_HEAD = "mid_head"  # some bytes of the head (or an interim 1xx)
    MID_BODY = "mid_body"  # the head and perhaps some of the body


class TransportError(PointsmanError):
    """Root of the tree; `peer` is `host:port`."""

    status: ClassVar[int] = 502
    code: ClassVar[str] = "upstream_unreachable"

    def __init__(self, peer: str, problem: str) -> None:
        """Keep the *peer* as a fact beside the sentence."""
        super().__init__(f"{peer}: {problem}")
        self.peer = peer


class InvalidTarget(TransportError):
    """The base URL or the path cannot be used."""


class InvalidRequestHead(TransportError):
    """The method or a header cannot be put on the wire."""


class ConnectFailed(TransportError):
    """No connection could be opened; `reason` says why."""

    def __init__(self, peer: str, reason: ConnectFailure, detail: str) -> None:
        """Keep the *reason* as a fact; *detail* is the system's own words."""
        super().__init__(peer, f"cannot connect ({reason}): {detail}")
        self.reason = reason


class ConnectTimeout(TransportError):
    """No connection within the connect time-out."""

    status = 504

    def __init__(self, peer: str, timeout_s: float) -> None:
        super().__init__(peer, f"no connection within {timeout_s:g} s")
        self.timeout_s = timeout_s


class FirstByteTimeout(TransportError):
    """The response did not start within the first-byte time-out."""

    status = 504

    def __init__(self, peer: str, timeout_s: float) -> None:
        super().__init__(peer, f"no response within {timeout_s:g} s")
        self.timeout_s = timeout_s


class IdleTimeout(TransportError):
    """The body stalled for longer than the idle time-out."""

    status = 504

    def __init__(self, peer: str, timeout_s: float) -> None:
        super().__init__(peer, f"the response stalled for {timeout_s:g} s")
        self.timeout_s = timeout_s


class DeadlineExceeded(TransportError):
    """The deadline of the call passed; `while_doing` says in which step."""

    status = 504
    code = "deadline_exceeded"

    def __init__(self, peer: str, while_doing: str) -> None:
        super().__init__(peer, f"the deadline passed while {while_doing}")
        self.while_doing = while_doing


class UpstreamDisconnected(TransportError):
    """The connection ended before the response was complete."""

    _PROBLEMS: ClassVar = {
        DisconnectStage.BEFORE_RESPONSE: "the connection closed before the response",
        DisconnectStage.MID_HEAD: "the connection closed in the response headers",
        DisconnectStage.MID_BODY: "the connection closed in the middle of the response body",
    }

    def __init__(self, peer: str, stage: DisconnectStage) -> None:
        """Keep the *stage*: only `BEFORE_RESPONSE` can be the stale keep-alive race."""
        super().__init__(peer, self._PROBLEMS[stage])
        self.stage = stage

    @property
    def mid_body(self) -> bool:
        """Whether the caller had already seen a status and headers."""
        return self.stage is DisconnectStage.MID_BODY


class ProtocolViolation(TransportError):
    """The server does not speak HTTP/1.1 as agreed."""

    code = "bad_upstream"


class ResponseTooLarge(TransportError):
    """The body is longer than the reader allows."""

    code = "bad_upstream"

    def __init__(self, peer: str, max_bytes: int) -> None:
        super().__init__(peer, f"the response body is over {max_bytes} bytes")
        self.max_bytes = max_bytes


class LocallyClosed(TransportError):
    """The response or the client was closed on this side."""

    def __init__(self, peer: str) -> None:
        super().__init__(peer, "closed on this side before the response was complete")
