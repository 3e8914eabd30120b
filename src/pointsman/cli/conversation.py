"""A conversation: its messages so far, and one turn of it with what was heard."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from pointsman.cli.asking import caller_of, said
from pointsman.cli.consent import Manner
from pointsman.core.chat import ChatReply, ChatRequest, Role, Usage
from pointsman.core.errors import AllAttemptsFailed, PointsmanError
from pointsman.core.stream import RefusalDelta, StreamEvent, StreamFailed, TextDelta, UsageReported
from pointsman.engine.inbound import Inbound
from pointsman.engine.turn import Answer
from pointsman.engine.usage import bill, estimate
from pointsman.resilience.cause import cause_of
from pointsman.resilience.wording import what_happened
from pointsman.server.meanwhile import Meanwhile

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import Message
    from pointsman.core.decision import Caller, Decision
    from pointsman.core.failure import Failure
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.ports import ConsentAsker
    from pointsman.engine.router import Router
    from pointsman.engine.turn import StreamedAnswer
    from pointsman.engine.usage import Bill
    from pointsman.local.scheduler import Place

SURFACE = "cli"
SIGN_S = 0.2  # between signs of life while a model is being loaded
_INLINE = re.compile(r"@(?P<name>[\w.:/+-]+)\s+(?P<text>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """A model that did not answer and so left it to another; `kind` is None where it was not even asked."""

    model: str
    what: str
    message: str
    kind: str | None = None
    status: int | None = None

    def to_json(self) -> JsonObject:
        """For a program."""
        return {
            "model": self.model,
            "what": self.what,
            "message": self.message,
            "kind": self.kind,
            "status": self.status,
        }


@dataclass(slots=True, kw_only=True)
class Heard:
    """One answer as far as it came; `usage` is an estimate where the endpoint reports none."""

    request: ChatRequest
    parts: list[str] = field(default_factory=list)
    decision: Decision | None = None
    card: ModelCard | None = None
    usage: Usage | None = None
    bill: Bill | None = None
    fallbacks: tuple[Fallback, ...] = ()
    duration_ms: float = 0.0

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.parts)

    def to_json(self) -> JsonObject:
        """The answer for a program."""
        decision, usage, costs = self.decision, self.usage, self.bill
        return {
            "text": self.text,
            "model": self.card.id if self.card else None,
            "tier": decision.tier.value if decision and decision.tier else None,
            "strategy": decision.strategy if decision else None,
            "reason": decision.reason if decision else None,
            "privacy": decision.privacy.privacy_class.value if decision else None,
            "decision_id": decision.id if decision else None,
            "local": self.card.is_local if self.card else None,
            "demo": self.card.is_demo if self.card else None,
            "fallbacks": [fallback.to_json() for fallback in self.fallbacks],
            "usage": None
            if usage is None
            else {
                "input_tokens": usage.input_tokens,
                "output_tokens": usage.output_tokens,
                "estimated": usage.is_estimated,
            },
            "cost_usd": costs.cost_usd if costs else None,
            "saved_usd": costs.saved_usd if costs else None,
            "baseline": costs.baseline if costs else None,
            "duration_ms": round(self.duration_ms, 1),
        }


@dataclass(slots=True, kw_only=True)
class Conversation:
    """What was said, and how the next turn is to be asked."""

    model: str
    is_private: bool = False
    tier: str | None = None
    system: str | None = None
    manner: Manner = Manner.UNATTENDED  # who says whether another model may take over
    session: str = field(default_factory=lambda: f"chat-{secrets.token_hex(6)}")
    messages: list[Message] = field(default_factory=list)
    turns: list[Heard] = field(default_factory=list)

    def request(self, text: str, model: str | None = None) -> ChatRequest:
        """The next turn's request; *model* is for this turn only."""
        system = (said(Role.SYSTEM, self.system),) if self.system else ()
        messages = (*system, *self.messages, said(Role.USER, text))
        return ChatRequest(messages=messages, model=model or self.model, stream=True, stream_usage=True)

    def caller(self) -> Caller:
        """Who asks, in which session."""
        return caller_of(private=self.is_private, tier=self.tier, session=self.session)

    def keep(self, text: str, heard: Heard) -> None:
        """The turn happened; what was heard of the answer, all or a part, is context from now on."""
        self.turns.append(heard)
        if heard.text:
            self.messages += [said(Role.USER, text), said(Role.ASSISTANT, heard.text)]

    def clear(self) -> None:
        """Forget what was said; costs are kept."""
        self.messages.clear()


