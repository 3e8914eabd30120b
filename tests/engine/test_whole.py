"""Whole answers: who is asked, what is sent, what comes back, and what is told to the observers."""

from __future__ import annotations

import asyncio
import json

import pytest

from pointsman.core.catalog import Capability, Operation, Price, Tier
from pointsman.core.chat import ChatRequest, EmbeddingReply, EmbeddingRequest, Media, Message, Role, Usage, ask
from pointsman.core.decision import Caller, PromptFeatures
from pointsman.core.errors import (
    AllAttemptsFailed,
    BadUpstream,
    ContextTooLong,
    DeadlineExceeded,
    InvalidRequest,
    NoModelAvailable,
    PointsmanError,
    Refused,
)
from pointsman.core.events import AttemptEnded, AttemptStarted, Decided, Finished, FinishReason, Rejected
from pointsman.core.failure import Failure, FailureKind
from pointsman.engine.outcome import exhausted
from pointsman.testing import CLOUD_PRICE, Answers, Fails, Hangs, a_catalog
from tests.engine.lines import whole
from tests.engine.rig import a_model, a_rig, inbound, text_of

NEAR, FAR = a_model("near"), a_model("far", is_local=False)
BOTH = a_catalog(NEAR, FAR)
GOOD = Answers(chunks=(whole("Hello"),))
BUSY = Answers(status=503, chunks=(b'{"error": "overloaded"}',), headers=(("retry-after", "7"),))


async def test_the_first_model_answers_and_the_events_tell_it_in_order() -> None:
    """Decided, AttemptStarted, Finished: times from the arrival, the cost, and what was saved against the baseline."""
    rig = a_rig(BOTH, {"near": [GOOD]})
    answer = await rig.router.answer(inbound())
    assert answer.whole.body == whole("Hello")
    assert (answer.card, answer.fallbacks, answer.overhead_ms) == (NEAR, 0, 1000.0)
    decided, started, finished = rig.events
    assert decided == Decided(
        at_s=1_700_000_000.0,
        decision=answer.decision,
        caller=Caller(),
        features=PromptFeatures(ask="hello", estimated_input_tokens=6, turns=1, needs=frozenset({Capability.CHAT})),
        surface="lines",
        stream=False,
    )
    assert started == AttemptStarted(decision_id="d1", at_s=1_700_000_000.0, model="near", endpoint="at-near", number=1)
    assert finished == Finished(
        decision_id="d1",
        at_s=1_700_000_000.0,
        reason=FinishReason.OK,
        status=200,
        served="near",
        upstream_model="near-upstream",
        attempts=1,
        fallbacks=0,
        usage=Usage(input_tokens=3, output_tokens=2),
        cost_usd=0.0,
        saved_usd=39 / 1_000_000,
        baseline="far",
        duration_ms=1000.0,
        overhead_ms=1000.0,
        is_local=True,
    )
    assert [response.closed for response in rig.responses] == [1]


async def test_a_relayed_body_changes_in_the_model_only() -> None:
    """And in what the card sets by default, one deep; the rest are the caller's own bytes."""
    card = a_model("near", defaults={"options": {"num_ctx": 8192, "seed": 1}, "keep_alive": "5m", "top_p": 0.5})
    rig = a_rig(a_catalog(card), {"near": [GOOD]})
    await rig.router.answer(inbound("naïve ☃", options={"seed": 7}, top_p=0.9))
    (call,) = rig.endpoints["near"].calls
    assert (call.model, call.path, call.stream, call.deadline_s) == ("near", "/chat", False, None)
    assert json.loads(call.body) == {
        "model": "near-upstream",
        "ask": "naïve ☃",
        "stream": False,
        "options": {"num_ctx": 8192, "seed": 7},
        "keep_alive": "5m",
        "top_p": 0.9,
    }


async def test_another_dialect_is_translated_both_ways() -> None:
    """The request into the endpoint's words with the card's defaults, the answer into the caller's."""
    card = a_model("near", dialect="other", defaults={"options": {"seed": 1}, "ask": "not this"})
    rig = a_rig(a_catalog(card), {"near": [GOOD]})
    answer = await rig.router.answer(inbound("hi"))
    assert answer.whole.body == b"HELLO"
    (call,) = rig.endpoints["near"].calls
    expected = {"model": "near-upstream", "ask": "hi", "stream": False, "options": {"seed": 1}}
    assert json.loads(call.body) == expected


