"""Going on with an answer that broke off, by another model that takes its beginning as its own words (opt-in).

Only plain text is gone on with: no tool call or JSON half-way, one choice. The other model is of the same privacy
class: what a local model began is finished by a local one. What the caller has seen is never said again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pointsman.core.chat import ChatRequest, Message, Role, Text
from pointsman.core.errors import AttemptFailed, DeadlineExceeded, PointsmanError
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.stream import (
    Ended,
    ReasoningDelta,
    RefusalDelta,
    Started,
    Stopped,
    StreamEvent,
    StreamFailed,
    TextDelta,
    ToolCallDelta,
)
from pointsman.engine.attempt import cut
from pointsman.engine.delivery import Delivery, Say
from pointsman.engine.exchange import Birth, Piece, Translate
from pointsman.engine.modality import leaves_images_out, without_images
from pointsman.engine.pump import RelayPump
from pointsman.resilience.cause import is_overloaded

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.dialects.base import StreamDecoder
    from pointsman.engine.attempt import Begun, ModelCaller
    from pointsman.engine.context_size import ContextSizes
    from pointsman.engine.entrance import Entrance, Held
    from pointsman.engine.inbound import Inbound
    from pointsman.engine.record import Record
    from pointsman.resilience.plan import Plan

LOOKED_AT = 64  # characters of the continuation that are searched for words said before
REPEATED = 12  # so many of the last characters said again are a repetition, fewer may be chance
RESTARTED = 24  # so many of the first characters said again are an answer from its beginning
NOBODY = Started(id="", model="", created_s=0)
SAID_AGAIN = "the model that took over began the answer anew"


@dataclass(slots=True)
class Heard:
    """A streamed answer as events, decoded beside the bytes that the caller gets."""

    decoder: StreamDecoder
    events: list[StreamEvent] = field(default_factory=list)
    n_said: int = 0  # how many of the events the caller has got

    def feed(self, data: bytes) -> None:
        """More of the answer, which the caller has not got yet."""
        self.n_said = len(self.events)
        self.events.extend(self.decoder.feed(data))

    def said_all(self) -> None:
        """The caller has got all of it."""
        self.n_said = len(self.events)

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def can_go_on(self) -> bool:
        """Whether it stopped inside plain text."""
        other = (ToolCallDelta, RefusalDelta, Stopped, Ended)
        return bool(self.text.strip()) and not any(
            isinstance(event, other) or (isinstance(event, TextDelta) and event.choice) for event in self.events
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Another model that has begun to go on."""

    card: ModelCard
    begun: Begun[StreamEvent]
    slot: Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumer:
    """Finds a model that goes on with the answer to one request."""

    caller: ModelCaller
    plan: Plan
    limits: Entrance
    sizes: ContextSizes
    inbound: Inbound
    record: Record
    deadline_s: float | None

    async def after(self, failed: ModelCard, failure: Failure, heard: Heard) -> Resumed | None:
        """The first well model that goes on after *failed*; None when there is none."""
        request = self.inbound.request
        self.record.failed(failure)
        if not isinstance(request, ChatRequest):
            return None
        request = continued(request, heard.text)
        cards = [self.plan.open_models[card_id] for card_id in self.plan.decision.candidates]
        for card in cards:
            if may_finish(card, failed) and self.plan.health.may_try(card):
                resumed = await self._asked(card, request)
                if resumed is not None:
                    return resumed
        return None

    async def _asked(self, card: ModelCard, request: ChatRequest) -> Resumed | None:
        health = self.plan.health
        if not health.is_all_well and not health.take(card, has_other=False):
            return None
        slot = None
        try:
            slot = self.limits.try_enter(card) or await self.limits.enter(card, self.deadline_s)
            self.record.attempt(card)
            is_blind = leaves_images_out(card, self.record.resolved.features)
            exchange: Translate[StreamEvent] = Translate(
                request=without_images(request) if is_blind else request,
                surface=self.inbound.surface,
                upstream=self.caller.upstreams[card.endpoint.dialect],
                outward=None,
                say=lambda: lambda event: (event,),
                birth=Birth(id=self.plan.decision.id, now=self.record.now),
            )
            asked = self.sizes.sized(card, self.inbound.operation, self.record.resolved.features)
            begun = await self.caller.stream(asked, self.plan.decision, exchange, self.deadline_s)
        except (AttemptFailed, DeadlineExceeded) as error:
            if slot is not None:
                slot.release(failed=isinstance(error, AttemptFailed) and is_overloaded(error.failure))
            if isinstance(error, AttemptFailed):
                rule = self.plan.catalog.policy_of(card.name).rule(error.failure.kind)
                health.failed(card, error.failure, rule)
                self.record.failed(error.failure)
            else:
                health.released(card)
            return None
        health.answering(card)
        return Resumed(card=card, begun=begun, slot=slot)


def may_be_continued(inbound: Inbound) -> bool:
    """Whether half an answer to *inbound* could be gone on with at all."""
    request = inbound.request
    if not isinstance(request, ChatRequest) or (request.sampling.n or 1) > 1 or request.sampling.logprobs:
        return False
    return request.response_format is None or request.response_format.kind == "text"


def continued(request: ChatRequest, text: str) -> ChatRequest:
    """*request* with *text* as the beginning of its answer. Trailing blanks are left out: some APIs refuse them."""
    beginning = Message(role=Role.ASSISTANT, parts=(Text(text=text.rstrip()),))
    return replace(request, messages=(*request.messages, beginning), stream=True, stream_usage=True)


def may_finish(card: ModelCard, failed: ModelCard) -> bool:
    """Whether *card* can take a beginning as its own, and may see what *failed* saw."""
    return card.continues and card.id != failed.id and (card.is_local or not failed.is_local)


