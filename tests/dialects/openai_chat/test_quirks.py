"""Requests made fit for servers that depart from Chat Completions; what would pass stays as it is."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import Quirks
from pointsman.core.jsontypes import JsonObject
from pointsman.dialects.openai_chat.quirks import adapted, is_fine, short_id
from tests.laws.strategies import json_objects

HI: JsonObject = {"role": "user", "content": "hi"}
TOOL: JsonObject = {"type": "function", "function": {"name": "f", "parameters": {}}}
OTHER: JsonObject = {"type": "function", "function": {"name": "g", "strict": True}}
CALL: JsonObject = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SHORT = "rKSxKBV4V"  # what becomes of call_1
NINE: JsonObject = {**CALL, "id": "abcdefgh9"}
NAMED: JsonObject = {"type": "function", "function": {"name": "f"}}

RENAMES = Quirks(renames=(("max_tokens", "max_completion_tokens"), ("seed", "random_seed")))
REFUSES = Quirks(refuses=frozenset(("logprobs", "stream_options", "user")))
REFUSES_THINKING = Quirks(refuses_thinking=frozenset(("temperature",)))
REFUSES_IN_MESSAGES = Quirks(refuses_in_messages=frozenset(("name", "reasoning_content", "extra_content")))
SHORT_IDS = Quirks(call_id_chars=9)
NO_DEVELOPER = Quirks(has_developer=False)
NO_NAMED_CHOICE = Quirks(has_named_choice=False)
NO_STRICT = Quirks(has_strict_tools=False)
WANTS_REASONING = Quirks(wants_reasoning_with_calls=True)
EVERY = (
    RENAMES,
    REFUSES,
    REFUSES_THINKING,
    REFUSES_IN_MESSAGES,
    SHORT_IDS,
    NO_DEVELOPER,
    NO_NAMED_CHOICE,
    NO_STRICT,
    WANTS_REASONING,
)


@pytest.mark.parametrize(
    ("quirks", "body", "sent", "lost"),
    [
        (RENAMES, {"max_tokens": 5, "seed": 1, "n": 2}, {"n": 2, "max_completion_tokens": 5, "random_seed": 1}, ()),
        (RENAMES, {"max_tokens": 5, "max_completion_tokens": 6}, {"max_completion_tokens": 6}, ()),
        (REFUSES, {"logprobs": True, "user": "u", "n": 2, "stream_options": {}}, {"n": 2}, ("logprobs", "user")),
        (
            REFUSES_THINKING,
            {"temperature": 0, "reasoning_effort": "low"},
            {"reasoning_effort": "low"},
            ("temperature",),
        ),
        (REFUSES_THINKING, {"temperature": 0, "reasoning": {}}, {"reasoning": {}}, ("temperature",)),
        (
            NO_NAMED_CHOICE,
            {"tools": [OTHER, TOOL], "tool_choice": NAMED},
            {"tools": [TOOL], "tool_choice": "required"},
            (),
        ),
        (NO_NAMED_CHOICE, {"tools": [TOOL], "tool_choice": NAMED}, {"tools": [TOOL], "tool_choice": "required"}, ()),
        (
            NO_STRICT,
            {"tools": [TOOL, OTHER]},
            {"tools": [TOOL, {"type": "function", "function": {"name": "g"}}]},
            ("strict",),
        ),
    ],
)
def test_a_setting_goes_under_the_name_the_server_knows_or_not_at_all(
    quirks: Quirks, body: JsonObject, sent: JsonObject, lost: tuple[str, ...]
) -> None:
    """What is lost is named, but for the request to report usage, which such servers do unasked."""
    given = copy.deepcopy(body)
    assert adapted(body, quirks) == (sent, lost)
    assert body == given


@pytest.mark.parametrize(
    ("quirks", "message", "sent", "lost"),
    [
        (NO_DEVELOPER, {"role": "developer", "content": "x"}, {"role": "system", "content": "x"}, ()),
        (REFUSES_IN_MESSAGES, {**HI, "name": "ann"}, HI, ("name",)),
        (
            REFUSES_IN_MESSAGES,
            {"role": "assistant", "content": "x", "reasoning_content": "hm"},
            {"role": "assistant", "content": "x"},
            ("reasoning_content",),
        ),
        (
            REFUSES_IN_MESSAGES,
            {"role": "assistant", "content": "x", "reasoning_content": ""},
            {"role": "assistant", "content": "x"},
            (),
        ),
        (
            REFUSES_IN_MESSAGES,
            {"role": "assistant", "content": None, "tool_calls": [{**CALL, "extra_content": {"google": {}}}, NINE]},
            {"role": "assistant", "content": None, "tool_calls": [CALL, NINE]},
            ("extra_content",),
        ),
        (
            SHORT_IDS,
            {"role": "assistant", "content": None, "tool_calls": [CALL, NINE]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{**CALL, "id": SHORT}, NINE],
            },
            (),
        ),
        (
            SHORT_IDS,
            {"role": "tool", "tool_call_id": "call_1", "content": "4"},
            {"role": "tool", "tool_call_id": SHORT, "content": "4"},
            (),
        ),
        (
            WANTS_REASONING,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": ""},
            (),
        ),
    ],
)
def test_a_message_is_said_as_the_server_takes_it(
    quirks: Quirks, message: JsonObject, sent: JsonObject, lost: tuple[str, ...]
) -> None:
    """The others in the conversation are the very same objects."""
    made, named = adapted({"messages": [HI, message]}, quirks)
    assert (made, named) == ({"messages": [HI, sent]}, lost)
    messages = made["messages"]
    assert isinstance(messages, list)
    assert messages[0] is HI


@pytest.mark.parametrize(
    ("quirks", "body"),
    [
        (RENAMES, {"max_completion_tokens": 6}),
        (REFUSES, {"n": 2}),
        (REFUSES_THINKING, {"temperature": 0, "reasoning_effort": "none"}),
        (REFUSES_THINKING, {"temperature": 0, "reasoning": {"effort": "none"}}),
        (REFUSES_IN_MESSAGES, {"messages": [HI, {"role": "function", "name": "f", "content": "4"}, "x"]}),
        (SHORT_IDS, {"messages": [{"role": "tool", "tool_call_id": "abcdefgh9"}, {"tool_calls": ["x", {"id": 5}]}]}),
        (NO_DEVELOPER, {"messages": [{"role": "system", "content": "x"}]}),
        (NO_NAMED_CHOICE, {"tools": [TOOL, OTHER], "tool_choice": "auto"}),
        (NO_NAMED_CHOICE, {"tools": [OTHER], "tool_choice": NAMED}),
        (NO_NAMED_CHOICE, {"tools": "x", "tool_choice": NAMED}),
        (NO_STRICT, {"tools": [TOOL, "x"]}),
        (NO_STRICT, {"tools": "x"}),
        (WANTS_REASONING, {"messages": [{"role": "assistant", "reasoning_content": "hm", "tool_calls": [CALL]}, HI]}),
    ],
)
def test_what_would_pass_is_not_touched(quirks: Quirks, body: JsonObject) -> None:
    """Every value is the very same object: a relay then changes no byte of it."""
    made, lost = adapted(body, quirks)
    assert (made, lost) == (body, ())
    assert all(made[name] is value for name, value in body.items())


@given(body=json_objects, quirks=st.sampled_from((Quirks(), *EVERY)))
def test_any_body_is_taken(body: JsonObject, quirks: Quirks) -> None:
    """However odd: whether it makes sense is for the server to say. Twice is as good as once."""
    made, _ = adapted(body, quirks)
    assert adapted(made, quirks) == (made, ())


@given(given=st.text(), chars=st.integers(1, 40))
def test_a_call_and_its_result_get_the_same_id(given: str, chars: int) -> None:
    """It follows from the id alone, fits, and is left alone the next time."""
    short = short_id(given, chars)
    assert len(short) == chars
    assert short.isascii()
    assert short.isalnum()
    assert short_id(short, chars) == short


MESSAGES = st.lists(
    st.sampled_from(
        [HI, {**HI, "role": "developer"}, {**HI, "name": "me"}, {"role": "assistant", "tool_calls": [CALL]}]
    )
)
BODIES = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": MESSAGES},
    optional={
        name: st.just(value)
        for name, value in {
            "seed": 1,
            "temperature": 0,
            "user": "u",
            "max_tokens": 5,
            "tools": [TOOL, OTHER],
            "tool_choice": NAMED,
            "stream_options": {},
            "reasoning_effort": "none",
        }.items()
    },
)


@given(body=BODIES | json_objects, quirks=st.sampled_from((Quirks(), *EVERY)))
def test_the_quick_look_passes_nothing_that_would_change(body: JsonObject, quirks: Quirks) -> None:
    """What is fine at a glance is what the long look leaves as it is."""
    if is_fine(body, quirks):
        assert adapted(body, quirks) == (body, ())