def inline_model(text: str) -> tuple[str | None, str]:
    """The model that `@name text` picks for this message, and the text; `@@` is an @ that picks nothing."""
    if text.startswith("@@"):
        return None, text[1:]
    found = _INLINE.fullmatch(text)
    return (found["name"], found["text"]) if found else (None, text)


async def answer(
    router: Router,
    conversation: Conversation,
    heard: Heard,
    show: Callable[[str], None] | None,
    ask: ConsentAsker | None = None,
    waits: Callable[[Place], None] | None = None,
) -> None:
    """Fill *heard* with the answer to its request; *show* gets each piece as it comes (None: ask for it whole).

    *ask* says whether another model may take over; without it that goes by the configuration. *waits* is told the place
    in the queue while the model is being loaded.
    """
    began = router.clock()
    request = heard.request if show is not None else replace(heard.request, stream=False, stream_usage=False)
    inbound = Inbound(
        request=request,
        arrived_s=began,
        caller=conversation.caller(),
        surface=SURFACE,
        ask=ask,
        asks_always=conversation.manner is Manner.NO,
    )
    try:
        resolved = await router.resolve(inbound)
        async with Meanwhile(SIGN_S, partial(_tell_place, router, resolved.decision, waits)):
            if show is None:
                found: Answer | StreamedAnswer[StreamEvent] = await router.answer(inbound, resolved)
            else:
                found = await router.answer_stream(inbound, _as_they_are, resolved)
        _answered_by(found, router, heard)
        if isinstance(found, Answer):
            _whole(found, heard)
        else:
            await _streamed(found, heard, show or _nothing)
    finally:
        heard.duration_ms = (router.clock() - began) * 1e3
        if heard.card is not None:
            tokens = router.decider.features_of(request).estimated_input_tokens
            heard.usage = heard.usage or estimate(tokens, len(heard.text))
            heard.bill = bill(heard.usage, heard.card, router.catalog.baseline_card)


async def _tell_place(router: Router, decision: Decision, waits: Callable[[Place], None] | None) -> None:
    while waits is not None:
        place = router.place_of(decision)
        if place is not None:
            waits(place)
        await asyncio.sleep(SIGN_S)


def _nothing(_text: str) -> None:
    """Show nothing."""


def _whole(found: Answer, heard: Heard) -> None:
    heard.usage = found.whole.usage
    if isinstance(found.whole.reply, ChatReply):
        heard.parts += [choice.message.text for choice in found.whole.reply.choices[:1]]


async def _streamed(found: StreamedAnswer[StreamEvent], heard: Heard, show: Callable[[str], None]) -> None:
    try:
        async for event in found.pieces:
            match event:
                case TextDelta(choice=0) | RefusalDelta(choice=0):
                    heard.parts.append(event.text)
                    show(event.text)
                case UsageReported():
                    heard.usage = event.usage
                case StreamFailed():
                    raise _broke_off(event)
                case _:
                    pass
    finally:
        await found.pieces.aclose()


def _answered_by(found: Answer | StreamedAnswer[StreamEvent], router: Router, heard: Heard) -> None:
    """Note who answers, and in whose place."""
    heard.decision, heard.card = found.decision, found.card
    heard.fallbacks = (*_not_asked(found.decision), *(_failed(failure, router) for failure in found.failures))


def _not_asked(decision: Decision) -> tuple[Fallback, ...]:
    """The model that would have been the choice, had it been well."""
    if decision.preferred is None:
        return ()
    details = [step.detail for step in decision.trail if step.detail.startswith(f"{decision.preferred} is ")]
    return (Fallback(model=decision.preferred, what="known to be unwell", message="; ".join(details)),)


def _failed(failure: Failure, router: Router) -> Fallback:
    card = router.catalog.by_id.get(failure.model)
    what = what_happened(
        failure.kind, cause_of(failure), is_local=card is not None and card.is_local, until_s=failure.until_s
    )
    return Fallback(
        model=failure.model, what=what, message=failure.message, kind=failure.kind.value, status=failure.status
    )


def _as_they_are() -> Callable[[StreamEvent], tuple[StreamEvent, ...]]:
    return lambda event: (event,)


def _broke_off(event: StreamFailed) -> PointsmanError:
    return AllAttemptsFailed(f"The answer broke off: {event.message}", failures=())
