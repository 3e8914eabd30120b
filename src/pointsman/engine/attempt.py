"""One call to one model: leave from the gate, the request, the answer or the classified failure."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic

from pointsman.core.errors import AttemptFailed
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.ports import UpstreamCall
from pointsman.engine.exchange import NotAnAnswer, Piece
from pointsman.resilience.classify import classify
from pointsman.resilience.plan import is_loading
from pointsman.resilience.waits import Hints

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from pointsman.core.catalog import ModelCard
    from pointsman.core.decision import Decision
    from pointsman.core.ports import Provider, UpstreamResponse
    from pointsman.core.stream import StreamFailed
    from pointsman.dialects.base import Upstream
    from pointsman.engine.exchange import Exchange, Pump, Whole
    from pointsman.privacy.gate import EgressGate

MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
_BAD_UPSTREAM = "bad_upstream"
_OK = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun(Generic[Piece]):
    """A stream that has shown its first content: nothing may be retried from here on."""

    response: UpstreamResponse
    arriving: AsyncIterator[bytes]
    pump: Pump[Piece]
    first: Sequence[Piece]
    is_complete: bool  # all has arrived and the pump is closed: `first` is the whole answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCaller:
    """Calls models. One instance serves every request; `clock` is monotonic seconds, `now` since the epoch."""

    providers: Mapping[str, Provider]
    upstreams: Mapping[str, Upstream]
    gate: EgressGate
    clock: Callable[[], float]
    now: Callable[[], float] = time.time

    async def whole(
        self, card: ModelCard, decision: Decision, exchange: Exchange[Piece], deadline_s: float | None
    ) -> Whole:
        """The whole answer of *card*; AttemptFailed, DeadlineExceeded or Refused."""
        began = self.clock()
        response = await self._open(card, decision, exchange, deadline_s, stream=False)
        try:
            return exchange.whole(await response.read(MAX_ANSWER_BYTES))
        except NotAnAnswer as error:
            raise AttemptFailed(self._not_an_answer(card, error, began)) from error
        finally:
            await response.aclose()

    async def stream(
        self,
        card: ModelCard,
        decision: Decision,
        exchange: Exchange[Piece],
        deadline_s: float | None,
        overhear: Callable[[bytes], None] | None = None,
    ) -> Begun[Piece]:
        """The stream of *card* up to its first content; AttemptFailed, DeadlineExceeded or Refused before that.

        *overhear* is told the bytes so far.
        """
        began = self.clock()
        response = await self._open(card, decision, exchange, deadline_s, stream=True)
        try:
            return await self._until_committed(card, response, exchange.pump(), began, overhear)
        except BaseException:
            await response.aclose()
            raise

    async def _open(
        self,
        card: ModelCard,
        decision: Decision,
        exchange: Exchange[Piece],
        deadline_s: float | None,
        *,
        stream: bool,
    ) -> UpstreamResponse:
        began = self.clock()
        provider = self.providers[card.endpoint.name]
        egress = self.gate.grant(decision_id=decision.id, privacy=decision.privacy, card=card)
        path, body = exchange.body(card)
        call = UpstreamCall(
            model=card.id, path=path, body=body, stream=stream, deadline_s=deadline_s, headers=exchange.headers
        )
        response = await provider.send(egress, call)
        if response.status in _OK:
            return response
        try:
            failure = await self._error_status(card, response, began)
        finally:
            await response.aclose()
        raise AttemptFailed(failure)

    async def _error_status(self, card: ModelCard, response: UpstreamResponse, began: float) -> Failure:
        try:
            body = await response.read(MAX_ERROR_BYTES)
        except AttemptFailed:  # longer than any error, or cut: the status says enough
            body = b""
        found = self.upstreams[card.endpoint.dialect].decode_error(body)
        return classify(
            card=card,
            status=response.status,
            message=found.message,
            code=found.code,
            error_type=found.type,
            hints=Hints(header=response.header, asked_s=found.retry_after_s, now_s=self.now()),
            elapsed_ms=(self.clock() - began) * 1e3,
        )

    async def _until_committed(
        self,
        card: ModelCard,
        response: UpstreamResponse,
        pump: Pump[Piece],
        began: float,
        overhear: Callable[[bytes], None] | None,
    ) -> Begun[Piece]:
        arriving = response.chunks()
        held: list[Piece] = []
        is_complete = False
        async for data in arriving:
            if overhear is not None:
                overhear(data)
            held.extend(pump.feed(data))
            if pump.failure is not None or pump.is_committed or pump.has_ended:
                break
        else:
            held.extend(pump.close())
            is_complete = True
        if pump.failure is not None:
            elapsed_ms = (self.clock() - began) * 1e3
            raise AttemptFailed(stream_failure(card, pump.failure, elapsed_ms, now_s=self.now()))
        if not pump.is_committed and not pump.has_ended:
            raise AttemptFailed(cut(card, (self.clock() - began) * 1e3, code=_BAD_UPSTREAM))
        return Begun(response=response, arriving=arriving, pump=pump, first=held, is_complete=is_complete)

    def _not_an_answer(self, card: ModelCard, error: NotAnAnswer, began: float) -> Failure:
        found = self.upstreams[card.endpoint.dialect].decode_error(error.body) if error.body else None
        elapsed_ms = (self.clock() - began) * 1e3
        if found is None:
            return classify(card=card, status=None, message=str(error), elapsed_ms=elapsed_ms)
        failure = classify(
            card=card,
            status=found.status,
            message=found.message,
            code=found.code,
            error_type=found.type,
            hints=Hints(asked_s=found.retry_after_s, now_s=self.now()),
            elapsed_ms=elapsed_ms,
        )
        return failure if is_loading(failure) else replace(failure, message=f"{error}: {failure.message}")


def stream_failure(
    card: ModelCard, failed: StreamFailed, elapsed_ms: float = 0.0, *, now_s: float | None = None
) -> Failure:
    """An error event inside a stream of *card*."""
    return classify(
        card=card,
        status=failed.status,
        message=failed.message,
        code=failed.code,
        hints=Hints(asked_s=failed.retry_after_s, now_s=now_s),
        elapsed_ms=elapsed_ms,
    )


def cut(card: ModelCard, elapsed_ms: float = 0.0, code: str | None = None) -> Failure:
    """A stream of *card* that stopped without its proper end, or (code "bad_upstream") without a word."""
    return Failure(
        kind=FailureKind.TRANSIENT,
        model=card.id,
        endpoint=card.endpoint.name,
        message="the stream ended before the answer did",
        code=code,
        elapsed_ms=elapsed_ms,
    )


def hung(card: ModelCard, message: str, elapsed_s: float) -> Failure:
    """The failure of a model that said nothing until the caller's time was up."""
    return Failure(
        kind=FailureKind.TRANSIENT,
        model=card.id,
        endpoint=card.endpoint.name,
        message=message,
        elapsed_ms=elapsed_s * 1e3,
    )
