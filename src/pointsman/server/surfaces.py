"""One generic endpoint for every surface: decode, ask the Router, answer whole or streamed, errors in the dialect."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.catalog import Operation
from pointsman.core.chat import ChatRequest
from pointsman.core.errors import AllAttemptsFailed, PointsmanError
from pointsman.dialects.raw import RawBody, parse_body
from pointsman.engine.explain import as_json
from pointsman.engine.inbound import Inbound
from pointsman.server.disconnect import DisconnectWatch
from pointsman.server.headers import of_answer, of_bill, of_decision
from pointsman.server.http import CallerGone, read_body, respond, respond_json
from pointsman.server.labels import caller_of

if TYPE_CHECKING:
    from pointsman.core.chat import ChatReply, EmbeddingReply, EmbeddingRequest
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.stream import StreamEvent
    from pointsman.dialects.base import StreamEncoder, Surface
    from pointsman.engine.router import Router
    from pointsman.server.http import Header, Receive, Scope, Send

log = logging.getLogger("pointsman.server")

LARGE_BODY_BYTES = 256 * 1024
NO_RETRY: Header = (b"x-should-retry", b"false")
_NO_STORE: Header = (b"cache-control", b"no-store")


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceEndpoint:
    """A path of a caller's API: which dialect it speaks and what it asks for."""

    surface: Surface
    operation: Operation
    relays_to: str | None  # endpoints of this dialect take the body as it is
    decode: Callable[[JsonObject], ChatRequest | EmbeddingRequest]
    encode_embeddings: Callable[[EmbeddingReply, EmbeddingRequest], JsonObject] | None = None

    async def handle(
        self, router: Router, scope: Scope, receive: Receive, send: Send, *, max_bytes: int, key_id: str | None
    ) -> None:
        """Answer one request. Errors of ours are answered in the dialect; others are the application's."""
        try:
            arrived_s = router.clock()
            raw = await parsed(await read_body(scope, receive, max_bytes))
            caller, is_dry_run = caller_of(scope, raw.value, key_id)
            request = self.decode(raw.value)
            inbound = Inbound(
                request=request,
                arrived_s=arrived_s,
                operation=self.operation,
                caller=caller,
                surface=self.surface.name,
                raw=raw,
                relays_to=self.relays_to,
                relayed_headers=self._relayed_headers(scope),
                outward=_Outward(self, request),
                is_dry_run=is_dry_run,
            )
            async with DisconnectWatch(receive):
                await self._answer(router, inbound, send)
        except CallerGone:
            return
        except PointsmanError as error:
            await self.refuse(send, error)

    def _relayed_headers(self, scope: Scope) -> tuple[Header, ...]:
        wanted = self.surface.relayed_headers
        return tuple(found for found in scope["headers"] if found[0] in wanted) if wanted else ()

    async def _answer(self, router: Router, inbound: Inbound, send: Send) -> None:
        if inbound.is_dry_run:
            resolved = await router.resolve(inbound)
            await respond_json(send, 200, as_json(resolved.decision), of_decision(resolved.decision))
        elif inbound.wants_stream:
            await self._stream(router, inbound, send)
        else:
            answer = await router.answer(inbound)
            await respond(send, 200, answer.whole.body, [*of_answer(answer), *of_bill(answer)])

    async def _stream(self, router: Router, inbound: Inbound, send: Send) -> None:
        outward = inbound.outward
        if outward is None:
            return
        streamed = await router.answer_stream(inbound, lambda: _said_by(outward.stream_encoder()))
        pieces = streamed.pieces
        try:
            content = (b"content-type", self.surface.stream_media_type.encode())
            headers = [content, _NO_STORE, (b"x-accel-buffering", b"no"), *of_answer(streamed)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await pieces.aclose()

    async def refuse(self, send: Send, error: PointsmanError) -> None:
        """Answer *error* in the caller's dialect, and tell client libraries not to try again: we already have."""
        status, body = self.surface.encode_error(error)
        await respond_json(send, status, body, error_headers(error))


@dataclass(frozen=True, slots=True)
class _Outward:
    """How the answer to one request is said: see engine.inbound.Outward."""

    endpoint: SurfaceEndpoint
    request: ChatRequest | EmbeddingRequest

    def reply(self, reply: ChatReply | EmbeddingReply, /) -> bytes:
        """The whole answer's bytes."""
        if isinstance(self.request, ChatRequest):
            value = self.endpoint.surface.encode_reply(reply, self.request)  # type: ignore[arg-type]  # a chat's reply
        elif self.endpoint.encode_embeddings is not None:
            value = self.endpoint.encode_embeddings(reply, self.request)  # type: ignore[arg-type]  # an embedding's
        return json.dumps(value, ensure_ascii=False).encode()

    def stream_encoder(self) -> StreamEncoder:
        """A fresh encoder."""
        assert isinstance(self.request, ChatRequest)  # noqa: S101  embeddings are never streamed
        return self.endpoint.surface.stream_encoder(self.request)


def _said_by(encoder: StreamEncoder) -> Callable[[StreamEvent], Sequence[bytes]]:
    def say(event: StreamEvent) -> Sequence[bytes]:
        piece = encoder.encode(event)
        return (piece,) if piece else ()

    return say


async def parsed(body: bytes) -> RawBody:
    """The body as JSON; large ones are read in a thread, so that one caller's megabytes do not hold up the others."""
    if len(body) > LARGE_BODY_BYTES:
        return await asyncio.to_thread(parse_body, body)
    return parse_body(body)


def error_headers(error: PointsmanError) -> list[Header]:
    """`x-should-retry: false`, and Retry-After where an endpoint named a time."""
    found = [NO_RETRY]
    if isinstance(error, AllAttemptsFailed):
        waits = [failure.retry_after_s for failure in error.failures if failure.retry_after_s is not None]
        if waits:
            found.append((b"retry-after", str(max(1, round(min(waits)))).encode()))
    return found
