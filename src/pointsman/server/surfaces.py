"""One generic endpoint for every surface: decode, ask the Router, answer whole or streamed, errors in the dialect."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pointsman.core.catalog import Operation
from pointsman.core.chat import ChatReply, ChatRequest
from pointsman.core.errors import NoModelAvailable, PointsmanError, ShuttingDown
from pointsman.core.stream import Started
from pointsman.core.values import value_type
from pointsman.dialects.raw import RawBody, parse_body
from pointsman.engine.explain import as_json
from pointsman.engine.inbound import Inbound
from pointsman.server.disconnect import DisconnectWatch
from pointsman.server.headers import of_answer, of_bill, of_count, of_decision
from pointsman.server.http import CallerGone, header, read_body, respond, respond_json
from pointsman.server.idempotency import HEADER as IDEMPOTENCY_KEY
from pointsman.server.labels import METADATA, caller_of, with_agent, without_labels
from pointsman.server.remembered import Remembered, remember
from pointsman.server.streaming import Framing, Stream

if TYPE_CHECKING:
    from pointsman.core.chat import EmbeddingReply, EmbeddingRequest
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.stream import StreamEvent
    from pointsman.dialects.base import StreamEncoder, Surface
    from pointsman.engine.router import Router
    from pointsman.engine.shadow.owner import Shadows
    from pointsman.server.http import Header, Receive, Scope, Send
    from pointsman.server.state import State

log = logging.getLogger("pointsman.server")

LARGE_BODY_BYTES = 256 * 1024
NO_RETRY: Header = (b"x-should-retry", b"false")
_OPEN_WEBUI = b"x-openwebui-"


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceEndpoint:
    """A path of a caller's API: which dialect it speaks and what it asks for."""

    surface: Surface
    operation: Operation
    relays_to: str | None  # endpoints of this dialect take the body as it is
    decode: Callable[[JsonObject], ChatRequest | EmbeddingRequest]
    encode_embeddings: Callable[[EmbeddingReply, EmbeddingRequest], JsonObject] | None = None
    encode_count: Callable[[int], JsonObject] | None = None
    framing: Callable[[], Framing] | None = None  # of streams; None: as the dialect's encoder writes them
    without_a_model: Callable[[JsonObject, float], JsonObject | None] | None = None  # answers what no model has to
    metadata: str = METADATA  # the field that may hold labels
    is_strict: bool = False  # the real API refuses labels in that field, so they are not relayed
    is_remembered: bool = False  # a later request may go on from the answer
    tells_status: bool = False  # Open WebUI is told who answers and why

    async def handle(self, state: State, scope: Scope, receive: Receive, send: Send, key_id: str | None) -> None:
        """Answer one request. Errors of ours are answered in the dialect; others are the application's."""
        if header(scope, IDEMPOTENCY_KEY) is None:
            await self._handle(state, scope, receive, send, key_id)
            return

        async def work(receive: Receive, send: Send) -> None:
            await self._handle(state, scope, receive, send, key_id)

        try:
            await state.repeats.answer(state, scope, receive, send, key_id, work)
        except CallerGone:
            return
        except PointsmanError as error:
            await self.refuse(send, error)

    async def _handle(self, state: State, scope: Scope, receive: Receive, send: Send, key_id: str | None) -> None:
        try:
            arrived_s = state.router.clock()
            raw = await parsed(await read_body(scope, receive, state.max_body_bytes))
            if self.without_a_model is not None:
                answered = self.without_a_model(raw.value, state.router.now())
                if answered is not None:
                    await respond_json(send, 200, answered)
                    return
            caller, is_dry_run = caller_of(scope, raw.value, key_id, self.metadata)
            remembered: Remembered | None = None
            if self.is_remembered:
                remembered = await remember(state.responses, raw.value, key_id)
                caller = remembered.caller(caller)
            request = self._request(raw, remembered)
            outward = _Outward(endpoint=self, request=request, id=remembered.id if remembered is not None else None)
            inbound = Inbound(
                request=request,
                arrived_s=arrived_s,
                operation=self.operation,
                caller=with_agent(caller, request),
                surface=self.surface.name,
                raw=self._relayed(raw, remembered),
                relays_to=self.relays_to,
                relayed_headers=self._relayed_headers(scope),
                outward=outward,
                is_dry_run=is_dry_run,
                ask=state.asker(caller) if caller.wants_consent else None,
            )
            async with DisconnectWatch(receive):
                await self._answer(state, scope, send, inbound, outward, remembered)
        except CallerGone:
            return
        except PointsmanError as error:
            await self.refuse(send, error)
        except asyncio.CancelledError:
            stopped = state.drain.breaks_off()
            if stopped is None:
                raise
            await self.refuse(send, stopped)

    def _request(self, raw: RawBody, remembered: Remembered | None) -> ChatRequest | EmbeddingRequest:
        if remembered is None:
            return self.decode(raw.value)
        request = self.decode(remembered.body)
        return remembered.request(request) if isinstance(request, ChatRequest) else request

    def _relayed(self, raw: RawBody, remembered: Remembered | None) -> RawBody | None:
        """What goes to endpoints of the same dialect: nothing if it does not stand for itself."""
        if remembered is not None and remembered.previous is not None:
            return None
        return without_labels(raw, self.metadata) if self.is_strict else raw

    def _relayed_headers(self, scope: Scope) -> tuple[Header, ...]:
        wanted = self.surface.relayed_headers
        return tuple(found for found in scope["headers"] if found[0] in wanted) if wanted else ()

    async def _answer(
        self,
        state: State,
        scope: Scope,
        send: Send,
        inbound: Inbound,
        outward: _Outward,
        remembered: Remembered | None,
    ) -> None:
        router = state.router
        if inbound.is_dry_run:
            resolved = await router.resolve(inbound)
            await respond_json(send, 200, as_json(resolved.decision), of_decision(resolved.decision))
        elif self.encode_count is not None:
            await self._count(router, send, inbound, self.encode_count)
        elif inbound.wants_stream:
            stream = Stream(
                send=send,
                media_type=self.surface.stream_media_type,
                keep_alive=self.surface.keep_alive,
                keep_alive_s=state.keep_alive_s,
                drain=state.drain,
                write_timeout_s=state.write_timeout_s,
                status=self.tells_status and is_open_webui(scope),
                framing=self.framing() if self.framing is not None else None,
                listener=remembered,
                shadows=state.shadows,
            )
            await stream.answer(router, inbound, outward)
        else:
            await self._answer_whole(router, send, inbound, remembered, state.shadows)

    async def _answer_whole(
        self, router: Router, send: Send, inbound: Inbound, remembered: Remembered | None, shadows: Shadows | None
    ) -> None:
        """Answer in one piece; with the answer on its way, perhaps put a copy of the request to another model."""
        resolved = await router.resolve(inbound)
        sample = shadows.drawn(inbound, resolved) if shadows is not None else None
        answer = await router.answer(inbound, resolved)
        if remembered is not None:
            await remembered.whole(answer.whole.body, answer.decision)
        await respond(send, 200, answer.whole.body, [*of_answer(answer), *of_bill(answer)])
        if shadows is not None and sample is not None:
            shadows.whole(sample, answer)

    async def _count(self, router: Router, send: Send, inbound: Inbound, encode: Callable[[int], JsonObject]) -> None:
        counted = await router.count_tokens(inbound)
        body = counted.body
        if body is None:
            body = json.dumps(encode(counted.estimated_tokens)).encode()
        await respond(send, 200, body, of_count(counted))

    async def refuse(self, send: Send, error: PointsmanError) -> None:
        """Answer *error* in the caller's dialect, and tell client libraries not to try again: we already have."""
        status, body = self.surface.encode_error(error)
        await respond_json(send, status, body, error_headers(error))


