"""The one HTTP provider: an endpoint's dialect, URL and key, over pooled connections. Transport errors end here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pointsman.adapters.http.coding import Decoder, Undecodable, inflater
from pointsman.adapters.http.errors import (
    ConnectFailed,
    ConnectFailure,
    ConnectTimeout,
    DisconnectStage,
    ProtocolViolation,
    ResponseTooLarge,
    TransportError,
    UpstreamDisconnected,
)
from pointsman.adapters.http.errors import DeadlineExceeded as TransportDeadline
from pointsman.adapters.http.response import Timeouts
from pointsman.adapters.http.target import Target
from pointsman.core.catalog import Auth
from pointsman.core.errors import AttemptFailed, ConfigError, DeadlineExceeded
from pointsman.core.failure import DISCONNECTED, Failure, FailureKind, Reach
from pointsman.privacy.gate import require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pointsman.adapters.http.client import HttpClient
    from pointsman.adapters.http.response import HttpResponse
    from pointsman.core.catalog import Endpoint
    from pointsman.core.ports import Egress, UpstreamCall


Headers = tuple[tuple[bytes, bytes], ...]

_ACCEPT = {False: "application/json", True: "text/event-stream, application/x-ndjson"}
_LISTS = frozenset((b"anthropic-beta",))
_CUT_CODES = {DisconnectStage.BEFORE_RESPONSE: DISCONNECTED, DisconnectStage.MID_HEAD: ProtocolViolation.code}
_WANTED = {"anthropic_messages": {"anthropic-version": "2023-06-01"}}  # headers an API refuses to do without


class HttpProvider:
    """Sends to one endpoint. Headers come from the configuration; of a caller's, only those its dialect relays."""

    def __init__(self, endpoint: Endpoint, client: HttpClient) -> None:
        """Parse the endpoint's URL once; ConfigError when it is none."""
        self._endpoint = endpoint
        self._client = client
        try:
            self._base = Target.parse(endpoint.base_url)
        except TransportError as error:
            message = f"endpoint {endpoint.name!r} has an unusable base_url: {error.message}"
            raise ConfigError(message) from error
        self._targets: dict[str, Target] = {}
        stream_s, whole_s = endpoint.first_byte_timeout_s, endpoint.whole_timeout_s
        self._timeouts = {
            wants_stream: Timeouts(
                connect_s=endpoint.connect_timeout_s, first_byte_s=first_byte_s, idle_s=endpoint.idle_timeout_s
            )
            for wants_stream, first_byte_s in ((True, stream_s), (False, stream_s if whole_s is None else whole_s))
        }
        self._headers = self._fixed_headers(endpoint)

    async def send(self, egress: Egress, call: UpstreamCall) -> HttpUpstreamResponse:
        """See core.ports.Provider."""
        require(egress, self._endpoint)
        target = self._targets.get(call.path)
        if target is None:
            target = self._targets[call.path] = self._base.join(self._with_query(call.path))
        headers = self._headers[call.stream]
        if call.headers:
            headers = _joined(headers, call.headers)
        try:
            response = await self._client.request(
                "POST", target, headers, call.body, deadline=call.deadline_s, timeouts=self._timeouts[call.stream]
            )
        except TransportError as error:
            raise mapped(error, call.model, self._endpoint.name) from error
        return HttpUpstreamResponse(response, call.model, self._endpoint.name, target.peer)

    def _with_query(self, path: str) -> str:
        query = self._endpoint.query
        return f"{path}{'&' if '?' in path else '?'}{query}" if query else path

    @staticmethod
    def _fixed_headers(endpoint: Endpoint) -> dict[bool, Headers]:
        """The headers of every request, by whether a stream is wanted; the configuration's own stand over all."""
        fixed = {
            "accept-encoding": "identity",  # each token is wanted at once, and a compressor waits for more
            "content-type": "application/json",
            "user-agent": "pointsman",
            **_WANTED.get(endpoint.dialect, {}),
        }
        if endpoint.api_key is not None:
            prefix = "Bearer " if endpoint.auth is Auth.BEARER else ""
            fixed[endpoint.auth.value] = prefix + endpoint.api_key.reveal()
        own = {name.lower(): value for name, value in endpoint.headers}
        return {
            wants_stream: tuple(
                (name.encode(), value.encode()) for name, value in {"accept": accept, **fixed, **own}.items()
            )
            for wants_stream, accept in _ACCEPT.items()
        }


