"""One streamed answer on its way to the caller: head, signs of life while a model loads, pieces, a proper end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pointsman.core.errors import PointsmanError
from pointsman.core.events import FinishReason
from pointsman.core.stream import StreamFailed
from pointsman.dialects.frames import SseEvent, SseFrames
from pointsman.server.headers import of_answer, of_decision
from pointsman.server.http import CallerGone
from pointsman.server.meanwhile import Meanwhile
from pointsman.server.slow import SlowReader, hang_up

if TYPE_CHECKING:
    from pointsman.core.decision import Decision
    from pointsman.core.stream import StreamEvent
    from pointsman.dialects.base import StreamEncoder
    from pointsman.engine.delivery import Delivery
    from pointsman.engine.inbound import Inbound, Outward
    from pointsman.engine.router import Router
    from pointsman.engine.shadow.owner import Shadows
    from pointsman.engine.shadow.sample import Sample
    from pointsman.engine.turn import StreamedAnswer
    from pointsman.local.scheduler import Place
    from pointsman.server.drain import Drain
    from pointsman.server.http import Header, Send

SSE = "text/event-stream"
_NO_STORE: Header = (b"cache-control", b"no-store")
_NO_BUFFER: Header = (b"x-accel-buffering", b"no")


class Framing(Protocol):
    """Puts the pieces of a stream, which are server-sent events, in another frame. One serves one answer."""

    media_type: str

    def piece(self, data: bytes) -> bytes:
        """What to send for *data*, possibly nothing."""

    def end(self) -> bytes:
        """What closes the answer."""


class Listener(Protocol):
    """Somebody who looks at the pieces before the caller gets them."""

    async def heard(self, piece: bytes, decision: Decision) -> None:
        """Take note of *piece*."""


@dataclass(slots=True)
class JsonArray:
    """Each event's data as an element of one JSON array: how Gemini streams to those who do not ask for `alt=sse`."""

    media_type: str = "application/json"
    _frames: SseFrames = field(default_factory=SseFrames)
    _has_begun: bool = False

    def piece(self, data: bytes) -> bytes:
        """See Framing."""
        return b"".join(map(self._element, self._frames.feed(data)))

    def end(self) -> bytes:
        """See Framing."""
        rest = b"".join(map(self._element, self._frames.close()))
        return rest + (b"]" if self._has_begun else b"[]")

    def _element(self, event: SseEvent | StreamFailed) -> bytes:
        if not isinstance(event, SseEvent):
            return b""
        before, self._has_begun = (b",\r\n" if self._has_begun else b"["), True
        return before + event.data.encode()


