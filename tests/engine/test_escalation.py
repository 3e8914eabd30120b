"""One tier up for agents: a whole answer at once, a stream's next turn, and for a while from then on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from pointsman.bootstrap import make_router
from pointsman.config.load import loaded_from
from pointsman.config.schema import Settings
from pointsman.core.catalog import Tier
from pointsman.core.chat import ChatRequest, Message, Role, Text, ToolCall, ToolResult, ToolSpec, ask
from pointsman.core.decision import Caller, Decision, Outcome, PrivacyClass, Step
from pointsman.core.errors import DeadlineExceeded
from pointsman.core.events import AttemptEnded, Event, Finished, FinishReason
from pointsman.core.jsontypes import JsonObject
from pointsman.core.session import Raised
from pointsman.dialects.raw import parse_body
from pointsman.dialects.registry import SURFACES, UPSTREAMS
from pointsman.engine.escalation import CODE, MOST_REMEMBERED, Escalations
from pointsman.engine.inbound import Inbound
from pointsman.engine.router import Router
from pointsman.resilience.budget import RetryBudget
from pointsman.routing.agents.rules import AgentRule, AgentRules
from pointsman.routing.strategies.default import Default
from pointsman.routing.strategies.override import ExplicitModel, TierName
from pointsman.server.headers import of_answer
from pointsman.testing import (
    Answers,
    Fails,
    FakeProvider,
    Hangs,
    ManualClock,
    MemorySessions,
    a_card,
    a_catalog,
    a_router,
    an_endpoint,
)

SEARCH = ToolSpec(name="search", parameters={"type": "object", "required": ["query"]})
BEE = Caller(agent="bee", session="s")
ASKED = Message(role=Role.USER, parts=(Text(text="find it"),))


def completion(content: str | None = None, arguments: str | None = None) -> Answers:
    """A chat completion with words or one call."""
    message: JsonObject = {"role": "assistant", "content": content}
    if arguments is not None:
        called: JsonObject = {"name": "search", "arguments": arguments}
        message["tool_calls"] = [{"id": "c1", "type": "function", "function": called}]
    reason = "stop" if arguments is None else "tool_calls"
    body: JsonObject = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
    return Answers(chunks=(json.dumps(body).encode(),))


GOOD = completion(arguments='{"query": "x"}')
BROKEN = completion(arguments='{"query": ')
REFUSES = completion("I'm sorry, but I can't help with that.")


@dataclass(slots=True, kw_only=True)
class Bench:
    """A router over a small, a middle and a large model, its endpoints and what it tells."""

    router: Router
    escalations: Escalations
    clock: ManualClock
    endpoints: dict[str, FakeProvider]
    events: list[Event] = field(default_factory=list)

    def asked(self) -> list[str]:
        """The models that were called, by their number of calls."""
        return [name for name, provider in self.endpoints.items() for _ in provider.calls]


def a_bench(
    small: Sequence[Answers | Fails | Hangs | BaseException] = (GOOD,),
    middle: Sequence[Answers | Fails | Hangs | BaseException] = (GOOD,),
    large: Sequence[Answers | Fails | Hangs | BaseException] = (GOOD,),
    *,
    rules: Sequence[AgentRule] = (),
    retry: bool = True,
    is_on: bool = True,
    budget: RetryBudget | None = None,
) -> Bench:
    """`auto` takes the small one unless told otherwise."""
    cards = [
        a_card(name, endpoint=an_endpoint(f"at-{name}", is_local=name != "large", dialect="openai_chat"))
        for name in ("small", "middle", "large")
    ]
    router = a_router(
        {Tier.SIMPLE: ["small"], Tier.MEDIUM: ["middle"], Tier.COMPLEX: ["large"]}, default_tier=Tier.SIMPLE
    )
    catalog = a_catalog(*cards, routers=[router])
    scripts = {"small": small, "middle": middle, "large": large}
    endpoints = {card.id: FakeProvider(card.endpoint, tuple(scripts[card.id])) for card in cards}
    events: list[Event] = []
    made = make_router(
        replace(loaded_from(Settings.model_validate({"ledger": {"enabled": False}}))),
        catalog,
        providers={card.endpoint.name: endpoints[card.id] for card in cards},
        upstreams=UPSTREAMS,
        observers=(events.append,),
    )
    clock = ManualClock(100.0)
    escalations = Escalations(
        catalog=catalog, clock=clock, rule_of=AgentRules(rules).of, retry=retry, is_on=is_on, remember_s=60.0
    )
    strategies = (ExplicitModel(catalog), TierName(catalog), Default(catalog))
    chain = replace(made.decider.chain, strategies=strategies)
    decider = replace(made.decider, escalations=escalations, sessions=None, chain=chain)
    made = replace(made, decider=decider, budget=budget or RetryBudget())
    return Bench(router=made, escalations=escalations, clock=clock, endpoints=endpoints, events=events)


def request(*more: Message, tools: tuple[ToolSpec, ...] = (SEARCH,)) -> ChatRequest:
    """The agent's request, with the turns so far."""
    return ChatRequest(messages=(ASKED, *more), tools=tools)


