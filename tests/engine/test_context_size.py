"""Ollama is asked for one window per model, for more when a prompt needs it, and never for less again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import ModelCard, Operation
from pointsman.core.decision import Outcome, PromptCount, PromptFeatures, Step
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.jsontypes import Json
from pointsman.engine.context_size import ContextSizes, Sizes, needed_tokens, next_size, sizes_of
from pointsman.resilience.context_book import ContextBook
from pointsman.testing import ManualClock, a_card, an_endpoint

OLLAMA = an_endpoint("ollama", dialect="ollama")


def at_ollama(model: str = "qwen3:8b", num_ctx: Json = None, context_tokens: int | None = None) -> ModelCard:
    """A model of Ollama's, configured so."""
    defaults: Mapping[str, Json] = {} if num_ctx is None else {"options": {"num_ctx": num_ctx, "seed": 1}}
    return a_card("m", endpoint=OLLAMA, upstream_model=model, context_tokens=context_tokens, defaults=defaults)


def prompt(tokens: int, *, limit: int | None = None) -> PromptFeatures:
    """A prompt of about so many tokens for Qwen: a line break is 0.72."""
    count = PromptCount(signs=(0, 0, 0, tokens * 100 // 72, 0), messages=0)
    return PromptFeatures(ask="", estimated_input_tokens=tokens, count=count, max_output_tokens=limit)


def sizes() -> ContextSizes:
    """With an empty book."""
    return ContextSizes(book=ContextBook(clock=ManualClock(0.0)))


def refusal(message: str) -> Failure:
    """A model that finds the prompt too long."""
    return Failure(kind=FailureKind.CONTEXT, model="m", endpoint="ollama", message=message, status=400)


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (at_ollama(), Sizes(usual=8_192, most=32_768)),
        (at_ollama(num_ctx=4_096), Sizes(usual=4_096, most=4_096)),
        (at_ollama(num_ctx=4_096, context_tokens=65_536), Sizes(usual=4_096, most=65_536)),
        (at_ollama(num_ctx=8_192, context_tokens=6_000), Sizes(usual=8_192, most=8_192)),
        (at_ollama(context_tokens=131_072), Sizes(usual=8_192, most=131_072)),
        (at_ollama(context_tokens=2_048), Sizes(usual=2_048, most=2_048)),
        (at_ollama("gpt-oss:120b-cloud"), None),
        (at_ollama(num_ctx="many"), None),
        (at_ollama(num_ctx=0), None),
    ],
)
def test_what_a_model_is_loaded_with_follows_from_its_configuration(card: ModelCard, expected: Sizes | None) -> None:
    """A stated `num_ctx` alone is final; nonsense is Ollama's to refuse, and its cloud knows better."""
    assert sizes_of(card) == expected


@pytest.mark.parametrize(
    ("needed", "size"), [(1, 8_192), (8_192, 8_192), (8_193, 16_384), (30_000, 32_768), (99_999, 40_000)]
)
def test_sizes_double_up_to_the_most(needed: int, size: int) -> None:
    """Few sizes, so few reloads."""
    assert next_size(8_192, 40_000, needed) == size


@pytest.mark.parametrize(
    ("features", "needed"),
    [(prompt(4_000), 6_024), (prompt(4_000, limit=2_000), 7_000), (prompt(4_000, limit=32_000), 7_500)],
)
def test_room_is_left_for_the_margin_and_an_answer(features: PromptFeatures, needed: int) -> None:
    """A limit far above the prompt's length is a ceiling, not a wish: half of the prompt again will do."""
    assert needed_tokens(at_ollama(), features) == needed


def test_a_card_is_asked_with_one_size_until_a_prompt_needs_more() -> None:
    """And keeps that; other options stay."""
    found, card = sizes(), at_ollama(num_ctx=8_192, context_tokens=32_768)
    asked = [
        found.sized(card, Operation.CHAT, features).defaults for features in (prompt(10), prompt(9_000), prompt(10))
    ]
    assert asked == [{"options": {"num_ctx": size, "seed": 1}} for size in (8_192, 16_384, 16_384)]