async def test_a_failure_goes_to_the_next_model_and_is_told() -> None:
    """With its kind, its words and its Retry-After; both answers are closed."""
    rig = a_rig(BOTH, {"near": [BUSY], "far": [GOOD]})
    answer = await rig.router.answer(inbound())
    assert (answer.card, answer.fallbacks) == (FAR, 1)
    assert rig.story() == ["Decided", "AttemptStarted", "AttemptEnded", "AttemptStarted", "Finished"]
    (ended,) = [event for event in rig.events if isinstance(event, AttemptEnded)]
    assert ended.failure == Failure(
        kind=FailureKind.TRANSIENT,
        model="near",
        endpoint="at-near",
        message="overloaded",
        status=503,
        retry_after_s=7.0,
    )
    assert (rig.finished.served, rig.finished.attempts, rig.finished.fallbacks) == ("far", 2, 1)
    assert (rig.finished.cost_usd, rig.finished.saved_usd) == (39 / 1_000_000, 0.0)
    assert rig.finished.is_local is False
    assert [response.closed for response in rig.responses] == [1, 1]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (Fails(message="refused"), "refused"),
        (Answers(chunks=(b"<html>",)), "the answer is not JSON: <html>"),
        (Answers(chunks=(b"[1]",)), "the answer is not a JSON object: "),
        (Answers(chunks=(b'{"error": "out of memory"}',)), "the endpoint reported an error with status 200: out of"),
        (Answers(chunks=(b'{"te',), then=Fails(message="reset")), "reset"),
        (Answers(status=502, chunks=(b"bad gateway",)), "bad gateway"),
        (Answers(status=502, chunks=(b"x" * 100_000,)), "HTTP 502"),
        (Answers(status=401, chunks=(b"x",), then=Fails(message="reset")), "HTTP 401"),
    ],
    ids=["refused", "no JSON", "a list", "an error with 200", "cut", "bad gateway", "a long error", "a cut error"],
)
async def test_whatever_is_no_answer_is_a_failed_attempt(script: Answers | Fails, message: str) -> None:
    """The next model answers; nothing stays open."""
    rig = a_rig(BOTH, {"near": [script], "far": [GOOD]})
    answer = await rig.router.answer(inbound())
    assert answer.card is FAR
    (ended,) = [event for event in rig.events if isinstance(event, AttemptEnded)]
    assert ended.failure.message.startswith(message)
    assert all(response.closed == 1 for response in rig.responses)


async def test_an_error_inside_a_200_says_its_own_status() -> None:
    """A prompt too long is told apart there too; what is no answer in a translated dialect is a failure as well."""
    body = b'{"error": "sorry", "code": "context_length_exceeded", "status": 400}'
    rig = a_rig(a_catalog(NEAR), {"near": [Answers(chunks=(body,))]})
    with pytest.raises(ContextTooLong):
        await rig.router.answer(inbound())
    rig = a_rig(a_catalog(a_model("near", dialect="other")), {"near": [Answers(chunks=(b'{"error": null}',))]})
    with pytest.raises(AllAttemptsFailed, match="no text"):
        await rig.router.answer(inbound())


async def test_when_all_have_failed_the_error_says_who_and_how() -> None:
    """In order; exactly one Finished."""
    rig = a_rig(BOTH, {"near": [BUSY], "far": [Fails(message="timed out")]})
    with pytest.raises(AllAttemptsFailed) as raised:
        await rig.router.answer(inbound())
    assert str(raised.value) == "No model answered (near: overloaded; far: timed out)."
    assert [failure.model for failure in raised.value.failures] == ["near", "far"]
    finished = rig.finished
    assert (finished.reason, finished.status, finished.served, finished.attempts, finished.fallbacks) == (
        FinishReason.FAILED,
        503,
        None,
        2,
        2,
    )
    assert (finished.usage, finished.cost_usd, finished.is_local, finished.error) == (
        None,
        None,
        None,
        str(raised.value),
    )


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        (FailureKind.BAD_REQUEST, InvalidRequest, "m refused the request: no"),
        (FailureKind.CONTEXT, ContextTooLong, "The prompt is too long for m: no"),
        (FailureKind.CONTENT, Refused, "m refused the content: no"),
        (FailureKind.AUTH, BadUpstream, "No model answered (m: no)."),
        (FailureKind.UNKNOWN, BadUpstream, "No model answered (m: no)."),
    ],
)
def test_the_last_failure_decides_whose_mistake_it_was(
    kind: FailureKind, error: type[PointsmanError], message: str
) -> None:
    """The caller's, or nobody answered."""
    raised = exhausted([Failure(kind=kind, model="m", endpoint="e", message="no")])
    assert (type(raised), str(raised)) == (error, message)