def called(arguments: str) -> tuple[Message, Message]:
    """A call that is in the conversation, and its result."""
    call = ToolCall(id="c", name="search", arguments=arguments)
    result = ToolResult(call_id="c", content=(Text(text="found"),))
    return Message(role=Role.ASSISTANT, parts=(call,)), Message(role=Role.TOOL, parts=(result,))


def relayed(bench: Bench, caller: Caller = BEE, *, tools: bool = True) -> Inbound:
    """The same request as it comes in over HTTP, relayed verbatim."""
    function: JsonObject = {"name": "search", "parameters": {"type": "object", "required": ["query"]}}
    body: JsonObject = {"model": "auto", "messages": [{"role": "user", "content": "find it"}]}
    if tools:
        body["tools"] = [{"type": "function", "function": function}]
    raw = parse_body(json.dumps(body).encode())
    return Inbound(
        request=SURFACES["openai_chat"].decode_chat(body),
        arrived_s=bench.router.clock(),
        caller=caller,
        surface="openai_chat",
        raw=raw,
        relays_to="openai_chat",
    )


async def decided(bench: Bench, request: ChatRequest, caller: Caller | None = None) -> Decision:
    """The decision for a request that is really made."""
    inbound = Inbound(request=request, arrived_s=bench.router.clock(), caller=caller or Caller())
    return (await bench.router.resolve(inbound)).decision


def note(decision: Decision) -> list[Step]:
    """The lines of the trail about being raised."""
    return [step for step in decision.trail if step.strategy == "escalation"]


async def test_a_call_that_cannot_be_read_comes_from_the_next_tier() -> None:
    """Once more, one tier up; both are in the record, both are paid for, and the first is a failed attempt."""
    bench = a_bench([BROKEN])
    answer = await bench.router.answer(relayed(bench))
    assert (answer.card.name, answer.fallbacks) == ("middle", 1)
    assert answer.whole.body == GOOD.chunks[0]
    (failure,) = answer.failures
    assert (failure.model, failure.code, failure.message) == (
        "small", CODE, "not good enough: the arguments of search are not JSON",
    )  # fmt: skip
    (ended,) = [event for event in bench.events if isinstance(event, AttemptEnded)]
    assert (ended.number, ended.failure) == (1, failure)
    (finished,) = [event for event in bench.events if isinstance(event, Finished)]
    assert (finished.served, finished.attempts, finished.fallbacks) == ("middle", 2, 1)
    assert finished.usage is not None
    assert (finished.usage.input_tokens, finished.usage.output_tokens) == (20, 10)
    assert bench.router.health.is_all_well
    told = dict(of_answer(answer))
    assert told[b"x-pointsman-escalated"] == b"not good enough: the arguments of search are not JSON"
    assert (told[b"x-pointsman-model"], told[b"x-pointsman-fallbacks"]) == (b"middle", b"1")


async def test_a_refusal_of_an_agent_without_tools_is_asked_again() -> None:
    """Through the neutral form as well as relayed."""
    bench = a_bench([REFUSES], [completion("Here it is.")])
    answer = await bench.router.answer(relayed(bench, tools=False))
    assert answer.card.name == "middle"
    bench = a_bench([REFUSES], [completion("Here it is.")])
    reply = await bench.router.complete(request(tools=()), BEE)
    assert reply.choices[0].message.text == "Here it is."


async def test_what_was_raised_stays_so_for_the_session_and_for_a_while() -> None:
    """Another session is not raised; after its time neither is this one."""
    bench = a_bench([BROKEN])
    await bench.router.complete(request(), BEE)
    assert (await decided(bench, request(), Caller(agent="bee", session="other"))).tier is Tier.SIMPLE
    assert (await decided(bench, request(), Caller(agent="bee", session="s", key_id="k"))).tier is Tier.SIMPLE
    raised = await decided(bench, request(), BEE)
    assert raised.tier is Tier.MEDIUM
    assert note(raised) == [
        Step(
            strategy="escalation",
            outcome=Outcome.NOTE,
            detail="an answer was not good enough lately, so 'medium' goes on",
        )
    ]
    assert raised.reason.endswith("; an answer was not good enough lately, so 'medium' goes on")
    bench.clock.advance(60.0)
    assert (await decided(bench, request(), BEE)).tier is Tier.SIMPLE


