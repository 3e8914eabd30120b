"""Conversations that continue a stored answer."""

from __future__ import annotations

import pytest

from pointsman.core.chat import ChatReply, Choice, Message, Role, StopReason, Text
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import Ended, Started, TextDelta
from pointsman.dialects.openai_chat.dialect import OpenAIChat
from pointsman.dialects.openai_responses import history
from pointsman.dialects.openai_responses.dialect import OpenAIResponses

DIALECT = OpenAIResponses()
USER: JsonObject = {"type": "message", "role": "user", "content": "hi"}


def answer_to(body: JsonObject, text: str) -> JsonObject:
    """The answer *text* to the request *body*."""
    said = Message(role=Role.ASSISTANT, parts=(Text(text=text),))
    choice = Choice(index=0, message=said, stop_reason=StopReason.STOP)
    reply = ChatReply(id="resp_1", model="m", created_s=7, choices=(choice,))
    return DIALECT.encode_reply(reply, DIALECT.decode_chat(body))


def test_a_conversation_goes_on_from_a_stored_answer() -> None:
    """What is kept of one exchange comes before the next input, and the answer names the caller's own previous id."""
    first: JsonObject = {"model": "m", "input": "hi", "instructions": "Be brief."}
    kept = history.exchange_items(first, answer_to(first, "hello"))
    second: JsonObject = {"model": "m", "input": "and?", "previous_response_id": "resp_1"}
    previous = history.previous_response_id(second)
    assert previous == "resp_1"
    expanded = history.expand(second, kept)
    request = history.continuing(DIALECT.decode_chat(expanded), previous)
    assert [(message.role, message.text) for message in request.messages] == [
        (Role.USER, "hi"),
        (Role.ASSISTANT, "hello"),
        (Role.USER, "and?"),
    ]
    reply = ChatReply(id="resp_2", model="m", created_s=7, choices=())
    assert DIALECT.encode_reply(reply, request)["previous_response_id"] == "resp_1"
    assert "previous_response_id" not in DIALECT.encode_chat(request, "m").body
    assert OpenAIChat().encode_chat(request, "m").dropped == ()
    assert history.exchange_items(expanded, answer_to(expanded, "so"))[:3] == (
        *kept,
        {**USER, "content": "and?"},
    )


def test_what_was_kept_before_is_kept() -> None:
    """The id is one more thing that this surface answers for."""
    request = history.continuing(DIALECT.decode_chat({"input": "x", "store": False}), "resp_1")
    assert DIALECT.encode_chat(request, "m").body["store"] is False


@pytest.mark.parametrize(
    ("body", "wants"), [({}, True), ({"store": None}, True), ({"store": True}, True), ({"store": False}, False)]
)
def test_answers_are_kept_unless_the_caller_says_no(body: JsonObject, *, wants: bool) -> None:
    """As this API does."""
    assert history.wants_store(body) is wants


def test_an_answer_without_output_leaves_the_input() -> None:
    """A failed answer has none."""
    assert history.exchange_items({"input": [USER]}, {}) == (USER,)
    assert history.exchange_items({}, {"output": ["odd", USER]}) == (USER,)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"previous_response_id": 1}, "previous_response_id must be a string"),
        ({"previous_response_id": "resp_1", "conversation": "conv_1"}, "cannot both be given"),
    ],
)
def test_a_wrong_continuation_is_refused(body: JsonObject, message: str) -> None:
    """What is wrong."""
    with pytest.raises(InvalidRequest, match=message):
        history.previous_response_id(body)


def test_the_whole_answer_is_found_in_a_stream() -> None:
    """Ours or relayed, with or without its last blank line; words of the caller's in it are no end."""
    encoder = DIALECT.stream_encoder(DIALECT.decode_chat({"input": "x", "metadata": {"a": "response.completed"}}))
    begun = encoder.encode(Started(id="resp_1", model="m", created_s=7)) + encoder.encode(TextDelta(text="Hi"))
    found = history.FinalReply()
    seen: list[Json] = []
    for piece in (begun + b"data: response.completed\n\n", encoder.encode(Ended()).rstrip()):
        found.feed(piece)
        seen.append(found.reply)
    found.close()
    assert seen == [None, None]
    assert (found.reply or {})["status"] == "completed"
    oversized = history.FinalReply()
    oversized.feed(b"data: " + b"x" * (9 * 1024 * 1024))
    assert oversized.reply is None
