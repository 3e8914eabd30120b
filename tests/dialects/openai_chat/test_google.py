"""A signature of Gemini's on a tool call goes out and comes back through OpenAI's API."""

from __future__ import annotations

import json

from pointsman.core.chat import ChatRequest, Message, Role, ToolCall
from pointsman.core.jsontypes import JsonObject
from pointsman.core.stream import ToolCallDelta
from pointsman.dialects.gemini.dialect import Gemini
from pointsman.dialects.openai_chat.dialect import OpenAIChat

CALL: JsonObject = {"functionCall": {"id": "c1", "name": "f", "args": {}}, "thoughtSignature": "c2lnbmVk"}
ANSWER: JsonObject = {
    "candidates": [{"content": {"role": "model", "parts": [CALL]}, "finishReason": "STOP", "index": 0}]
}


def test_a_whole_answers_signature_comes_back_to_gemini() -> None:
    """As it was made: Gemini 3 checks it."""
    openai, gemini = OpenAIChat(), Gemini()
    shown = openai.encode_reply(gemini.decode_reply(ANSWER), ChatRequest(messages=()))
    message = shown["choices"][0]["message"]  # type: ignore[index,call-overload]
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "c2lnbmVk"}}  # type: ignore[index,call-overload]
    history = openai.decode_chat({"messages": [{"role": "user", "content": "hi"}, message]})
    turns = gemini.encode_chat(history, "gemini-3-pro").body["contents"]
    assert turns[1]["parts"] == [CALL]  # type: ignore[index,call-overload]


def test_a_streamed_calls_signature_is_shown_with_its_id() -> None:
    """In the first piece, and read from there."""
    call = ToolCallDelta(index=0, id="c1", name="f", extras={"gemini": {"thoughtSignature": "c2lnbmVk"}})
    openai = OpenAIChat()
    wire = openai.stream_encoder(ChatRequest(messages=())).encode(call)
    (read,) = (event for event in openai.stream_decoder().feed(wire) if isinstance(event, ToolCallDelta))
    assert read.extras["gemini"] == {"thoughtSignature": "c2lnbmVk"}


def test_a_call_without_one_has_no_such_field() -> None:
    """Other models' calls are as before."""
    call = ToolCall(id="c1", name="f", arguments="{}")
    request = ChatRequest(messages=(Message(role=Role.ASSISTANT, parts=(call,)),))
    assert "extra_content" not in json.dumps(OpenAIChat().encode_chat(request, "m").body)
