"""A prompt that was cut in silence is told by the server's own count, and a whole one is not taken for cut."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import ModelCard
from pointsman.core.chat import ChatRequest, EmbeddingRequest, Usage
from pointsman.core.decision import PromptCount, PromptFeatures
from pointsman.core.failure import FailureKind
from pointsman.core.jsontypes import Json
from pointsman.core.stream import StreamFailed
from pointsman.engine.attempt import stream_failure
from pointsman.engine.context_check import ContextCheck, check_for, halves, was_cut
from pointsman.engine.context_size import ContextSizes, with_num_ctx
from pointsman.resilience.context_book import ContextBook
from pointsman.testing import ManualClock, a_card, an_endpoint

OLLAMA = a_card("m", endpoint=an_endpoint("ollama", dialect="ollama"), upstream_model="qwen3:8b")
FIXED = with_num_ctx(OLLAMA, 4_096)
LOCAL = a_card("lm")
FAR = a_card("far", is_local=False)
FEATURES = PromptFeatures(ask="", estimated_input_tokens=0, count=PromptCount(signs=(0, 0, 0, 0, 8_000), messages=1))
"""3,760 for the signs and 5 for the message: 3,765 tokens for Qwen, 4,405 where nothing is known."""


def a_check(card: ModelCard = FIXED, **extras: Json) -> ContextCheck | None:
    """How an answer of *card* would be judged."""
    sizes = ContextSizes(book=ContextBook(clock=ManualClock(0.0)))
    request = ChatRequest(messages=(), extras={"ollama": extras})
    return check_for(card, sizes, request, FEATURES, asked=card)


def checked(card: ModelCard = FIXED, **extras: Json) -> ContextCheck:
    """The same where it is judged at all."""
    check = a_check(card, **extras)
    assert check is not None
    return check


def usage(tokens: int) -> Usage:
    """A server that counted so many."""
    return Usage(input_tokens=tokens, output_tokens=1)


@pytest.mark.parametrize(
    ("counted", "tokens", "expected"),
    [
        (4_500, 9_000, False),  # more than was asked for: it has more
        (3_900, 5_121, True),  # too long by more than the margin, whatever was counted
        (3_900, 5_120, False),
        (3_600, 3_800, False),  # as estimated
        (2_660, 3_800, False),  # a third less
        (2_659, 3_800, True),  # far less, and it was nearly full
        (2_500, 3_685, False),  # far less, but it fits: the rest was in memory
        (12, 3_000, False),  # as is this
        (4_095, 3_500, True),  # full to the last
        (4_094, 3_500, False),
        (2_050, 2_100, True),  # the half that is left by shifting
        (2_048, 2_100, True),
        (2_049, 2_100, False),
        (2_050, 2_000, False),  # a prompt that happens to be as long
    ],
)
def test_the_count_tells_whether_a_prompt_was_cut(counted: int, tokens: int, *, expected: bool) -> None:
    """With a window of 4,096."""
    assert was_cut(counted, tokens, 4_096) is expected


def test_half_of_a_window_is_what_others_have_seen() -> None:
    """2,050 of 4,096 is in Ollama's own issues."""
    assert halves(4_096) == {2_048, 2_050, 2_051}


def test_a_cut_prompt_is_a_failure_that_says_so() -> None:
    """In words by which it is a context error, as the next model's turn needs it."""
    check = checked()
    failed = check(usage(2_000))
    assert failed == StreamFailed(
        message=(
            "the prompt of about 3,765 tokens is longer than the context length: "
            "2,000 were read with num_ctx 4,096, the rest was left out"
        ),
        code="context_truncated",
    )
    assert stream_failure(FIXED, failed).kind is FailureKind.CONTEXT


@pytest.mark.parametrize(("counted", "window"), [(2_000, 3_011), (2_050, 2_050)])
def test_the_book_learns_what_may_fit(counted: int, window: int) -> None:
    """Less than the prompt surely was; where half is kept, that half."""
    check = checked()
    check(usage(counted))
    assert check.sizes.window_of(FIXED) == window


def test_a_whole_prompt_is_no_failure_and_proves_the_window() -> None:
    """What was learned before and is less is forgotten."""
    check = checked()
    check.sizes.book.cut(FIXED, 3_000)
    assert check(usage(3_700)) is None
    assert check.sizes.book.window_of(FIXED) is None


@pytest.mark.parametrize(
    "said", [None, Usage(input_tokens=0, output_tokens=5), Usage(input_tokens=9, output_tokens=5, is_estimated=True)]
)
def test_without_a_count_nothing_can_be_said(said: Usage | None) -> None:
    """Some servers leave it out when all was in memory."""
    assert checked()(said) is None
    assert checked(LOCAL).lost(said) == ()


def test_who_wants_the_cut_is_not_protected() -> None:
    """It is the caller's word."""
    assert a_check(truncate=True) is None
    assert a_check(shift=True) is None
    assert a_check(truncate=False, shift=False) is not None


def test_the_callers_own_window_counts() -> None:
    """It is what the server was asked for."""
    assert checked(options={"num_ctx": 16_384}).num_ctx == 16_384
    assert checked(options={"num_ctx": "many"}).num_ctx == 4_096
    assert checked(OLLAMA).num_ctx is None


def test_short_prompts_and_embeddings_are_not_judged() -> None:
    """There is nothing to cut, or it is refused."""
    sizes = ContextSizes(book=ContextBook(clock=ManualClock(0.0)))
    short = PromptFeatures(ask="", estimated_input_tokens=100)
    assert check_for(FIXED, sizes, ChatRequest(messages=()), short, asked=FIXED) is None
    assert check_for(FIXED, sizes, EmbeddingRequest(inputs=("a",)), FEATURES, asked=FIXED) is None


@pytest.mark.parametrize(
    ("card", "counted", "lost"),
    [(LOCAL, 2_202, ("prompt",)), (LOCAL, 2_203, ()), (FAR, 100, ()), (FIXED, 100, ())],
)
def test_another_local_server_that_counts_half_is_told_of(card: ModelCard, counted: int, lost: tuple[str, ...]) -> None:
    """Its window is not known, so it is no failure; providers refuse what is too long."""
    check = checked(card)
    assert check.lost(usage(counted)) == lost
    if card is not FIXED:
        assert check(usage(counted)) is None