async def test_a_bad_request_is_not_tried_elsewhere() -> None:
    """Another model would be told the same."""
    rig = a_rig(BOTH, {"near": [Answers(status=400, chunks=(b"unknown field",))], "far": [GOOD]})
    with pytest.raises(InvalidRequest, match="near refused the request: unknown field"):
        await rig.router.answer(inbound())
    assert rig.tried() == ["near"]


NO_TOOLS = Answers(status=400, chunks=(b'"near" does not support tools',))


async def test_what_one_model_is_unable_to_do_another_may_do() -> None:
    """Its health is not touched: it did answer."""
    rig = a_rig(BOTH, {"near": [NO_TOOLS], "far": [GOOD]})
    answer = await rig.router.answer(inbound())
    assert answer.card is FAR
    assert rig.router.health.healths() == []


async def test_whoever_insists_on_a_model_reads_what_it_is_unable_to_do() -> None:
    """As their mistake: a 400, not a 503 that says to come again."""
    rig = a_rig(a_catalog(NEAR), {"near": [NO_TOOLS]})
    with pytest.raises(InvalidRequest) as raised:
        await rig.router.answer(inbound())
    assert (raised.value.status, str(raised.value)) == (
        400,
        'near refused the request: "near" does not support tools',
    )


async def test_a_request_that_one_model_might_still_do_is_no_mistake() -> None:
    """The one that is able was busy."""
    rig = a_rig(BOTH, {"near": [BUSY], "far": [NO_TOOLS]})
    with pytest.raises(AllAttemptsFailed) as raised:
        await rig.router.answer(inbound())
    assert raised.value.status == 503


async def test_a_daily_quota_is_over_at_midnight_in_california() -> None:
    """Asked at 22:13 UTC on 14 November 2023, it is back at 08:00 of the next day."""
    spent = b'{"error": "spent", "code": "daily_quota"}'
    rig = a_rig(BOTH, {"near": [Answers(status=429, chunks=(spent,))], "far": [GOOD]})
    await rig.router.answer(inbound())
    (ended,) = [event for event in rig.events if isinstance(event, AttemptEnded)]
    assert (ended.failure.kind, ended.failure.until_s) == (FailureKind.TERMINAL, 1_700_035_200.0)


async def test_the_last_model_is_asked_again_after_a_pause() -> None:
    """As often as configured, when its status says that it may work soon."""
    soon = Answers(status=503, headers=(("retry-after", "0.001"),))
    rig = a_rig(a_catalog(NEAR), {"near": [soon, soon, GOOD]}, num_retries=2)
    await rig.router.answer(inbound())
    assert rig.tried() == ["near"] * 3


async def test_nobody_waits_beyond_the_deadline() -> None:
    """A pause that would end after it is not begun."""
    soon = Answers(status=503, headers=(("retry-after", "1"),))
    rig = a_rig(a_catalog(NEAR), {"near": [soon]}, num_retries=2)
    with pytest.raises(DeadlineExceeded, match="near: HTTP 503"):
        await rig.router.answer(inbound(caller=Caller(deadline_ms=1500)))
    assert (rig.finished.reason, rig.finished.status) == (FinishReason.DEADLINE, 504)