@dataclass(slots=True)
class Joint:
    """Joins a continuation to *before*, the text it goes on from: what it says again at its beginning is left out."""

    before: str
    held: str = ""
    is_joined: bool = False

    def feed(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """What to say for *event* of the continuation; AttemptFailed when it begins the answer anew."""
        match event:
            case Started() | ReasoningDelta():
                return ()
            case TextDelta() if not self.is_joined:
                self.held += event.text
                return self._joined() if len(self.held) >= LOOKED_AT else ()
            case _:
                return (*self._joined(), event)

    def _joined(self) -> Sequence[StreamEvent]:
        if self.is_joined:
            return ()
        self.is_joined = True
        said = self.before.rstrip()
        text = self.held.lstrip() if said != self.before else self.held
        if len(said) >= RESTARTED and text.lstrip().startswith(said[:RESTARTED]):
            failure = Failure(kind=FailureKind.UNKNOWN, model="", endpoint="", message=SAID_AGAIN)
            raise AttemptFailed(failure)
        again = next((n for n in range(len(text), REPEATED - 1, -1) if said.endswith(text[:n])), 0)
        return (TextDelta(text=text[again:]),) if text[again:] else ()


@dataclass(slots=True, kw_only=True)
class ContinuedDelivery(Delivery[Piece]):
    """A Delivery whose answer another model may finish, once. `mark` says in the stream that it did, where it can."""

    heard: Heard
    resumer: Resumer
    mark: Callable[[str], Sequence[Piece]]
    _say: Say[Piece] | None = field(default=None, init=False)  # of the continuation
    _is_relayed: bool = field(default=False, init=False)  # what was said before it

    def failed(self, failed: StreamFailed) -> Sequence[Piece]:
        """See Delivery."""
        return self._say(failed) if self._say is not None else Delivery.failed(self, failed)  # no super(): slots

    async def _run(self) -> AsyncGenerator[Piece, None]:
        problem: PointsmanError | None = None
        held: Sequence[Piece] = self.begun.first
        pump = self.begun.pump
        try:
            try:
                for piece in held:
                    yield piece
                self.heard.said_all()
                held = ()
                async for data in self.begun.arriving:
                    self.heard.feed(data)
                    held = pump.feed(data)
                    if pump.failure is not None:
                        break
                    for piece in held:
                        yield piece
                    held = ()
                    self.heard.said_all()
            except PointsmanError as error:
                problem = error
            resumed = await self._resumed(problem)
            if resumed is None:
                for piece in (*held, *self._last(problem)):
                    yield piece
            else:
                await self._hand_over(problem, resumed)
                async for piece in self._rest():
                    yield piece
                problem = None
            self._settle(problem, None)
        except BaseException as error:
            self._settle(problem, error)
            raise
        finally:
            await self.begun.response.aclose()

    def _last(self, problem: PointsmanError | None) -> Sequence[Piece]:
        """What ends the answer of one model alone."""
        pump = self.begun.pump
        left = () if self.begun.is_complete or problem is not None or pump.failure is not None else pump.close()
        if pump.failure is not None or pump.has_ended:
            return left
        return (*left, *self._broken_off(problem or AttemptFailed(cut(self.card))))

    async def _resumed(self, problem: PointsmanError | None) -> Resumed | None:
        pump = self.begun.pump
        if isinstance(problem, DeadlineExceeded) or pump.has_ended or not self.heard.can_go_on:
            return None
        return await self.resumer.after(self.card, self._failure(problem), self.heard)

    def _failure(self, problem: PointsmanError | None) -> Failure:
        if self.begun.pump.failure is not None:
            return self._stream_failure(self.begun.pump.failure)
        return problem.failure if isinstance(problem, AttemptFailed) else cut(self.card)

    async def _hand_over(self, problem: PointsmanError | None, resumed: Resumed) -> None:
        """The first model's part is over: its slot is free, its health known, its use on the bill."""
        self._is_relayed = isinstance(self.begun.pump, RelayPump)
        self._tell(self._failure(problem), is_served=False)
        self.record.part(self.card, self._usage())
        await self.begun.response.aclose()
        self.card, self.slot = resumed.card, resumed.slot
        self.begun = resumed.begun  # type: ignore[assignment]  # its pieces are events, which `_rest` says

    async def _rest(self) -> AsyncGenerator[Piece, None]:
        """The continuation in the caller's dialect, from where the caller is."""
        say = self._say = self.new_say()
        for event in self.heard.events[: self.heard.n_said]:
            say(event)
        if self._is_relayed:  # what Gemini's encoder keeps back the caller has
            say(next((event for event in self.heard.events if isinstance(event, Started)), NOBODY))
        for piece in self.mark(self.card.name):
            yield piece
        for event in self.heard.events[self.heard.n_said :]:
            for piece in () if isinstance(event, StreamFailed) else say(event):
                yield piece
        joint = Joint(self.heard.text)
        try:
            async for event in self._events():
                for said in joint.feed(event):
                    for piece in say(said):
                        yield piece
            if not self.begun.pump.has_ended and self.begun.pump.failure is None:
                raise AttemptFailed(cut(self.card))
        except PointsmanError as error:
            for piece in say(StreamFailed(message=f"{self.card.name}: {error}", code=error.code)):
                yield piece

    async def _events(self) -> AsyncGenerator[StreamEvent, None]:
        begun: Begun[StreamEvent] = self.begun  # type: ignore[assignment]
        for event in begun.first:
            yield event
        if begun.is_complete:
            return
        async for data in begun.arriving:
            for event in begun.pump.feed(data):
                yield event
            if begun.pump.failure is not None:
                return
        for event in begun.pump.close():
            yield event
