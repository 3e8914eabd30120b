"""Legacy completions: a prompt is one user message; what a chat cannot say is only relayed."""

from __future__ import annotations

import json

import pytest

from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    Media,
    Message,
    Part,
    Role,
    Sampling,
    StopReason,
    Text,
    Usage,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import (
    Ended,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    Started,
    Stopped,
    StreamEvent,
    StreamFailed,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from pointsman.dialects.openai_completions import OpenAICompletions
from pointsman.dialects.registry import UPSTREAMS

SURFACE = OpenAICompletions()
USAGE: JsonObject = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}


def test_a_prompt_is_a_message_of_the_user() -> None:
    """Settings that chats share have their neutral place, the rest is kept."""
    body: JsonObject = {
        "model": "m",
        "prompt": "Once",
        "max_tokens": 5,
        "temperature": 0.5,
        "stop": "\n",
        "n": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "u",
        "echo": True,
        "logprobs": 2,
    }
    assert SURFACE.decode_chat(body) == ChatRequest(
        model="m",
        messages=(Message(role=Role.USER, parts=(Text(text="Once"),)),),
        sampling=Sampling(max_output_tokens=5, temperature=0.5, stop=("\n",), n=1),
        stream=True,
        stream_usage=True,
        user="u",
        extras={"openai_completions": {"echo": True, "logprobs": 2}},
    )


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"prompt": ["a"]}, (Text(text="a"),)),
        ({"prompt": ["a", "b"]}, (Text(text="a"), Text(text="b"), Media(kind="prompts"))),
        ({"prompt": [1, 2]}, (Media(kind="tokens"),)),
        ({"prompt": [[1], [2]]}, (Media(kind="tokens"),)),
        ({"prompt": []}, (Media(kind="tokens"),)),
        ({"prompt": "a", "suffix": "b"}, (Text(text="a"), Text(text="b"), Media(kind="suffix"))),
        ({"prompt": "a", "suffix": ""}, (Text(text="a"),)),
    ],
)
def test_prompts_of_every_shape_are_read(fields: JsonObject, parts: tuple[Part, ...]) -> None:
    """All text can be seen by whoever looks for private data; what is no chat is marked."""
    assert SURFACE.decode_chat(fields) == ChatRequest(messages=(Message(role=Role.USER, parts=parts),))


@pytest.mark.parametrize("dialect", ["openai_chat", "ollama"])
@pytest.mark.parametrize("prompt", [["a", "b"], [1, 2]])
def test_what_is_no_chat_is_not_translated(dialect: str, prompt: Json) -> None:
    """It can only be relayed to an endpoint that has legacy completions."""
    request = SURFACE.decode_chat({"prompt": prompt})
    with pytest.raises(InvalidRequest, match="of the kind"):
        UPSTREAMS[dialect].encode_chat(request, "m")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "prompt is missing. Send a string."),
        ({"prompt": 3}, "prompt must be a string or a list of strings, not a number."),
        ({"prompt": "a", "max_tokens": "5"}, "max_tokens must be a whole number, not a string."),
    ],
)
def test_a_wrong_field_is_refused(body: JsonObject, message: str) -> None:
    """By its path."""
    with pytest.raises(InvalidRequest) as refused:
        SURFACE.decode_chat(body)
    assert str(refused.value) == message


def choice(text: str, reason: str | None) -> JsonObject:
    """A choice as we write it."""
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}


def test_a_reply_is_a_text_completion() -> None:
    """Text alone, with the usage where it is known."""
    message = Message(role=Role.ASSISTANT, parts=(Text(text="upon"),))
    answered = (Choice(index=0, message=message, stop_reason=StopReason.LENGTH),)
    reply = ChatReply(id="1", model="m", created_s=7, choices=answered)
    head: JsonObject = {"id": "1", "object": "text_completion", "created": 7, "model": "m"}
    body: JsonObject = {**head, "choices": [choice("upon", "length")]}
    assert SURFACE.encode_reply(reply, ChatRequest(messages=())) == body
    counted = ChatReply(id="1", model="m", created_s=7, choices=answered, usage=Usage(input_tokens=3, output_tokens=2))
    assert SURFACE.encode_reply(counted, ChatRequest(messages=())) == {**body, "usage": USAGE}


@pytest.mark.parametrize("with_usage", [False, True])
def test_a_stream_is_text_completions(*, with_usage: bool) -> None:
    """What a completion has no place for is left out."""
    events: list[StreamEvent] = [
        Started(id="1", model="m", created_s=7),
        ReasoningDelta(text="hm"),
        RefusalDelta(text="No."),
        ToolCallDelta(index=0),
        LogprobsDelta(logprobs={}),
        TextDelta(text="upon"),
        Stopped(reason=StopReason.STOP),
        UsageReported(usage=Usage(input_tokens=3, output_tokens=2)),
        Ended(),
    ]
    encoder = SURFACE.stream_encoder(ChatRequest(messages=(), stream_usage=with_usage))
    frames = b"".join(encoder.encode(event) for event in events).decode().split("\n\n")
    head: JsonObject = {"id": "1", "object": "text_completion", "created": 7, "model": "m"}
    usage: list[JsonObject] = [{**head, "choices": [], "usage": USAGE}] if with_usage else []
    assert frames[-2:] == ["data: [DONE]", ""]
    assert [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]] == [
        {**head, "choices": [choice("upon", None)]},
        {**head, "choices": [choice("", "stop")]},
        *usage,
    ]


def test_errors_are_openais() -> None:
    """In a stream and instead of an answer."""
    encoder = SURFACE.stream_encoder(ChatRequest(messages=()))
    inner: JsonObject = {"message": "cut", "type": "server_error", "param": None, "code": None}
    assert json.loads(encoder.encode(StreamFailed(message="cut"))[6:]) == {"error": inner}
    status, body = SURFACE.encode_error(InvalidRequest("prompt is missing.", param="prompt"))
    assert (status, body) == (
        400,
        {
            "error": {
                "message": "prompt is missing.",
                "type": "invalid_request_error",
                "param": "prompt",
                "code": "invalid_request",
            }
        },
    )
