"""A router over scripted endpoints, with everything that happens written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pointsman.core.catalog import Catalog, ModelCard, Operation
from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingReply, EmbeddingRequest, Text, ask
from pointsman.core.decision import Caller, PrivacyClass
from pointsman.core.events import AttemptEnded, AttemptStarted, Decided, Event, Finished, Rejected
from pointsman.core.jsontypes import Json
from pointsman.core.stream import StreamEvent
from pointsman.dialects.base import StreamEncoder
from pointsman.dialects.raw import parse_body
from pointsman.engine.attempt import ModelCaller
from pointsman.engine.bus import Bus
from pointsman.engine.consent import Consents
from pointsman.engine.decide import Decider
from pointsman.engine.inbound import Inbound
from pointsman.engine.router import Router
from pointsman.privacy.gate import EgressGate
from pointsman.privacy.policy import PrivacyConstraint, PrivacyMode, PrivacyPolicy
from pointsman.resilience.availability import Availability
from pointsman.routing.chain import Chain
from pointsman.routing.constraints.capability import CapabilityConstraint, ContextConstraint
from pointsman.routing.features import features_of
from pointsman.routing.select import Selector
from pointsman.routing.strategies.default import Default
from pointsman.routing.strategies.embeddings import EmbeddingModel
from pointsman.routing.strategies.override import ExplicitModel, TierName
from pointsman.routing.strategy import Constraint
from pointsman.testing import Answers, Fails, FakeProvider, FakeResponse, Hangs, ManualClock, a_card, an_endpoint
from tests.engine.lines import Lines, shown

Scripted = Answers | Fails | Hangs | BaseException
CONSTRAINTS: tuple[Constraint, ...] = (PrivacyConstraint(), CapabilityConstraint(), ContextConstraint())


@dataclass(slots=True, kw_only=True)
class Rig:
    """The router, its endpoints by model, and the events so far."""

    router: Router
    clock: ManualClock
    endpoints: Mapping[str, FakeProvider]
    events: list[Event] = field(default_factory=list)

    @property
    def finished(self) -> Finished:
        """The one end of the one request."""
        (found,) = [event for event in self.events if isinstance(event, Finished)]
        assert self.events[-1] is found
        return found

    @property
    def responses(self) -> list[FakeResponse]:
        """All answers that began, of all endpoints."""
        return [response for provider in self.endpoints.values() for response in provider.responses]

    def tried(self) -> list[str]:
        """The models in the order of their attempts."""
        return [event.model for event in self.events if isinstance(event, AttemptStarted)]

    def story(self) -> list[str]:
        """The events by their kind."""
        kinds = (Decided, AttemptStarted, AttemptEnded, Finished, Rejected)
        return [kind.__name__ for event in self.events for kind in kinds if isinstance(event, kind)]


def a_model(name: str, *, is_local: bool = True, dialect: str = "lines", **fields: object) -> ModelCard:
    """A card with an endpoint of its own."""
    endpoint = an_endpoint(f"at-{name}", is_local=is_local, dialect=dialect)
    return a_card(name, endpoint=endpoint, **fields)  # type: ignore[arg-type]  # a test says what a card has


def a_rig(
    catalog: Catalog,
    scripts: Mapping[str, Sequence[Scripted]],
    *,
    mode: PrivacyMode = PrivacyMode.DEFAULT_CLOUD,
    constraints: Sequence[Constraint] = CONSTRAINTS,
    observers: Sequence[Callable[[Event], None]] = (),
    refuse_unknown_models: bool = False,
    request_timeout_s: float | None = None,
    log_prompts: bool = False,
    num_retries: int = 0,
) -> Rig:
    """A router over *catalog* whose models answer as *scripts* say."""
    clock = ManualClock(100.0)
    events: list[Event] = []
    endpoints = {card.id: FakeProvider(card.endpoint, tuple(scripts.get(card.id, ()))) for card in catalog.models}
    strategies = (ExplicitModel(catalog), EmbeddingModel(), TierName(catalog), Default(catalog))
    ids = iter(range(1, 1000))
    decider = Decider(
        catalog=catalog,
        chain=Chain(constraints=tuple(constraints), strategies=strategies, clock=clock),
        selector=Selector(catalog=catalog, draw=lambda: 0.0),
        policy=PrivacyPolicy(mode),
        health=Availability(clock=clock, now=lambda: 1_699_999_900.0 + clock(), draw=lambda: 0.5),
        consents=Consents(),
        features_of=features_of,
        new_id=lambda: f"d{next(ids)}",
        clock=clock,
        refuse_unknown_models=refuse_unknown_models,
    )
    caller = ModelCaller(
        providers={card.endpoint.name: endpoints[card.id] for card in catalog.models},
        upstreams={"lines": Lines(), "other": Lines("other")},
        gate=EgressGate(),
        clock=clock,
        now=lambda: 1_700_000_000.0,
    )
    router = Router(
        catalog=catalog,
        decider=decider,
        caller=caller,
        bus=Bus((*observers, events.append)),
        clock=clock,
        now=lambda: 1_700_000_000.0,
        request_timeout_s=request_timeout_s,
        log_prompts=log_prompts,
        num_retries=num_retries,
        sleep=clock.sleep,
    )
    return Rig(router=router, clock=clock, endpoints=endpoints, events=events)


PRIVATE = Caller(privacy=PrivacyClass.PRIVATE, privacy_source="flag")


@dataclass(slots=True)
class Said:
    """The caller's side of Lines: one line an event, what is whole in capitals."""

    def reply(self, reply: ChatReply | EmbeddingReply, /) -> bytes:
        """See engine.inbound.Outward."""
        return reply.choices[0].message.text.upper().encode() if isinstance(reply, ChatReply) else b"vector"

    def stream_encoder(self) -> StreamEncoder:
        """See engine.inbound.Outward; the tests hand `say` to the router instead."""
        raise NotImplementedError


def say() -> Callable[[StreamEvent], Sequence[bytes]]:
    """A fresh encoder of events as lines."""
    return lambda event: (found,) if (found := shown(event)) else ()


def inbound(
    prompt: str = "hello",
    *,
    model: str | None = None,
    stream: bool = False,
    relays_to: str | None = "lines",
    caller: Caller | None = None,
    operation: Operation = Operation.CHAT,
    stream_usage: bool = False,
    **fields: Json,
) -> Inbound:
    """A request that came in over HTTP in the Lines dialect."""
    body = {"model": model, "ask": prompt, "stream": stream, **fields}
    request: ChatRequest | EmbeddingRequest
    if operation is Operation.EMBEDDINGS:
        request = EmbeddingRequest(inputs=(prompt,), model=model)
    else:
        messages = ask(prompt).messages
        request = ChatRequest(messages=messages, model=model, stream=stream, stream_usage=stream_usage)
    return Inbound(
        request=request,
        arrived_s=99.0,
        operation=operation,
        caller=caller or Caller(),
        surface="lines",
        raw=parse_body(json.dumps(body).encode()),
        relays_to=relays_to,
        outward=Said(),
    )


def text_of(reply: ChatReply) -> str:
    """What a reply says."""
    return "".join(part.text for choice in reply.choices for part in choice.message.parts if isinstance(part, Text))
