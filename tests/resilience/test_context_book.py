"""A window that a model's own words or counts have shown is believed, for a while, unless it proves larger."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.resilience.context_book import FORGET_S, ContextBook, said_window
from pointsman.testing import ManualClock, a_card

SMALL = a_card("small", context_tokens=32_768)
UNKNOWN = a_card("unknown")


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        ("This model's maximum context length is 131072 tokens. However, you requested 156632 tokens", 131_072),
        ("request (13392 tokens) exceeds the available context size (8192 tokens), try increasing it", 8_192),
        ("prompt is too long: 210000 tokens > 200000 maximum", 200_000),
        ("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease", 200_000),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens", 4_096),
        ("Current length is 9000 while limit is 8192", 8_192),
        ("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", 1_048_576),
        ("Prompt contains 40000 tokens, too large for model with 32768 maximum context length", 32_768),
        ("the model is loaded with context length of only 4096 tokens", 4_096),
        ("The decoder prompt (length 9000) is longer than the maximum model length of 8192.", 8_192),
        ("This model's maximum prompt length is 131,072 but the request contains 537,812 tokens", 131_072),
        ("n_ctx = 2048", 2_048),
        ("the request exceeds the available context size. try increasing it", None),
        ("the prompt is longer than the context length currently available", None),
        ("Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000", None),
        ("maximum context length is 3 tokens", None),
        ("error 429", None),
        ("", None),
    ],
)
def test_a_refusal_names_its_window(message: str, tokens: int | None) -> None:
    """The words of OpenAI, llama.cpp, Anthropic, TGI, Cerebras, Gemini, Mistral, LM Studio, vLLM, xAI."""
    assert said_window(message) == tokens


def test_nothing_is_known_but_what_is_declared() -> None:
    """Until something happens."""
    book = ContextBook(clock=ManualClock(0.0))
    assert (book.window_of(SMALL), book.window_of(UNKNOWN)) == (32_768, None)


def test_what_a_refusal_says_is_remembered_for_that_model() -> None:
    """The smaller of what is declared and what was said."""
    book = ContextBook(clock=ManualClock(0.0))
    book.refused(UNKNOWN, "maximum context length is 8192 tokens", 9_000)
    book.refused(SMALL, "maximum context length is 65536 tokens", 70_000)
    assert (book.window_of(UNKNOWN), book.window_of(SMALL)) == (8_192, 32_768)


def test_a_refusal_without_a_figure_tells_that_it_is_less_than_the_prompt() -> None:
    """By the part of the estimate that is sure."""
    book = ContextBook(clock=ManualClock(0.0))
    book.refused(UNKNOWN, "too long", 9_000)
    assert book.window_of(UNKNOWN) == 8_999


def test_a_prompt_that_was_cut_shows_the_window() -> None:
    """As a refusal does."""
    book = ContextBook(clock=ManualClock(0.0))
    book.cut(SMALL, 4_098)
    assert book.window_of(SMALL) == 4_098


def test_an_answer_to_a_longer_prompt_proves_it_wrong() -> None:
    """The server was started anew with more."""
    book = ContextBook(clock=ManualClock(0.0))
    book.cut(SMALL, 4_098)
    book.took(SMALL, 4_098)
    assert book.window_of(SMALL) == 4_098
    book.took(SMALL, 4_099)
    assert book.window_of(SMALL) == 32_768


def test_what_was_learned_is_forgotten_after_an_hour() -> None:
    """A model that is never asked again for as much would never be found to have grown."""
    clock = ManualClock(0.0)
    book = ContextBook(clock=clock)
    book.cut(SMALL, 4_098)
    clock.advance(FORGET_S - 1)
    assert book.window_of(SMALL) == 4_098
    clock.advance(1)
    assert book.window_of(SMALL) == 32_768


def test_an_absurd_figure_is_not_believed() -> None:
    """A window of a few tokens would strike the model out of everything."""
    book = ContextBook(clock=ManualClock(0.0))
    book.cut(UNKNOWN, 12)
    book.refused(UNKNOWN, "no", 1)
    assert book.window_of(UNKNOWN) is None


def test_two_cards_of_one_model_at_one_server_are_loaded_once() -> None:
    """What it was loaded with is the server's business, by the name it has there."""
    book = ContextBook(clock=ManualClock(0.0))
    one, other = a_card("one", upstream_model="m"), a_card("other", upstream_model="m")
    book.load_with(one, 16_384)
    assert (book.loaded_with(other), book.loaded_with(SMALL)) == (16_384, None)


@given(st.text())
def test_no_message_raises(message: str) -> None:
    """Whatever an endpoint says."""
    said = said_window(message)
    assert said is None or 256 <= said <= 100_000_000


@given(
    st.from_regex(r"(max(imum)? context length(?: is| of|:)? [\d,_]{1,40}|current length is \d{1,40})", fullmatch=True)
)
def test_nor_do_long_numbers(message: str) -> None:
    """Digits without end are no window."""
    said_window(message)