@pytest.mark.parametrize(
    ("asked_ms", "configured_s", "deadline_s"),
    [(None, None, None), (500, None, 99.5), (None, 10, 109.0), (500, 10, 99.5), (20_000, 10, 109.0)],
)
async def test_the_deadline_counts_from_the_arrival(
    asked_ms: float | None, configured_s: float | None, deadline_s: float | None
) -> None:
    """The caller's or the configured one, whichever is nearer."""
    rig = a_rig(a_catalog(NEAR), {"near": [GOOD]}, request_timeout_s=configured_s)
    await rig.router.answer(inbound(caller=Caller(deadline_ms=asked_ms)))
    assert rig.endpoints["near"].calls[0].deadline_s == deadline_s


@pytest.mark.parametrize(
    ("error", "reason", "status", "told"),
    [
        (DeadlineExceeded("Time is up."), FinishReason.DEADLINE, 504, "Time is up."),
        (NoModelAvailable("It did not start."), FinishReason.FAILED, 503, "It did not start."),
        (RuntimeError("secret"), FinishReason.FAILED, 500, "RuntimeError"),
    ],
)
async def test_an_error_that_is_no_failed_attempt_ends_the_request(
    error: Exception, reason: FinishReason, status: int, told: str
) -> None:
    """As it is, with one Finished; a foreign one is named and not quoted."""
    rig = a_rig(BOTH, {"near": [error], "far": [GOOD]})
    with pytest.raises(type(error)):
        await rig.router.answer(inbound())
    assert (rig.finished.reason, rig.finished.status, rig.finished.error) == (reason, status, told)
    assert rig.tried() == ["near"]


@pytest.mark.parametrize("script", [Hangs(), Answers(chunks=(b"{",), then=Hangs())], ids=["before", "amidst"])
async def test_a_caller_who_leaves_ends_the_endpoints_work(script: Answers | Hangs) -> None:
    """499 in the record, no second model, nothing left open."""
    rig = a_rig(BOTH, {"near": [script], "far": [GOOD]})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(rig.router.answer(inbound()))
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
    assert (rig.finished.reason, rig.finished.status) == (FinishReason.CANCELLED, 499)
    assert rig.tried() == ["near"]
    assert all(response.closed == 1 for response in rig.responses)


async def test_a_request_closed_from_outside_is_cancelled_too() -> None:
    """A coroutine that is thrown away."""
    rig = a_rig(a_catalog(NEAR), {"near": [Hangs()]})
    running = rig.router.answer(inbound())
    running.send(None)
    running.close()
    assert rig.finished.reason is FinishReason.CANCELLED


@pytest.mark.parametrize(
    ("dialect", "body", "written"),
    [
        ("lines", whole("Hello, you!", usage=None), 3),
        ("other", whole("Hello, you!", usage=None), 3),
        ("lines", b'{"choices": "nine"}', 5),
    ],
    ids=["relayed", "translated", "a shape nobody knows"],
)
async def test_usage_that_is_not_reported_is_estimated(dialect: str, body: bytes, written: int) -> None:
    """Four characters a token, and marked as an estimate."""
    rig = a_rig(a_catalog(a_model("near", dialect=dialect)), {"near": [Answers(chunks=(body,))]})
    await rig.router.answer(inbound())
    assert rig.finished.usage == Usage(input_tokens=6, output_tokens=written, is_estimated=True)


async def test_without_a_price_there_is_no_cost() -> None:
    """And nothing that can be called saved."""
    rig = a_rig(a_catalog(a_model("near", price=None)), {"near": [GOOD]})
    await rig.router.answer(inbound())
    assert (rig.finished.cost_usd, rig.finished.saved_usd, rig.finished.baseline) == (None, None, None)


async def test_a_dearer_choice_has_negative_savings() -> None:
    """They are real."""
    dear = a_model("near", price=Price(input_usd_per_mtok=1e6, output_usd_per_mtok=0.0))
    catalog = a_catalog(dear, a_model("far", price=CLOUD_PRICE), baseline="far")
    rig = a_rig(catalog, {"near": [GOOD]})
    await rig.router.answer(inbound())
    assert rig.finished.saved_usd == pytest.approx(39e-6 - 3.0)


EMBEDDER = a_model("embedder", lacks=frozenset({Capability.CHAT}))
VECTOR = Answers(chunks=(b'{"vector": [1]}',))