@value_type
class _Outward:
    """How the answer to one request is said: see engine.inbound.Outward."""

    endpoint: SurfaceEndpoint
    request: ChatRequest | EmbeddingRequest
    id: str | None = None  # the answer's, in place of the one its endpoint made

    def reply(self, reply: ChatReply | EmbeddingReply, /) -> bytes:
        """The whole answer's bytes."""
        if self.id is not None and isinstance(reply, ChatReply):
            reply = replace(reply, id=self.id)
        if isinstance(self.request, ChatRequest):
            value = self.endpoint.surface.encode_reply(reply, self.request)  # type: ignore[arg-type]  # a chat's reply
        elif self.endpoint.encode_embeddings is not None:
            value = self.endpoint.encode_embeddings(reply, self.request)  # type: ignore[arg-type]  # an embedding's
        return json.dumps(value, ensure_ascii=False).encode()

    def stream_encoder(self) -> StreamEncoder:
        """A fresh encoder."""
        assert isinstance(self.request, ChatRequest)  # noqa: S101  embeddings are never streamed
        encoder = self.endpoint.surface.stream_encoder(self.request)
        return encoder if self.id is None else _Renamed(encoder, self.id)


@dataclass(frozen=True, slots=True)
class _Renamed:
    """An encoder whose answer has the given id."""

    encoder: StreamEncoder
    id: str

    def encode(self, event: StreamEvent) -> bytes:
        """See base.StreamEncoder."""
        return self.encoder.encode(replace(event, id=self.id) if isinstance(event, Started) else event)


def is_open_webui(scope: Scope) -> bool:
    """Whether Open WebUI asks, and says so (`ENABLE_FORWARD_USER_INFO_HEADERS`, or headers of its connection)."""
    return any(name.startswith(_OPEN_WEBUI) for name, _ in scope["headers"])


async def parsed(body: bytes) -> RawBody:
    """The body as JSON; large ones are read in a thread, so that one caller's megabytes do not hold up the others."""
    if len(body) > LARGE_BODY_BYTES:
        return await asyncio.to_thread(parse_body, body)
    return parse_body(body)


def error_headers(error: PointsmanError) -> list[Header]:
    """`x-should-retry: false`, and Retry-After where a model may answer later."""
    found = [] if isinstance(error, ShuttingDown) else [NO_RETRY]
    if isinstance(error, NoModelAvailable) and error.retry_after_s is not None:
        found.append((b"retry-after", str(max(1, math.ceil(error.retry_after_s))).encode()))
    return found
