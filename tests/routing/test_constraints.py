"""A model that cannot do what is needed is struck out; one that is not known to lack it is trusted."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Capability, Operation
from pointsman.core.decision import Caller, Privacy, PromptCount, PromptFeatures, RoutingContext, Struck
from pointsman.routing.constraints.capability import CapabilityConstraint, ContextConstraint
from pointsman.testing import a_card

CHAT, TOOLS, IMAGES, EMBEDDINGS = Capability.CHAT, Capability.TOOLS, Capability.IMAGES, Capability.EMBEDDINGS


def context(*needs: Capability, operation: Operation = Operation.CHAT, tokens: int = 1) -> RoutingContext:
    """A request that needs these."""
    return RoutingContext(
        requested_model=None,
        operation=operation,
        features=PromptFeatures(ask="", estimated_input_tokens=tokens, needs=frozenset(needs)),
        caller=Caller(),
        privacy=Privacy(),
    )


@pytest.mark.parametrize(
    ("needs", "operation", "lacks", "reason"),
    [
        ({CHAT, TOOLS}, Operation.CHAT, set(), None),
        ({CHAT, TOOLS}, Operation.CHAT, {IMAGES, EMBEDDINGS}, None),
        ({CHAT, TOOLS}, Operation.CHAT, {TOOLS}, "it cannot do tools"),
        (
            {CHAT, TOOLS, Capability.JSON_SCHEMA},
            Operation.CHAT,
            {TOOLS, Capability.JSON_SCHEMA, IMAGES},
            "it cannot do JSON schemas or tools",
        ),
        (set(), Operation.CHAT, {CHAT}, "it cannot do chat"),
        (set(), Operation.COMPLETIONS, {CHAT}, "it cannot do chat"),
        (set(), Operation.EMBEDDINGS, {CHAT}, None),
        (set(), Operation.EMBEDDINGS, {EMBEDDINGS}, "it cannot do embeddings"),
    ],
)
def test_a_known_lack_strikes_out(
    needs: set[Capability], operation: Operation, lacks: set[Capability], reason: str | None
) -> None:
    """What is asked for counts, and that it is a chat or texts to embed."""
    card = a_card("m", lacks=frozenset(lacks))
    struck = CapabilityConstraint().strike(context(*needs, operation=operation), [card])
    assert struck == ([Struck(model="m", by="capability", reason=reason)] if reason else [])


@pytest.mark.parametrize(
    ("window", "tokens", "is_struck"),
    [(None, 10**9, False), (1_000, 1_000, False), (1_000, 1_500, False), (1_000, 1_501, True)],
)
def test_a_prompt_must_look_half_as_long_again_to_be_too_long(
    window: int | None, tokens: int, *, is_struck: bool
) -> None:
    """The estimate counts characters; an unknown window is never a reason."""
    struck = ContextConstraint().strike(context(tokens=tokens), [a_card("m", context_tokens=window)])
    reason = "about 1,501 tokens do not fit its 1,000"
    assert struck == ([Struck(model="m", by="context", reason=reason)] if is_struck else [])


def counted(lines: int, limit: int | None = None) -> RoutingContext:
    """A long prompt of nothing but line breaks: 0.72 of a token each for Qwen, 1.34 for Gemini."""
    count = PromptCount(signs=(0, 0, 0, lines, 0), messages=0)
    return RoutingContext(
        requested_model=None,
        operation=Operation.CHAT,
        features=PromptFeatures(ask="", estimated_input_tokens=0, count=count, max_output_tokens=limit),
        caller=Caller(),
        privacy=Privacy(),
    )


def test_a_long_prompt_is_judged_by_each_models_own_tokenizer() -> None:
    """The same text fits one model and not another of the same window."""
    cards = [
        a_card("qwen", upstream_model="qwen3:8b", context_tokens=8_192),
        a_card("gemma", upstream_model="gemma3:4b", context_tokens=8_192),
        a_card("large", upstream_model="gemini-2.5-pro", context_tokens=1_000_000),
        a_card("unknown", upstream_model="gemma3:4b"),
    ]
    struck = ContextConstraint().strike(counted(10_000), cards)
    assert struck == [Struck(model="gemma", by="context", reason="about 13,400 tokens do not fit its 8,192")]


@pytest.mark.parametrize(
    ("lines", "limit", "most", "is_struck"),
    [
        (12_444, None, None, False),  # 8,960 / 1.25 + 1,024 = 8,192
        (12_446, None, None, True),
        (12_446, 1_000, None, False),  # the caller wants less
        (12_444, 2_000, None, True),  # or more
        (12_444, 2_000, 500, False),  # or the model cannot give it
        (10_600, 32_000, None, False),  # 7,632 / 1.25 + a quarter: a limit as large as that is no wish
        (10_700, 32_000, None, True),
    ],
)
def test_room_is_left_for_the_answer(lines: int, limit: int | None, most: int | None, *, is_struck: bool) -> None:
    """And the estimate is believed less its margin: what may just fit is left to the endpoint."""
    card = a_card("m", upstream_model="qwen3:8b", context_tokens=8_192, max_output_tokens=most)
    assert bool(ContextConstraint().strike(counted(lines, limit), [card])) is is_struck


def test_a_learned_window_counts() -> None:
    """Whatever was declared."""
    card = a_card("m", upstream_model="qwen3:8b", context_tokens=100_000)
    assert ContextConstraint(window_of=lambda _card: 4_096).strike(counted(10_000), [card]) == [
        Struck(model="m", by="context", reason="about 7,200 tokens do not fit its 4,096")
    ]