async def test_texts_to_embed_go_to_a_model_for_it() -> None:
    """Relayed or translated; an embedding has no output to count."""
    rig = a_rig(a_catalog(NEAR, EMBEDDER), {"embedder": [VECTOR]})
    answer = await rig.router.answer(inbound("text", operation=Operation.EMBEDDINGS))
    assert (answer.card, answer.whole.body) == (EMBEDDER, b'{"vector": [1]}')
    assert rig.finished.usage == Usage(input_tokens=1, output_tokens=0, is_estimated=True)
    assert rig.endpoints["embedder"].calls[0].path == "/embeddings"


async def test_the_library_embeds_completes_and_says_what_it_was_given_wrongly() -> None:
    """No endpoint is asked with the wrong kind of request."""
    request = EmbeddingRequest(inputs=("text",))
    rig = a_rig(a_catalog(NEAR, EMBEDDER), {"near": [GOOD], "embedder": [VECTOR]})
    assert await rig.router.embed(request) == EmbeddingReply(model="lines", vectors=((1.0,),))
    assert text_of(await rig.router.complete(ask("hi"))) == "Hello"
    with pytest.raises(InvalidRequest, match=r"embed\(\) takes an EmbeddingRequest"):
        await rig.router.embed(ask("hi"))  # type: ignore[arg-type]  # that is the point
    with pytest.raises(InvalidRequest, match="take a ChatRequest"):
        await rig.router.complete(request)  # type: ignore[arg-type]  # that is the point
    assert rig.tried() == ["embedder", "near"]


async def test_an_answer_that_is_no_embedding_is_a_failure() -> None:
    """As with chats."""
    rig = a_rig(a_catalog(EMBEDDER), {"embedder": [GOOD]})
    with pytest.raises(AllAttemptsFailed, match="no vector"):
        await rig.router.embed(EmbeddingRequest(inputs=("text",)))


async def test_complete_asks_for_a_whole_answer_whatever_the_request_says() -> None:
    """`stream` is how it is delivered, not what is asked."""
    rig = a_rig(a_catalog(NEAR), {"near": [GOOD]})
    request = ChatRequest(messages=ask("hi").messages, stream=True)
    assert text_of(await rig.router.complete(request)) == "Hello"
    assert json.loads(rig.endpoints["near"].calls[0].body)["stream"] is False


async def test_content_an_endpoint_cannot_be_told_is_the_callers_error() -> None:
    """Nothing was sent; the record is closed."""
    rig = a_rig(a_catalog(NEAR), {"near": [GOOD]})
    picture = Message(role=Role.USER, parts=(Media(kind="image", url="https://example.org/a.png"),))
    with pytest.raises(InvalidRequest, match="no pictures"):
        await rig.router.complete(ChatRequest(messages=(picture,)))
    assert (rig.finished.status, rig.endpoints["near"].calls) == (400, [])


async def test_the_other_tiers_of_a_router_follow_its_own() -> None:
    """By name of the router's tiers."""
    tiers = {Tier.SIMPLE: ["far"], Tier.MEDIUM: ["near"]}
    rig = a_rig(a_catalog(NEAR, FAR, tiers=tiers), {"near": [BUSY], "far": [GOOD]})
    answer = await rig.router.answer(inbound(model="medium"))
    assert (answer.card, answer.decision.tier) == (FAR, Tier.MEDIUM)


async def test_an_observer_that_raises_harms_nobody() -> None:
    """The others hear everything."""

    def broken(event: object) -> None:
        raise OSError("disk full")

    rig = a_rig(a_catalog(NEAR), {"near": [GOOD]}, observers=[broken])
    await rig.router.answer(inbound())
    assert rig.story() == ["Decided", "AttemptStarted", "Finished"]


async def test_a_refused_request_is_told_once() -> None:
    """Rejected alone: no decision, no attempt, no end."""
    rig = a_rig(a_catalog(NEAR), {}, refuse_unknown_models=True)
    with pytest.raises(PointsmanError):
        await rig.router.answer(inbound(model="gpt-99"))
    assert rig.events == [
        Rejected(
            at_s=1_700_000_000.0,
            decision_id="d1",
            surface="lines",
            status=404,
            code="model_not_found",
            message="The model 'gpt-99' does not exist.",
            asked="gpt-99",
        )
    ]