async def test_what_was_raised_in_one_process_is_in_another() -> None:
    """By the hash that both make, for the same caller only; what is known better is not learned."""
    here, there = a_bench([BROKEN]), a_bench()
    board = MemorySessions()
    for bench in (here, there):
        bench.escalations.join(board)
    await here.router.complete(request(), BEE)
    ((key, trace, kept_s),) = board.told
    assert (trace, kept_s) == (Raised(tier=Tier.MEDIUM, until_s=160.0, messages=1), 60.0)
    assert isinstance(trace, Raised)
    there.escalations.learn(key, trace)
    there.escalations.learn(key, replace(trace, tier=Tier.COMPLEX, until_s=159.0))
    assert (await decided(there, request(), BEE)).tier is Tier.MEDIUM
    assert (await decided(there, request(), replace(BEE, key_id="k"))).tier is Tier.SIMPLE
    there.escalations.learn(key, replace(trace, tier=Tier.COMPLEX, until_s=161.0))
    assert (await decided(there, request(), BEE)).tier is Tier.COMPLEX


async def test_a_streams_next_turn_goes_up_once() -> None:
    """What the conversation shows of the last answer raises; the same conversation again does not raise twice."""
    bench = a_bench()
    shown = request(*called('{"query": '))
    first = await decided(bench, shown, BEE)
    assert first.tier is Tier.MEDIUM
    assert note(first) == [
        Step(
            strategy="escalation",
            outcome=Outcome.CLIMBED,
            detail="the arguments of search are not JSON in the last answer, so 'medium' takes it",
        )
    ]
    assert (await decided(bench, shown, BEE)).tier is Tier.MEDIUM
    longer = request(*called('{"query": '), *called("{"))
    assert (await decided(bench, longer, BEE)).tier is Tier.COMPLEX
    top = request(*called("{"), *called("{"), *called("{"))
    assert (await decided(bench, top, BEE)).tier is Tier.COMPLEX


async def test_without_session_and_agent_the_conversation_is_remembered() -> None:
    """By its first words, and only there."""
    bench = a_bench()
    assert (await decided(bench, request(*called("{")))).tier is Tier.MEDIUM
    assert (await decided(bench, request())).tier is Tier.MEDIUM
    assert (await decided(bench, replace(ask("else"), tools=(SEARCH,)))).tier is Tier.SIMPLE
    nobody = ChatRequest(messages=(), tools=(SEARCH,))
    assert (await decided(bench, nobody)).tier is Tier.SIMPLE


@pytest.mark.parametrize(
    ("caller", "model"),
    [
        pytest.param(BEE, "small", id="names-a-model"),
        pytest.param(BEE, "simple", id="names-a-tier"),
        pytest.param(Caller(agent="bee", tier=Tier.SIMPLE), None, id="labels-a-tier"),
    ],
)
async def test_what_the_caller_named_is_left_alone(caller: Caller, model: str | None) -> None:
    """Its answer too."""
    bench = a_bench([BROKEN])
    await bench.router.complete(replace(request(*called("{")), model=model), caller)
    assert bench.asked() == ["small"]


async def test_a_person_without_tools_pays_nothing_for_it() -> None:
    """Nobody's answer is judged but an agent's, or one to a request with tools."""
    bench = a_bench([REFUSES])
    await bench.router.complete(ask("hi"), Caller())
    assert bench.asked() == ["small"]


async def test_the_first_answer_is_better_than_none() -> None:
    """When the next tier fails, is not to be had, or may not be asked."""
    for others in ([Fails()], [DeadlineExceeded("late")]):
        bench = a_bench([BROKEN], others, others)
        answer = await bench.router.answer(relayed(bench))
        assert (answer.card.name, answer.whole.body) == ("small", BROKEN.chunks[0])
    full = a_bench([BROKEN], budget=RetryBudget(share=0.0, at_least=0))
    assert (await full.router.answer(relayed(full))).card.name == "small"
    patient = a_bench([BROKEN], retry=False)
    assert (await patient.router.answer(relayed(patient))).card.name == "small"
    assert (await decided(patient, request(), BEE)).tier is Tier.MEDIUM
    off = a_bench([BROKEN], is_on=False)
    assert (await off.router.answer(relayed(off))).card.name == "small"
    assert (await decided(off, request(*called("{")), BEE)).tier is Tier.SIMPLE