def test_the_same_card_comes_of_the_same_card() -> None:
    """It is made once."""
    found, card = sizes(), at_ollama()
    assert found.sized(card, Operation.CHAT, prompt(1)) is found.sized(card, Operation.CHAT, prompt(1))
    assert found.sized(card, Operation.CHAT, prompt(1)).id == card.id


@pytest.mark.parametrize(
    ("card", "operation"),
    [
        (a_card("gpt"), Operation.CHAT),
        (at_ollama(), Operation.EMBEDDINGS),
        (at_ollama("kimi-k2:cloud"), Operation.CHAT),
    ],
)
def test_others_are_asked_as_they_are(card: ModelCard, operation: Operation) -> None:
    """No other API takes it, embeddings have windows of their own."""
    assert sizes().sized(card, operation, prompt(20_000)) is card
    assert sizes().note(card, operation, prompt(20_000)) == ()


def test_a_short_prompt_needs_no_counting() -> None:
    """It gets what the model is loaded with."""
    features = PromptFeatures(ask="", estimated_input_tokens=400)
    found = sizes().sized(at_ollama(), Operation.CHAT, features)
    assert found.defaults == {"options": {"num_ctx": 8_192}}


def test_the_trail_names_a_reload() -> None:
    """Once: the next prompt finds it loaded."""
    found, card = sizes(), at_ollama()
    detail = "m is loaded anew with num_ctx 16,384 for about 9,000 tokens"
    assert found.note(card, Operation.CHAT, prompt(9_000)) == (
        Step(strategy="context", outcome=Outcome.NOTE, detail=detail),
    )
    found.sized(card, Operation.CHAT, prompt(9_000))
    assert found.note(card, Operation.CHAT, prompt(9_000)) == ()


def test_a_refusal_makes_the_next_size() -> None:
    """And when there is none, the window is known."""
    found, card = sizes(), at_ollama(context_tokens=16_384)
    found.sized(card, Operation.CHAT, prompt(5_000))
    found.refused(card, refusal("longer than the context length"), prompt(5_000))
    assert (found.book.loaded_with(card), found.window_of(card)) == (16_384, 16_384)
    found.refused(card, refusal("longer than the context length"), prompt(5_000))
    assert (found.book.loaded_with(card), found.window_of(card)) == (16_384, 3_999)


def test_a_refusal_of_another_server_is_learned() -> None:
    """Its window is not ours to set."""
    found, card = sizes(), a_card("gpt")
    found.refused(card, refusal("maximum context length is 8192 tokens"), prompt(9_000))
    assert found.window_of(card) == 8_192


def test_a_cut_makes_the_next_size_as_well() -> None:
    """Until there is none."""
    found, card = sizes(), at_ollama(context_tokens=12_000)
    found.cut(card, 4_098)
    assert (found.book.loaded_with(card), found.window_of(card)) == (12_000, 12_000)
    found.cut(card, 6_002)
    assert found.window_of(card) == 6_002


def test_an_undeclared_window_is_as_much_as_would_be_loaded() -> None:
    """A longer prompt goes elsewhere rather than to a refusal."""
    assert sizes().window_of(at_ollama()) == 32_768
    assert sizes().window_of(at_ollama("kimi-k2:cloud")) is None
    assert sizes().window_of(a_card("gpt")) is None


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=20))
def test_it_never_shrinks_and_is_loaded_anew_twice_at_most(tokens: list[int]) -> None:
    """8,192 to 16,384 to 32,768, whatever comes."""
    found, card = sizes(), at_ollama()
    asked = [found.size_for(found.sized(card, Operation.CHAT, prompt(one)), prompt(0)) or 0 for one in tokens]
    assert asked == sorted(asked)
    assert set(asked) <= {8_192, 16_384, 32_768}
