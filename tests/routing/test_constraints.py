"""A model that cannot do what is needed is struck out; one that is not known to lack it is trusted."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Capability, Operation
from pointsman.core.decision import Caller, Privacy, PromptFeatures, RoutingContext, Struck
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
