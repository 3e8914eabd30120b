"""The Router: decide, complete, stream and embed over a catalog of models. The library's front door and the gateway's.

One Router serves any number of concurrent requests on one event loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from pointsman.core.catalog import Operation
from pointsman.core.chat import EmbeddingRequest
from pointsman.core.decision import Caller
from pointsman.core.errors import AllAttemptsFailed, ContextTooLong, DeadlineExceeded, InvalidRequest, NoModelAvailable
from pointsman.core.events import Rejected
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.stream import StreamEvent, StreamFailed
from pointsman.engine.count import Counted, endpoint_count
from pointsman.engine.inbound import Inbound
from pointsman.engine.limits import Limits
from pointsman.engine.record import Record, decided
from pointsman.engine.turn import Answer, StreamedAnswer, Turn
from pointsman.resilience.budget import RetryBudget
from pointsman.resilience.plan import Plan
from pointsman.routing.tokens import estimated_tokens, family_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from pointsman.core.catalog import Catalog
    from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingReply
    from pointsman.core.decision import Decision
    from pointsman.core.errors import PointsmanError
    from pointsman.core.ports import ConsentAsker
    from pointsman.engine.attempt import ModelCaller
    from pointsman.engine.bus import Bus
    from pointsman.engine.decide import Decider, Resolved
    from pointsman.engine.entrance import Entrance
    from pointsman.engine.exchange import Piece
    from pointsman.local.scheduler import Place
    from pointsman.resilience.availability import Availability


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Routes requests. Build one with `pointsman.open_router`, or take it from a gateway.

    `clock` is monotonic seconds (the event loop's), `now` seconds since the epoch.
    """

    catalog: Catalog
    decider: Decider
    caller: ModelCaller
    bus: Bus
    clock: Callable[[], float]
    now: Callable[[], float]
    request_timeout_s: float | None = None
    log_prompts: bool = False
    max_fallbacks: int = 5
    num_retries: int = 2
    budget: RetryBudget = field(default_factory=RetryBudget)
    limits: Entrance = field(default_factory=Limits)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    continue_streams: bool = False
    hedge_after_s: float | None = None

    @property
    def health(self) -> Availability:
        """The book of healths."""
        return self.decider.health

    def place_of(self, decision: Decision) -> Place | None:
        """Where requests for *decision*'s model stand that wait until it is in memory; None when nobody has to."""
        memory = self.decider.memory
        return memory.residency.place(self.catalog.by_id[decision.candidates[0]]) if memory is not None else None

    async def decide(self, request: ChatRequest | EmbeddingRequest, caller: Caller | None = None) -> Decision:
        """Which model would answer *request*, and why; nobody is called."""
        inbound = self._inbound(request, caller, is_dry_run=True)
        return (await self.resolve(inbound)).decision

    async def complete(
        self, request: ChatRequest, caller: Caller | None = None, *, ask: ConsentAsker | None = None
    ) -> ChatReply:
        """The answer to *request*; a PointsmanError when it is refused or nobody answers.

        *ask* reaches a person who is to say whether another model may take over; without one it goes by the policy.
        """
        answer = await self.answer(self._inbound(_chat(request, stream=False), caller, ask=ask))
        return cast("ChatReply", answer.whole.reply)

    async def embed(self, request: EmbeddingRequest, caller: Caller | None = None) -> EmbeddingReply:
        """The vectors for *request*."""
        answer = await self.answer(self._inbound(_embedding(request), caller))
        return cast("EmbeddingReply", answer.whole.reply)

    async def stream(
        self, request: ChatRequest, caller: Caller | None = None, *, ask: ConsentAsker | None = None
    ) -> AsyncGenerator[StreamEvent, None]:
        """The events of the streamed answer; AllAttemptsFailed when it breaks off after it began."""
        inbound = self._inbound(_chat(request, stream=True), caller, ask=ask)
        started = await self.answer_stream(inbound, lambda: lambda event: (event,))
        try:
            async for event in started.pieces:
                if isinstance(event, StreamFailed):
                    raise _broke_off(started, event)
                yield event
        finally:
            await started.pieces.aclose()

    async def resolve(self, inbound: Inbound) -> Resolved:
        """Decide and say so to the observers; a refusal is told as well."""
        decision_id = self.decider.new_id()
        try:
            inbound = self.decider.prepared(inbound)
            resolved = await self.decider.decide(inbound, decision_id)
        except Exception as error:
            self._reject(inbound, decision_id, error)
            raise
        self.bus.emit(decided(inbound, resolved, self.now(), log_prompt=self.log_prompts))
        return resolved

    async def answer(self, inbound: Inbound, resolved: Resolved | None = None) -> Answer:
        """The whole answer to *inbound*; *resolved* is what `resolve` gave for it, where that was asked before."""
        return await self._turn(inbound, resolved or await self.resolve(inbound), _no_pieces).whole()

    async def answer_stream(
        self,
        inbound: Inbound,
        new_say: Callable[[], Callable[[StreamEvent], Sequence[Piece]]],
        resolved: Resolved | None = None,
        mark: Callable[[str], Sequence[Piece]] | None = None,
    ) -> StreamedAnswer[Piece]:
        """The streamed answer to *inbound*, in pieces that `new_say()` makes of events.

        *resolved* is what `resolve` gave for it, where that was asked before. *mark* says in the stream that the model
        it names goes on with a broken answer, where the configuration lets one.
        """
        turn = self._turn(inbound, resolved or await self.resolve(inbound), new_say)
        if self.continue_streams:
            turn.mark = mark or _no_mark
        return await turn.stream()

    async def count_tokens(self, inbound: Inbound) -> Counted:
        """How many tokens *inbound* has. It is recorded as a dry run: no answer is asked for.

        A request too long for every model is counted; one that policy refuses is refused.
        """
        inbound = self.decider.prepared(inbound)
        try:
            resolved = await self.resolve(replace(inbound, is_dry_run=True))
        except (ContextTooLong, NoModelAvailable):
            return Counted(estimated_tokens=self.decider.features_of(inbound.request).estimated_input_tokens)
        decision = resolved.decision
        card = resolved.open_models[decision.candidates[0]]
        return Counted(
            estimated_tokens=estimated_tokens(resolved.features, family_of(card.upstream_model)),
            decision=decision,
            body=await endpoint_count(self.caller, card, decision, inbound, self._deadline_s(inbound)),
        )

    def _turn(
        self,
        inbound: Inbound,
        resolved: Resolved,
        new_say: Callable[[], Callable[[StreamEvent], Sequence[Piece]]],
    ) -> Turn[Piece]:
        inbound = self.decider.prepared(inbound)
        return Turn(
            caller=self.caller,
            plan=Plan(
                decision=resolved.decision,
                catalog=self.catalog,
                open_models=resolved.open_models,
                draw=self.decider.selector.draw,
                health=self.health,
                budget=self.budget,
                max_attempts=self.max_fallbacks + 1,
                retries=self.num_retries,
            ),
            limits=self.limits,
            consents=self.decider.consents,
            sizes=self.decider.sizes,
            inbound=inbound,
            record=self._record(inbound, resolved),
            new_say=new_say,
            deadline_s=self._deadline_s(inbound),
            sleep=self.sleep,
            hedge_after_s=self.hedge_after_s,
            escalations=self.decider.escalations,
        )

    def _record(self, inbound: Inbound, resolved: Resolved) -> Record:
        return Record(
            catalog=self.catalog,
            bus=self.bus,
            inbound=inbound,
            resolved=resolved,
            clock=self.clock,
            now=self.now,
        )

    def _deadline_s(self, inbound: Inbound) -> float | None:
        asked_ms, limit_s = inbound.caller.deadline_ms, self.request_timeout_s
        if asked_ms is not None:
            limit_s = asked_ms / 1e3 if limit_s is None else min(asked_ms / 1e3, limit_s)
        return inbound.arrived_s + limit_s if limit_s is not None else None

    def _reject(self, inbound: Inbound, decision_id: str, error: Exception) -> None:
        status, code = getattr(error, "status", 500), getattr(error, "code", "internal_error")
        message = getattr(error, "message", type(error).__name__)
        self.bus.emit(
            Rejected(
                at_s=self.now(),
                decision_id=decision_id,
                surface=inbound.surface,
                status=status,
                code=code,
                message=message,
                asked=inbound.request.model,
            )
        )

    def _inbound(
        self,
        request: ChatRequest | EmbeddingRequest,
        caller: Caller | None,
        *,
        is_dry_run: bool = False,
        ask: ConsentAsker | None = None,
    ) -> Inbound:
        return Inbound(
            request=request,
            arrived_s=self.clock(),
            operation=Operation.EMBEDDINGS if isinstance(request, EmbeddingRequest) else Operation.CHAT,
            caller=caller or Caller(),
            is_dry_run=is_dry_run,
            ask=ask,
        )


