"""Relaying between a caller and an endpoint of this dialect."""

from __future__ import annotations

import json

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.chat import Usage
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import StreamFailed
from pointsman.dialects.anthropic_messages.dialect import AnthropicMessages
from pointsman.dialects.anthropic_messages.relay import MessagesRelayScanner

DIALECT = AnthropicMessages()
START = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":9,"cache_creation_input_tokens":3,"output_tokens":1}}}\n\n'  # noqa: E501
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
EMPTY = b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'  # noqa: E501
TEXT = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}\n\n'  # noqa: E501
END = b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}\n\n'  # noqa: E501
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
SIGNED: JsonObject = {"type": "thinking", "thinking": "hm", "signature": "EqQB"}
FOREIGN: JsonObject = {"type": "thinking", "thinking": "hm", "signature": "pointsman.gemini.s"}
NOBODYS: JsonObject = {"type": "thinking", "thinking": "hm", "signature": "pointsman.."}
TEXT_BLOCK: JsonObject = {"type": "text", "text": "a"}


def scanner() -> MessagesRelayScanner:
    """A fresh scanner."""
    return DIALECT.relay_scanner(Operation.CHAT, strip_usage=True)


def relayed(*messages: Json) -> JsonObject:
    """The fields that change on the way of *messages*."""
    body: JsonObject = {"model": "auto", "messages": list(messages)}
    return DIALECT.relay_fields(body, Operation.CHAT, "claude-opus-5", stream_usage=False)


def test_a_stream_is_watched_as_it_passes() -> None:
    """The first content commits, usage is merged from both ends, the end is seen; every frame goes on at once."""
    watch = scanner()
    seen = []
    for frame in (START, PING, EMPTY, TEXT, END, STOP):
        assert watch.feed(frame) == frame
        seen.append((watch.has_content, watch.usage, watch.ended))
    begun = Usage(input_tokens=12, output_tokens=1, cache_write_tokens=3)
    whole = Usage(input_tokens=12, output_tokens=5, cache_write_tokens=3)
    assert watch.close() == b""
    assert seen == [
        (False, begun, False),
        (False, begun, False),
        (False, begun, False),
        (True, begun, False),
        (True, whole, False),
        (True, whole, True),
    ]
    assert (watch.output_chars, watch.failure) == (2, None)


def test_frames_that_come_together_are_each_looked_into() -> None:
    """Usage is found wherever in a piece of the stream it stands."""
    watch = scanner()
    whole = START + TEXT + END
    assert watch.feed(whole) == whole
    assert watch.usage == Usage(input_tokens=12, output_tokens=5, cache_write_tokens=3)


@pytest.mark.parametrize(
    "data",
    [
        '{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking" : "hm"}}',
        '{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\\""}}',
        '{"type":"content_block_start","content_block":{"type":"tool_use","id":"a"}}',
        '{"type":"content_block_start","content_block":{"type":"server_tool_use","id":"a"}}',
        '{"type":"content_block_start","content_block":{"type":"redacted_thinking","data":"x"}}',
        '{"type":"message_delta","delta":{"stop_reason":"refusal"}}',
    ],
)
def test_content_of_every_kind_commits(data: str) -> None:
    """From the first on nothing may be asked again."""
    watch = scanner()
    watch.feed(f"data: {data}\n\n".encode())
    assert watch.has_content


def test_an_error_inside_a_stream_is_noticed() -> None:
    """With the status that its type stands for; the caller gets it as it came."""
    watch = scanner()
    frame = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    assert watch.feed(TEXT + frame + frame) == TEXT + frame + frame
    assert watch.failure == StreamFailed(message="Overloaded", status=529, code="overloaded_error")
    assert not watch.ended


@pytest.mark.parametrize(
    "frame",
    [
        b'data: {"type":"content_block_start","content_block":{"content":{"type":"error"}}}\n\n',
        b"event: error\n\n",
        b'data: {"type":"message_delta","usage":{"output_tokens":"many"}}\n\n',
        b'data: {"text":"\\"usage\\":{ \\"type\\":\\"message_stop\\" error"}\n\n',
    ],
)
def test_frames_that_only_look_alike_change_nothing(frame: bytes) -> None:
    """They pass as they are."""
    watch = scanner()
    assert watch.feed(frame) == frame
    assert (watch.failure, watch.usage, watch.ended) == (None, None, False)


def test_a_conversation_of_claude_alone_goes_on_as_it_is() -> None:
    """Only the model's name changes, so that every byte of a cached prefix stays."""
    conversation: tuple[Json, ...] = (
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [SIGNED, {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "a"}]},
        {"role": "assistant", "content": []},
    )
    assert relayed(*conversation) == {"model": "claude-opus-5"}


def test_thinking_of_other_models_is_taken_out() -> None:
    """The endpoint would refuse it; a turn that was nothing else goes with it."""
    assert relayed(
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [FOREIGN, NOBODYS, {"type": "thinking", "thinking": "hm"}]},
        {"role": "user", "content": "again"},
        {"role": "assistant", "content": [SIGNED, FOREIGN, TEXT_BLOCK], "x_next": 1},
    ) == {
        "model": "claude-opus-5",
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "user", "content": "again"},
            {"role": "assistant", "content": [SIGNED, TEXT_BLOCK], "x_next": 1},
        ],
    }


@pytest.mark.parametrize(
    ("first", "changed"), [(TEXT_BLOCK, {"thinking": {"type": "disabled"}}), ({"type": "redacted_thinking"}, {})]
)
def test_there_is_no_budget_for_thinking_after_calls_without_any(first: Json, changed: JsonObject) -> None:
    """The API refuses to go on thinking from calls of a model that did not."""
    call: JsonObject = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    result: JsonObject = {"type": "tool_result", "tool_use_id": "a", "content": "1"}
    messages: list[Json] = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [first, call]},
        {"role": "user", "content": [result]},
    ]
    body: JsonObject = {"model": "auto", "messages": messages, "thinking": {"type": "enabled", "budget_tokens": 2000}}
    found = DIALECT.relay_fields(body, Operation.CHAT, "m", stream_usage=False)
    assert found == {"model": "m", **changed}


def test_ids_of_other_endpoints_are_made_fit() -> None:
    """In the call and in its result alike."""
    found = relayed(
        {"role": "assistant", "content": [{"type": "tool_use", "id": "f:0", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "f:0"}, TEXT_BLOCK]},
    )["messages"]
    fit = json.loads(json.dumps(found))
    identity = fit[0]["content"][0]["id"]
    assert identity.startswith("f_0_")
    assert fit[1]["content"] == [{"type": "tool_result", "tool_use_id": identity}, TEXT_BLOCK]


@pytest.mark.parametrize(
    "messages",
    [None, "hi", [3, {"role": "user"}], [{"content": [3, {"type": "tool_use"}, {"type": ["x"]}]}]],
)
def test_a_body_of_odd_shape_is_the_endpoints_to_refuse(messages: Json) -> None:
    """Nothing is changed in it."""
    body: JsonObject = {"messages": messages}
    assert DIALECT.relay_fields(body, Operation.CHAT, "m", stream_usage=True) == {"model": "m"}


def test_the_callers_versions_go_along() -> None:
    """A beta that the caller asked for is the endpoint's to know."""
    assert DIALECT.relayed_headers == {b"anthropic-version", b"anthropic-beta"}