async def test_a_private_request_is_never_raised_out_of_the_machine() -> None:
    """The large model is not local: the middle one is the end."""
    bench = a_bench([BROKEN], [BROKEN])
    private = Caller(agent="bee", privacy=PrivacyClass.PRIVATE)
    await bench.router.complete(request(), private)
    assert bench.asked() == ["small", "middle"]
    await bench.router.complete(request(), private)
    await bench.router.complete(request(), private)
    assert bench.endpoints["large"].calls == []


async def test_an_agents_rule_bounds_what_is_chosen_and_what_it_climbs_to() -> None:
    """Floor and cap; a line says so."""
    capped = a_bench([BROKEN], rules=[AgentRule(pattern="bee", cap=Tier.SIMPLE)])
    assert (await capped.router.answer(relayed(capped))).card.name == "small"
    assert (await decided(capped, request(*called("{")), BEE)).tier is Tier.SIMPLE
    floored = a_bench(rules=[AgentRule(pattern="bee", floor=Tier.MEDIUM)], is_on=False)
    decision = await decided(floored, request(), BEE)
    assert decision.tier is Tier.MEDIUM
    assert decision.trail[-1] == Step(
        strategy="agent", outcome=Outcome.NOTE, detail="the rule 'bee' allows 'medium', not 'simple'"
    )


async def test_a_long_answer_without_a_call_is_not_read_again() -> None:
    """Only short ones, and those with a call, are decoded; what cannot be is taken as it is."""
    long = json.loads(REFUSES.chunks[0])
    long["usage"]["completion_tokens"] = 500
    bench = a_bench([Answers(chunks=(json.dumps(long).encode(),))])
    assert (await bench.router.answer(relayed(bench))).card.name == "small"
    odd = json.loads(REFUSES.chunks[0])
    odd["choices"] = [{"message": 7}]
    bench = a_bench([Answers(chunks=(json.dumps(odd).encode(),))])
    assert (await bench.router.answer(relayed(bench))).card.name == "small"


async def test_the_memory_is_bounded() -> None:
    """The oldest are forgotten."""
    bench = a_bench()
    for number in range(MOST_REMEMBERED + 1):
        bench.escalations.remember(Caller(agent=f"a{number}"), request(), Tier.MEDIUM)
    assert (await decided(bench, request(), Caller(agent="a0"))).tier is Tier.SIMPLE
    assert (await decided(bench, request(), Caller(agent="a1"))).tier is Tier.MEDIUM


def test_without_tiers_nobody_is_raised() -> None:
    """A catalog without `auto`."""
    escalations = Escalations(catalog=a_catalog(), clock=ManualClock(0.0))
    assert escalations._above(Tier.SIMPLE) is None


async def test_a_dry_run_raises_nobody() -> None:
    """It says what would be, and leaves no trace."""
    bench = a_bench()
    assert (await bench.router.decide(request(*called("{")), BEE)).tier is Tier.MEDIUM
    assert (await decided(bench, request(), BEE)).tier is Tier.SIMPLE


async def test_a_caller_that_goes_away_meanwhile_ends_both() -> None:
    """The request is cancelled, and told so once."""
    bench = a_bench([BROKEN], [Hangs()])
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.router.answer(relayed(bench)))
        for _ in range(50):
            await asyncio.sleep(0)
        task.cancel()
    assert bench.asked() == ["small", "middle"]
    (finished,) = [event for event in bench.events if isinstance(event, Finished)]
    assert finished.reason is FinishReason.CANCELLED
    assert bench.router.budget.retrying == 0


async def test_an_answer_without_usage_is_paid_by_estimate() -> None:
    """Both parts of it."""
    body = json.loads(BROKEN.chunks[0])
    del body["usage"]
    bench = a_bench([Answers(chunks=(json.dumps(body).encode(),))])
    await bench.router.answer(relayed(bench))
    (finished,) = [event for event in bench.events if isinstance(event, Finished)]
    assert finished.usage is not None
    assert finished.usage.is_estimated


async def test_no_request_has_more_attempts_than_it_may() -> None:
    """One model is one attempt, here the only one."""
    bench = a_bench([BROKEN])
    answer = await replace(bench.router, max_fallbacks=0).answer(relayed(bench))
    assert answer.card.name == "small"