def _chat(request: ChatRequest | EmbeddingRequest, *, stream: bool) -> ChatRequest:
    """*request* as this call means it, whatever its `stream` says."""
    if isinstance(request, EmbeddingRequest):
        message = "complete() and stream() take a ChatRequest; embed() takes an EmbeddingRequest."
        raise InvalidRequest(message)
    return replace(request, stream=stream, stream_usage=stream)


def _embedding(request: ChatRequest | EmbeddingRequest) -> EmbeddingRequest:
    if not isinstance(request, EmbeddingRequest):
        message = "embed() takes an EmbeddingRequest; complete() and stream() take a ChatRequest."
        raise InvalidRequest(message)
    return request


def _no_mark(_model: str) -> Sequence[Piece]:
    return ()


def _no_pieces() -> Callable[[StreamEvent], Sequence[bytes]]:
    return lambda _event: ()


def _broke_off(started: StreamedAnswer[StreamEvent], event: StreamFailed) -> PointsmanError:
    failure = Failure(
        kind=FailureKind.TRANSIENT,
        model=started.card.id,
        endpoint=started.card.endpoint.name,
        message=event.message,
        status=event.status,
        code=event.code,
    )
    message = f"The answer broke off: {event.message}"
    if event.code == DeadlineExceeded.code:
        return DeadlineExceeded(message)
    return AllAttemptsFailed(message, failures=(failure,))
