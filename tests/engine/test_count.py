"""Counting tokens: the endpoint's own count where it has one, our estimate otherwise, and no way around the gate."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.errors import Refused
from pointsman.core.events import Decided
from pointsman.engine.count import Counted
from pointsman.testing import Answers, Fails, a_catalog
from tests.engine.rig import PRIVATE, a_model, a_rig, inbound, say

COUNT = b'{"input_tokens": 7}'
NEAR, FAR = a_model("near"), a_model("far", is_local=False)
ESTIMATE = 6  # of "hello"


async def test_an_endpoint_of_the_callers_dialect_counts_itself() -> None:
    """Its answer comes back as it is; nothing is recorded but a decision without an answer."""
    rig = a_rig(a_catalog(NEAR), {"near": [Answers(chunks=(COUNT,))]})
    counted = await rig.router.count_tokens(inbound(operation=Operation.COUNT_TOKENS))
    (decided,) = rig.events
    assert isinstance(decided, Decided)
    assert (counted.body, decided.is_dry_run, decided.decision) == (COUNT, True, counted.decision)
    assert [call.path for call in rig.endpoints["near"].calls] == ["/count_tokens"]


@pytest.mark.parametrize(
    ("relays_to", "answer"),
    [
        ("other", Answers(chunks=(COUNT,))),
        ("lines", Answers(status=404, chunks=(b"{}",))),
        ("lines", Answers(chunks=(b"not JSON",))),
        ("lines", Fails()),
    ],
)
async def test_otherwise_it_is_estimated(relays_to: str, answer: Answers | Fails) -> None:
    """Another dialect's endpoint is not asked; one that cannot count, or is away, does no harm."""
    rig = a_rig(a_catalog(NEAR), {"near": [answer]})
    counted = await rig.router.count_tokens(inbound(operation=Operation.COUNT_TOKENS, relays_to=relays_to))
    assert counted == Counted(estimated_tokens=ESTIMATE, decision=counted.decision)
    assert rig.story() == ["Decided"]


async def test_what_is_too_long_for_every_model_is_counted_too() -> None:
    """That is what the caller wants to know."""
    small = a_model("small", context_tokens=2)
    rig = a_rig(a_catalog(small), {})
    assert await rig.router.count_tokens(inbound(operation=Operation.COUNT_TOKENS)) == Counted(
        estimated_tokens=ESTIMATE
    )


async def test_without_a_model_it_is_estimated() -> None:
    """Nobody has to answer for that."""
    rig = a_rig(a_catalog(), {})
    assert await rig.router.count_tokens(inbound(operation=Operation.COUNT_TOKENS)) == Counted(
        estimated_tokens=ESTIMATE
    )


async def test_private_text_is_not_sent_out_to_be_counted() -> None:
    """The cloud's model is struck out, as for an answer."""
    rig = a_rig(a_catalog(FAR), {"far": [Answers(chunks=(COUNT,))]})
    with pytest.raises(Refused):
        await rig.router.count_tokens(inbound(operation=Operation.COUNT_TOKENS, caller=PRIVATE))
    assert rig.endpoints["far"].calls == []


async def test_a_decision_made_before_is_used() -> None:
    """A stream may be begun in two steps; it is decided once."""
    rig = a_rig(a_catalog(NEAR), {"near": [Answers(chunks=(b'{"text": "Hi"}\n{"end": true}\n',))]})
    request = inbound(stream=True)
    resolved = await rig.router.resolve(request)
    streamed = await rig.router.answer_stream(request, say, resolved)
    assert [piece async for piece in streamed.pieces] == [b'{"text": "Hi"}\n{"end": true}\n']
    assert (streamed.decision, rig.story()) == (resolved.decision, ["Decided", "AttemptStarted", "Finished"])
