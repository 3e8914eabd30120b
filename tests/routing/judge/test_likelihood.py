"""A judge's confidence is the share of its word in the likelihood of all words in its place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.jsontypes import Json, JsonObject
from pointsman.routing.judge.likelihood import share_of

WORDS = ("flash", "pro")


def token(text: str, share: float = 1.0, **others: float) -> JsonObject:
    """A token with its likelihood, and those of the alternatives."""
    options: list[Json] = [{"token": text, "logprob": math.log(share)}]
    options += [{"token": other, "logprob": math.log(value)} for other, value in others.items()]
    return {"token": text, "logprob": math.log(share), "top_logprobs": options}


def content(*tokens: Json) -> Json:
    """The tokens of an answer."""
    return {"content": list(tokens)}


@pytest.mark.parametrize(
    ("tokens", "share"),
    [
        ([token("pro", 0.9, fl=0.09, x=0.01)], 0.909),
        ([token('{"'), token("model_choice"), token('":"'), token("pro", 0.6, flash=0.2)], 0.75),
        ([token(' "'), token("p", 0.5, f=0.5), token("ro"), token('"}')], 0.5),
        ([token('"pro"}', 0.8, Flash=0.2)], 0.8),
        ([token("flash"), token(" no: "), token(" Pro", 0.7, **{" flash": 0.1})], 0.875),
        ([token("pro", 0.4, P=0.2, flash=0.4)], 0.6),
        ([token("pro", 0.6, demo=0.3, x=0.1)], 0.857),
        ([{"token": "pro", "logprob": math.log(0.3), "top_logprobs": token("x", 0.6, y=0.1)["top_logprobs"]}], 0.75),
    ],
    ids=[
        "alternatives",
        "in JSON",
        "by its first letter",
        "with quotes",
        "the last one",
        "spellings",
        "an unseen word",
        "not among its own",
    ],
)
def test_the_share_of_the_word(tokens: list[Json], share: float) -> None:
    """Tokens count for the word they begin or are begun by."""
    assert share_of("pro", WORDS, content(*tokens)) == share


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        {},
        {"content": None},
        content(),
        content(token("flash")),
        content("pro"),
        content({"token": "pro"}),
        content({"token": "pro", "logprob": 0.5}),
        content({"token": "pro", "logprob": -0.5}),
        content({"token": "pro", "logprob": -1e9, "top_logprobs": [{"token": "x", "logprob": -1e9}]}),
        content({"token": "pro", "logprob": "x"}),
        content({"token": None, "logprob": -1.0}),
    ],
)
def test_without_likelihoods_there_is_no_share(logprobs: Json) -> None:
    """None is no confidence, neither low nor high."""
    assert share_of("pro", WORDS, logprobs) is None


def test_a_token_that_begins_two_words_counts_for_none() -> None:
    """`s` may become `simple` or `sure`."""
    assert share_of("simple", ("simple", "sure"), content(token("s", 0.9, su=0.05), token("imple"))) == 0.5


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.just("pro"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["content", "token", "logprob", "top_logprobs"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_gives_a_share_or_none(logprobs: Json) -> None:
    """A server may send what it likes."""
    share = share_of("pro", WORDS, logprobs)
    assert share is None or 0.0 <= share <= 1.0
