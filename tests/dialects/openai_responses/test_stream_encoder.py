"""Events written as a Responses stream, as callers expect it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pointsman.core.chat import StopReason, Usage, ask
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
from pointsman.dialects.openai_responses.dialect import OpenAIResponses

DIALECT = OpenAIResponses()
NAME = "openai_responses"
STARTED = Started(id="resp_1", model="m", created_s=7)
STOP = Stopped(reason=StopReason.STOP)


def said(*events: StreamEvent, request: JsonObject | None = None) -> list[tuple[str, JsonObject]]:
    """The events a caller gets, less the two that begin an answer; numbers and names are checked."""
    encoder = DIALECT.stream_encoder(DIALECT.decode_chat(request) if request is not None else ask("hi"))
    frames = b"".join(encoder.encode(event_) for event_ in events).decode().split("\n\n")
    assert frames.pop() == ""
    found: list[tuple[str, JsonObject]] = []
    for number, frame in enumerate(frames):
        name, _, data = frame.partition("\n")
        body = json.loads(data.removeprefix("data: "))
        kind = body.pop("type")
        assert (name, body.pop("sequence_number")) == (f"event: {kind}", number)
        found.append((kind, body))
    assert [kind for kind, _ in found[:2]] == ["response.created", "response.in_progress"]
    return found[2:]


def kinds(found: Sequence[tuple[str, JsonObject]]) -> list[str]:
    """The events' types, shortened."""
    return [kind.removeprefix("response.") for kind, _ in found]


def test_an_answer_is_streamed_item_by_item() -> None:
    """Each thing begins, grows and ends before the next one, and the last event has it all."""
    found = said(
        STARTED,
        ReasoningDelta(text="hm"),
        ReasoningDelta(text="!", signature="s", origin="gemini"),
        ReasoningDelta(text="more"),
        TextDelta(text="Hi"),
        LogprobsDelta(logprobs={"content": [{"token": "Hi"}]}),
        RefusalDelta(text="no"),
        LogprobsDelta(logprobs={"refusal": []}),
        LogprobsDelta(logprobs={"content": [{"token": "no"}]}),
        STOP,
        UsageReported(usage=Usage(input_tokens=1, output_tokens=2)),
        Ended(),
    )
    thought = [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert kinds(found) == [
        *thought[:3],
        *thought[2:],
        *thought,
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    text: JsonObject = {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": [{"token": "Hi"}]}
    whole = found[-1][1]["response"]
    assert isinstance(whole, dict)
    assert whole["output"] == [
        {
            "id": "rs_1_0",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "hm!"}],
            "encrypted_content": "pointsman.gemini.s",
        },
        {
            "id": "rs_1_1",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "more"}],
            "encrypted_content": "pointsman..",
        },
        {
            "id": "msg_1_2",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [text, {"type": "refusal", "refusal": "no"}],
        },
    ]
    assert [body["item"] for kind, body in found if kind == "response.output_item.done"] == whole["output"]


def test_the_first_events_of_a_text_are_these() -> None:
    """Word for word, as libraries read them."""
    at: JsonObject = {"item_id": "msg_1_0", "output_index": 0, "content_index": 0}
    part: JsonObject = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    item: JsonObject = {"id": "msg_1_0", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    assert said(STARTED, TextDelta(text="Hi")) == [
        ("response.output_item.added", {"output_index": 0, "item": item}),
        ("response.content_part.added", {**at, "part": part}),
        ("response.output_text.delta", {**at, "delta": "Hi", "logprobs": []}),
    ]


def test_calls_stay_open_until_the_end() -> None:
    """They may come interleaved; a custom tool's text is known when its arguments are whole; late speech is new."""
    tools: list[Json] = [{"type": "function", "name": "f"}, {"type": "custom", "name": "g"}]
    found = said(
        STARTED,
        TextDelta(text="Hi"),
        ToolCallDelta(index=0, id="c", name="f", arguments="{"),
        ToolCallDelta(index=1, id="d", name="g", arguments='{"input"'),
        ToolCallDelta(index=0, arguments="}"),
        ToolCallDelta(index=1, arguments=': "text"}'),
        LogprobsDelta(logprobs={"content": [{"token": "}"}]}),
        TextDelta(text="Bye"),
        Stopped(reason=StopReason.LENGTH),
        Ended(),
        request={"input": "x", "tools": tools},
    )
    assert kinds(found)[6:] == [
        "output_item.added",
        "function_call_arguments.delta",
        "output_item.added",
        "function_call_arguments.delta",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "function_call_arguments.done",
        "output_item.done",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "incomplete",
    ]
    whole = found[-1][1]["response"]
    assert isinstance(whole, dict)
    assert isinstance(whole["output"], list)
    assert whole["output"][1:3] == [
        {
            "id": "fc_1_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "c",
            "name": "f",
            "arguments": "{}",
        },
        {
            "id": "ctc_1_2",
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": "d",
            "name": "g",
            "input": "text",
        },
    ]
    assert whole["output"][3]["status"] == "incomplete"
    assert whole["incomplete_details"] == {"reason": "max_output_tokens"}


def test_a_signature_alone_is_an_item() -> None:
    """Thinking that an endpoint keeps to itself still has to come back to it."""
    found = said(STARTED, ReasoningDelta(text="", signature="e", origin=NAME), STOP, Ended())
    assert kinds(found) == ["output_item.added", "output_item.done", "completed"]
    assert found[1][1]["item"] == {"id": "rs_1_0", "type": "reasoning", "summary": [], "encrypted_content": "e"}


def test_an_answer_of_which_nothing_came_is_still_one() -> None:
    """Without a begin, without a stop, and without the candidates this API does not have."""
    found = said(TextDelta(text="other", choice=1), Stopped(reason=None, choice=1), Ended())
    assert kinds(found) == ["completed"]
    assert kinds(said(STARTED, TextDelta(text="Hi"), Ended()))[-1] == "completed"


def test_a_failure_is_said_twice() -> None:
    """An `error` is what libraries raise, `response.failed` what Codex reads."""
    failed = StreamFailed(message="it broke", status=429, code="rate_limit_exceeded")
    found = said(STARTED, TextDelta(text="Hi"), failed)
    flat: JsonObject = {"code": "rate_limit_exceeded", "message": "it broke", "param": None}
    assert found[-2] == ("error", {**flat, "error": {**flat, "type": "rate_limit_error"}})
    kind, body = found[-1]
    whole = body["response"]
    assert isinstance(whole, dict)
    assert (kind, whole["status"], whole["error"], whole["completed_at"]) == (
        "response.failed",
        "failed",
        {"code": "rate_limit_exceeded", "message": "it broke"},
        None,
    )
    assert said(StreamFailed(message="it broke"))[0][1]["code"] == "server_error"


def test_half_a_surrogate_pair_is_sent_as_it_came() -> None:
    """It is no UTF-8."""
    encoder = DIALECT.stream_encoder(ask("hi"))
    assert b'"delta":"\\ud83d"' in encoder.encode(TextDelta(text="\ud83d"))


def test_a_caller_waits_with_comments() -> None:
    """No client of this API minds them."""
    assert (DIALECT.keep_alive, DIALECT.stream_media_type) == (b": waiting\n\n", "text/event-stream")
