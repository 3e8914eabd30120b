"""The HTTP/1.1 client of the hot path: small, pooled, on httptools; it knows nothing of models or dialects."""

from pointsman.adapters.http.client import HttpClient
from pointsman.adapters.http.errors import (
    ConnectFailed,
    ConnectFailure,
    ConnectTimeout,
    DeadlineExceeded,
    DisconnectStage,
    FirstByteTimeout,
    IdleTimeout,
    InvalidRequestHead,
    InvalidTarget,
    LocallyClosed,
    ProtocolViolation,
    ResponseTooLarge,
    TransportError,
    UpstreamDisconnected,
)
from pointsman.adapters.http.head import Headers, Method
from pointsman.adapters.http.pool import PoolLimits
from pointsman.adapters.http.response import HttpResponse, Timeouts
from pointsman.adapters.http.target import Target

__all__ = [
    "ConnectFailed",
    "ConnectFailure",
    "ConnectTimeout",
    "DeadlineExceeded",
    "DisconnectStage",
    "FirstByteTimeout",
    "Headers",
    "HttpClient",
    "HttpResponse",
    "IdleTimeout",
    "InvalidRequestHead",
    "InvalidTarget",
    "LocallyClosed",
    "Method",
    "PoolLimits",
    "ProtocolViolation",
    "ResponseTooLarge",
    "Target",
    "Timeouts",
    "TransportError",
    "UpstreamDisconnected",
]