@dataclass(slots=True, kw_only=True)
class Stream:
    """One streamed answer. `status` asks for a first event that says who answers and why (Open WebUI shows it)."""

    send: Send
    media_type: str
    keep_alive: bytes
    keep_alive_s: float
    drain: Drain
    write_timeout_s: float
    status: bool = False
    framing: Framing | None = None
    listener: Listener | None = None
    shadows: Shadows | None = None
    has_begun: bool = False
    _pieces: Delivery[bytes] | None = field(default=None, init=False)  # of which some are sent
    _out: SlowReader = field(init=False)
    _sample: Sample | None = field(default=None, init=False)  # of a request that is to be copied

    async def answer(self, router: Router, inbound: Inbound, outward: Outward) -> None:
        """Send the answer to *inbound*. A PointsmanError before the head was sent is raised, later told in the stream.

        The head waits for the first content, so that a fallback can still change it; but no longer than a caller's
        patience: then it says what was decided, and signs of life follow. CallerGone when the caller does not read.
        """
        async with SlowReader(self.send, self.write_timeout_s) as self._out:
            try:
                await self._answer(router, inbound, outward)
            except asyncio.CancelledError:
                stopped = self.drain.breaks_off() if self.has_begun else None
                if stopped is None:
                    raise
                await self._say_goodbye(outward, stopped)

    async def _say_goodbye(self, outward: Outward, error: PointsmanError) -> None:
        """Tell *error*, unless that too takes until somebody loses patience."""
        try:
            await self._fail(outward, error)
        except asyncio.CancelledError as again:
            await hang_up(self.send)
            raise CallerGone from again

    async def _answer(self, router: Router, inbound: Inbound, outward: Outward) -> None:
        resolved = await router.resolve(inbound)
        if self.shadows is not None:
            self._sample = self.shadows.drawn(inbound, resolved)
        streamed: StreamedAnswer[bytes] | None = None

        async def signs_of_life() -> None:
            await self._begin(of_decision(resolved.decision), resolved.decision.model, resolved.decision.reason)
            while True:
                await self._send(self._sign(router.place_of(resolved.decision)))
                await asyncio.sleep(self.keep_alive_s)

        try:
            if self.keep_alive:
                async with Meanwhile(self.keep_alive_s, signs_of_life):
                    streamed = await router.answer_stream(inbound, _sayer(outward), resolved, self._mark)
            else:
                streamed = await router.answer_stream(inbound, _sayer(outward), resolved, self._mark)
            await self._deliver(streamed)
        except PointsmanError as error:
            if not self.has_begun:
                raise
            await self._fail(outward, error)
        finally:
            if streamed is not None:
                await streamed.pieces.aclose()

    async def _fail(self, outward: Outward, error: PointsmanError) -> None:
        failed = StreamFailed(message=str(error), status=error.status, code=error.code)
        if self._pieces is None:
            await self._end(outward.stream_encoder().encode(failed))
        else:
            await self._end(b"".join(self._pieces.failed(failed)))

    async def _deliver(self, streamed: StreamedAnswer[bytes]) -> None:
        if not self.has_begun:
            await self._begin(of_answer(streamed), streamed.card.name, streamed.decision.reason)
        async for piece in streamed.pieces:
            self._pieces = streamed.pieces
            if self.listener is not None:
                await self.listener.heard(piece, streamed.decision)
            if self._sample is not None:
                self._sample.heard(piece)
            await self._send(piece)
        is_whole = streamed.pieces.record.reason is FinishReason.OK
        await self._end(is_whole=is_whole)
        if self.shadows is not None and self._sample is not None and is_whole:
            self.shadows.streamed(self._sample, streamed.pieces)

    def _sign(self, place: Place | None) -> bytes:
        """A sign of life; for who waits for a model to be loaded, with their place, where the stream can say it."""
        if place is None or self.media_type != SSE or not self.keep_alive.startswith(b":"):
            return self.keep_alive
        return f": waiting for the model, number {place.position}, about {place.eta_s:.0f} s\n\n".encode()

    def _mark(self, model: str) -> Sequence[bytes]:
        """A comment that says that *model* goes on, where the caller's stream can hold one."""
        if self.media_type != SSE or not self.keep_alive:
            return ()
        return (f": pointsman: continued by {' '.join(model.split())}\n\n".encode(),)

    async def _begin(self, headers: Sequence[Header], model: str, reason: str) -> None:
        media_type = self.media_type if self.framing is None else self.framing.media_type
        content = (b"content-type", media_type.encode())
        start = {"type": "http.response.start", "status": 200, "headers": [content, _NO_STORE, _NO_BUFFER, *headers]}
        await self.send(start)
        self.has_begun = True
        if self.status:
            await self._send(status_event(model, reason))

    async def _send(self, piece: bytes) -> None:
        if self.framing is not None:
            piece = self.framing.piece(piece)
        await self._out.send(piece)

    async def _end(self, piece: bytes = b"", *, is_whole: bool = False) -> None:
        if self.framing is not None:
            piece = self.framing.piece(piece) + self.framing.end()
        await self._out.send(piece, is_last=True, is_whole=is_whole)


def status_event(model: str, reason: str) -> bytes:
    """The event that Open WebUI shows above an answer, and that other clients would stumble over."""
    data = {"description": f"Routed to {model} — {reason}", "done": True}
    return f"data: {json.dumps({'event': {'type': 'status', 'data': data}}, ensure_ascii=False)}\n\n".encode()


def _sayer(outward: Outward) -> Callable[[], Callable[[StreamEvent], Sequence[bytes]]]:
    return lambda: _said_by(outward.stream_encoder())


def _said_by(encoder: StreamEncoder) -> Callable[[StreamEvent], Sequence[bytes]]:
    def say(event: StreamEvent) -> Sequence[bytes]:
        piece = encoder.encode(event)
        return (piece,) if piece else ()

    return say