def _joined(fixed: Headers, given: Headers) -> Headers:
    """*fixed* with a caller's headers in place of those of the same name; a list of features is one list of both."""
    said = dict(given)
    for name in _LISTS.intersection(said):
        lists = (value for other, value in (*fixed, *given) if other == name)
        words = (word.strip() for word in b",".join(lists).split(b","))
        said[name] = b",".join(dict.fromkeys(filter(None, words)))
    return (*(header for header in fixed if header[0] not in said), *said.items())


class HttpUpstreamResponse:
    """A response whose errors are ours."""

    __slots__ = ("_endpoint", "_model", "_peer", "_response", "status")

    def __init__(self, response: HttpResponse, model: str, endpoint: str, peer: str) -> None:
        """Wrap *response* of *endpoint*, at *peer*, to a call for *model*."""
        self._response = response
        self._peer = peer
        self._model = model
        self._endpoint = endpoint
        self.status = response.status

    def header(self, name: str) -> str | None:
        """See core.ports.UpstreamResponse."""
        return self._response.header(name)

    async def read(self, max_bytes: int) -> bytes:
        """See core.ports.UpstreamResponse."""
        try:
            coding = inflater(self._response.header("content-encoding"))
            if coding is None:
                return await self._response.read(max_bytes)
            whole = bytearray()
            async for piece in self._inflated(coding):
                whole += piece
                if len(whole) > max_bytes:
                    raise ResponseTooLarge(self._peer, max_bytes)
            return bytes(whole)
        except TransportError as error:
            raise mapped(error, self._model, self._endpoint) from error
        except Undecodable as error:
            raise mapped(ProtocolViolation(self._peer, str(error)), self._model, self._endpoint) from error

    async def chunks(self) -> AsyncIterator[bytes]:
        """See core.ports.UpstreamResponse."""
        try:
            coding = inflater(self._response.header("content-encoding"))
            if coding is not None:
                async for piece in self._inflated(coding):
                    yield piece
                return
            while data := await self._response.next_chunk():
                yield data
        except TransportError as error:
            raise mapped(error, self._model, self._endpoint) from error
        except Undecodable as error:
            raise mapped(ProtocolViolation(self._peer, str(error)), self._model, self._endpoint) from error

    async def _inflated(self, coding: Decoder) -> AsyncIterator[bytes]:
        while data := await self._response.next_chunk():
            for piece in coding.feed(data):
                yield piece
                await asyncio.sleep(0)  # a little may inflate to very much
        if rest := coding.close():
            yield rest

    async def aclose(self) -> None:
        """See core.ports.UpstreamResponse."""
        await self._response.aclose()


def mapped(error: TransportError, model: str, endpoint: str) -> AttemptFailed | DeadlineExceeded:
    """Our error for a transport's: the deadline is the caller's affair, everything else a failed attempt."""
    if isinstance(error, TransportDeadline):
        return DeadlineExceeded(f"The time for this request is up ({error.message}).")
    is_broken_setup = isinstance(error, ConnectFailed) and error.reason is ConnectFailure.TLS
    code = error.code
    if isinstance(error, UpstreamDisconnected):
        code = _CUT_CODES.get(error.stage, code)
    return AttemptFailed(
        Failure(
            kind=FailureKind.TERMINAL if is_broken_setup else FailureKind.TRANSIENT,
            model=model,
            endpoint=endpoint,
            message=error.message,
            code=code,
            reach=Reach.ENDPOINT if isinstance(error, (ConnectFailed, ConnectTimeout)) else Reach.MODEL,
        )
    )
