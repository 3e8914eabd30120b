"""Reading a body of bounded size, and headers as bytes that HTTP can carry."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pointsman.core.catalog import Operation, Tier
from pointsman.core.decision import Decision, Privacy
from pointsman.core.errors import AllAttemptsFailed, InvalidRequest, PayloadTooLarge
from pointsman.engine.exchange import Whole
from pointsman.engine.turn import Answer
from pointsman.engine.usage import Bill
from pointsman.server.headers import of_answer, of_bill, of_decision
from pointsman.server.http import CallerGone, Header, Message, Receive, read_body
from pointsman.server.surfaces import LARGE_BODY_BYTES, error_headers, parsed
from pointsman.testing import a_card
from tests.server.asgi import scope_of

LIMIT = 10


def receives(*messages: Message) -> Receive:
    """What the server would give, in turn."""
    waiting = list(messages)

    async def receive() -> Message:
        return waiting.pop(0)

    return receive


def piece(body: bytes, *, more: bool = False) -> Message:
    """One message of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Message = {"type": "http.disconnect"}


@pytest.mark.parametrize(
    "messages",
    [
        [piece(b"0123456789")],
        [piece(b"01234", more=True), piece(b"56789")],
        [piece(b"0123456789", more=True), {"type": "http.request"}],
    ],
)
async def test_a_body_up_to_the_limit_is_read(messages: Sequence[Message]) -> None:
    """In one piece or several."""
    assert await read_body(scope_of(), receives(*messages), LIMIT) == b"0123456789"


async def test_no_body_is_empty() -> None:
    """As for a GET."""
    assert await read_body(scope_of(), receives({"type": "http.request"}), LIMIT) == b""


@pytest.mark.parametrize(
    ("announced", "messages"),
    [
        (b"11", []),
        (b"1", [piece(b"01234567890")]),
        (b"many", [piece(b"0123456789", more=True), piece(b"0", more=True)]),
    ],
)
async def test_a_body_over_the_limit_is_refused_as_soon_as_that_is_known(
    announced: bytes, messages: Sequence[Message]
) -> None:
    """By what is announced, or by what has come; the rest is not waited for."""
    with pytest.raises(PayloadTooLarge, match="11 bytes or more; the limit is 10"):
        await read_body(scope_of((b"content-length", announced)), receives(*messages), LIMIT)


@pytest.mark.parametrize("messages", [[GONE], [piece(b"0", more=True), GONE]])
async def test_a_caller_who_leaves_before_the_end_needs_no_answer(messages: Sequence[Message]) -> None:
    """Half a body is none."""
    with pytest.raises(CallerGone):
        await read_body(scope_of(), receives(*messages), LIMIT)


async def test_a_large_body_is_read_as_a_small_one() -> None:
    """Elsewhere, but to the same value."""
    large = b'{"x": "%s"}' % (b"a" * LARGE_BODY_BYTES)
    assert (await parsed(large)).value == {"x": "a" * LARGE_BODY_BYTES}
    assert (await parsed(b'{"x": 1}')).value == {"x": 1}


def decided(**changes: object) -> Decision:
    """A decision for the model `small`, but for *changes*."""
    fields = {
        "id": "0123456789abcdef",
        "asked": "auto",
        "operation": Operation.CHAT,
        "candidates": ("small",),
        "model": "small",
        "tier": None,
        "strategy": "default",
        "reason": "the only one",
        "score": None,
        "confidence": None,
        "privacy": Privacy(),
        "struck": (),
        "trail": (),
        "elapsed_us": 1.0,
    }
    return Decision(**{**fields, **changes})  # type: ignore[arg-type]  # a test says what a decision has


def test_a_decisions_headers_hold_what_it_knows() -> None:
    """What it does not know is left out."""
    assert of_decision(decided()) == [
        (b"x-pointsman-decision-id", b"0123456789abcdef"),
        (b"x-pointsman-model", b"small"),
        (b"x-pointsman-strategy", b"default"),
        (b"x-pointsman-privacy", b"public"),
    ]
    full = decided(tier=Tier.SIMPLE, score=0.125, confidence=0.5, is_demo=True, warnings=("one", "two"))
    assert of_decision(full)[4:] == [
        (b"x-pointsman-tier", b"simple"),
        (b"x-pointsman-score", b"0.1250"),
        (b"x-pointsman-confidence", b"0.500"),
        (b"x-pointsman-demo", b"true"),
        (b"x-pointsman-warning", b"one"),
        (b"x-pointsman-warning", b"two"),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("größe", b"gr%C3%B6%C3%9Fe"),
        ("a\r\nset-cookie: x", b"a%0D%0Aset-cookie: x"),
        ("100% ok", b"100% ok"),
        ("100% \x7f", b"100%25 %7F"),
        ("模型", b"%E6%A8%A1%E5%9E%8B"),
    ],
)
def test_a_name_can_never_break_a_header(name: str, value: bytes) -> None:
    """Anything but visible ASCII is percent-encoded."""
    assert (b"x-pointsman-model", value) in of_decision(decided(model=name))


def test_an_answers_headers_name_who_really_answered() -> None:
    """And what it cost, where that is known."""
    answer = Answer(
        decision=decided(),
        card=a_card("large"),
        whole=Whole(body=b"", usage=None, output_chars=0),
        bill=Bill(cost_usd=0.25, saved_usd=None, baseline=None),
        fallbacks=1,
        overhead_ms=1.5,
    )
    assert dict(of_answer(answer))[b"x-pointsman-model"] == b"large"
    assert of_answer(answer)[-2:] == [(b"x-pointsman-fallbacks", b"1"), (b"x-pointsman-overhead-ms", b"1.500")]
    assert of_bill(answer) == [(b"x-pointsman-cost-usd", b"0.25000000")]


@pytest.mark.parametrize(
    ("wait_s", "expected"), [(None, []), (6.1, [(b"retry-after", b"7")]), (0.2, [(b"retry-after", b"1")])]
)
def test_the_time_when_a_model_may_answer_is_handed_on(wait_s: float | None, expected: list[Header]) -> None:
    """In whole seconds, never too early, at least one."""
    error = AllAttemptsFailed("busy", failures=(), retry_after_s=wait_s)
    assert error_headers(error) == [(b"x-should-retry", b"false"), *expected]
    assert error_headers(InvalidRequest("no")) == [(b"x-should-retry", b"false")]
