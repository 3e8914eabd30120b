"""The laws of the dialect openai_responses: nothing is lost on the way there and back, nothing raises."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import Operation
from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Role,
    Sampling,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
)
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import LogprobsDelta, StreamEvent, TextDelta, fold
from pointsman.dialects.base import ANSWERED_HERE
from pointsman.dialects.openai_responses import history
from pointsman.dialects.openai_responses.dialect import OpenAIResponses
from pointsman.dialects.raw import parse_body
from tests.laws.strategies import (
    chat_replies,
    chat_requests,
    disturbed,
    json_values,
    refusal_of,
    splits,
    streams_of,
)

DIALECT = OpenAIResponses()
REQUEST = ChatRequest(messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),), stream=True)
NOISE = st.binary() | st.text(alphabet='data:event\r\n{}[]"usageresponse.completed ').map(str.encode)


def _part(part: Part) -> Part:
    match part:
        case Reasoning():
            return replace(part, signature="signed", origin=DIALECT.name)
        case ToolResult():
            return replace(part, name=None, call_id=part.call_id or "c")
        case _:
            return part


def _messages(messages: Iterable[Message]) -> tuple[Message, ...]:
    """What the assistant says in one go is one message; no speaker has a name."""
    found: list[Message] = []
    for message in messages:
        parts = tuple(map(_part, message.parts)) or (Text(text="."),)
        extras = message.extras if message.role not in (Role.ASSISTANT, Role.TOOL) else {}
        if message.role is Role.ASSISTANT and found and found[-1].role is Role.ASSISTANT:
            parts = (*found.pop().parts, *parts)
        found.append(replace(message, parts=parts, name=None, extras=extras))
    return tuple(found)


def sayable_request(request: ChatRequest) -> ChatRequest:
    """*request* less what this API has no words for."""
    sampling, wanted = request.sampling, request.response_format
    own: JsonObject = {key: value for key, value in request.extras.get(DIALECT.name, {}).items() if value is not None}
    kept: JsonObject = {"store": request.stream}
    if wanted is not None and wanted.kind == "json_schema":
        wanted = replace(wanted, name=wanted.name or "n")
    return replace(
        request,
        messages=_messages(request.messages),
        tools=tuple(replace(tool, strict=tool.strict or False) for tool in request.tools),
        response_format=wanted,
        sampling=Sampling(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_output_tokens=sampling.max_output_tokens,
            logprobs=sampling.logprobs or None,
            top_logprobs=sampling.top_logprobs,
        ),
        extras={**({DIALECT.name: own} if own else {}), ANSWERED_HERE: kept},
    )


def sayable_reply(reply: ChatReply) -> ChatReply:
    """*reply* with one choice, an end that its parts bear out, and an id of this API."""
    choice = reply.choices[0]
    parts = choice.message.parts
    reason = choice.stop_reason
    if reason not in (StopReason.LENGTH, StopReason.CONTENT_FILTER):
        has_calls = any(isinstance(part, ToolCall) for part in parts)
        reason = StopReason.TOOL_CALLS if has_calls else StopReason.STOP
    has_text = any(isinstance(part, Text) for part in parts)
    logprobs: Json = {"content": [{"token": "a", "logprob": -1.5}]} if has_text and choice.logprobs else None
    said = Choice(index=0, message=choice.message, stop_reason=reason, logprobs=logprobs)
    return replace(reply, id=f"resp_{len(reply.id)}", choices=(said,), extras={})


def beside_text(events: Iterable[StreamEvent]) -> list[StreamEvent]:
    """*events* with the log-probabilities right behind the text they are of."""
    found = list(events)
    for event in [event for event in found if isinstance(event, LogprobsDelta)]:
        found.remove(event)
        last = max(place for place, other in enumerate(found) if isinstance(other, TextDelta))
        found.insert(last + 1, event)
    return found


REQUESTS = chat_requests(DIALECT.name).map(sayable_request)
REPLIES = chat_replies(DIALECT.name).map(sayable_reply)
STREAMS = REPLIES.flatmap(streams_of).map(beside_text)


def encoded(events: Iterable[StreamEvent]) -> bytes:
    """*events* as a caller gets them."""
    encoder = DIALECT.stream_encoder(REQUEST)
    return b"".join(encoder.encode(event) for event in events)


def decoded(arriving: Iterable[bytes]) -> list[StreamEvent]:
    """The events of a stream that arrives in pieces."""
    decoder = DIALECT.stream_decoder()
    return [*(event for data in arriving for event in decoder.feed(data)), *decoder.close()]


@given(request=REQUESTS)
def test_a_request_comes_back(request: ChatRequest) -> None:
    """What is sent to an endpoint is the request that was read, through bytes and back."""
    body = DIALECT.encode_chat(request, request.model or "").body
    assert DIALECT.decode_chat(parse_body(json.dumps(body).encode()).value) == request


@given(reply=REPLIES)
def test_a_reply_comes_back(reply: ChatReply) -> None:
    """What a caller gets is the reply that was read."""
    assert DIALECT.decode_reply(DIALECT.encode_reply(reply, REQUEST)) == reply


@given(reply=REPLIES)
def test_what_a_caller_sends_back_is_what_was_said(reply: ChatReply) -> None:
    """An answer's items, sent back as history, are the assistant's message again."""
    output = DIALECT.encode_reply(reply, REQUEST)["output"]
    request = DIALECT.decode_chat({"input": [*output, {"role": "user", "content": "and?"}]})  # type: ignore[misc]  # a list
    said = [part for message in request.messages[:-1] for part in message.parts]
    assert [type(part) for part in said] == [type(part) for part in reply.choices[0].message.parts]


@given(data=st.data())
def test_a_stream_amounts_to_its_reply(data: st.DataObject) -> None:
    """Encoded, cut anywhere, decoded and folded, a stream is the whole reply."""
    reply = data.draw(REPLIES)
    wire = encoded(beside_text(data.draw(streams_of(reply))))
    assert fold(decoded(data.draw(splits(wire)))) == reply


@given(data=st.data())
def test_the_last_event_holds_the_whole_answer(data: st.DataObject) -> None:
    """Who looks only at the end of a stream sees what a caller who did not stream gets."""
    reply = data.draw(REPLIES)
    found = history.FinalReply()
    for piece in data.draw(splits(encoded(beside_text(data.draw(streams_of(reply)))))):
        found.feed(piece)
    assert found.reply == DIALECT.encode_reply(reply, REQUEST)


@given(data=st.data())
def test_bytes_split_anywhere_give_the_same_events(data: st.DataObject) -> None:
    """Where a network cuts the bytes makes no difference, for streams and for noise."""
    wire = data.draw(STREAMS.map(encoded) | NOISE)
    assert decoded(data.draw(splits(wire))) == decoded([wire])


@given(data=st.data())
def test_a_relayed_stream_is_untouched(data: st.DataObject) -> None:
    """Streams and noise alike come out of the scanner byte for byte."""
    wire = data.draw(STREAMS.map(encoded) | NOISE)
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=True)
    assert b"".join([*map(scanner.feed, data.draw(splits(wire))), scanner.close()]) == wire


@given(data=st.data())
def test_a_scanner_sees_what_a_decoder_sees(data: st.DataObject) -> None:
    """Usage, end and content of a relayed stream are those of the answer."""
    reply = data.draw(REPLIES)
    wire = encoded(beside_text(data.draw(streams_of(reply))))
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=False)
    for piece in data.draw(splits(wire)):
        scanner.feed(piece)
    assert (scanner.usage, scanner.ended, scanner.failure, scanner.has_content) == (reply.usage, True, None, True)


@given(data=st.data())
def test_a_disturbed_request_is_read_or_refused(data: st.DataObject) -> None:
    """One wrong node in a request gives a request or an InvalidRequest with its path, nothing else."""
    request = data.draw(REQUESTS)
    body = data.draw(disturbed(DIALECT.encode_chat(request, "m").body))
    if isinstance(body, dict):
        refusal = refusal_of(lambda: DIALECT.encode_chat(DIALECT.decode_chat(body), "m"))
        assert refusal is None or refusal.param
        assert DIALECT.relay_fields(body, Operation.CHAT, "m", stream_usage=False)["model"] == "m"


@given(data=st.data())
def test_a_disturbed_reply_is_read_or_refused(data: st.DataObject) -> None:
    """One wrong node in an answer gives a reply or a ValueError, nothing else."""
    body = data.draw(disturbed(DIALECT.encode_reply(data.draw(REPLIES), REQUEST)))
    if isinstance(body, dict):
        with contextlib.suppress(ValueError):
            DIALECT.usage(body)
        with contextlib.suppress(ValueError):
            DIALECT.decode_reply(body)
        with contextlib.suppress(ValueError):
            DIALECT.decode_embeddings(body)


@given(data=st.data())
def test_disturbed_events_never_raise(data: st.DataObject) -> None:
    """Events with any JSON in them give events, and a scanner passes them on up to one that is no object."""
    wire = encoded(data.draw(STREAMS))
    frames = [frame.partition(b"data: ")[2] for frame in wire.split(b"\n\n") if frame]
    shaken = [data.draw(st.just(json.loads(frame)) | disturbed(json.loads(frame)) | json_values) for frame in frames]
    wire = b"".join(b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in shaken)
    fold(decoded([wire]))
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=False)
    passed = scanner.feed(wire) + scanner.close()
    assert passed == wire or (wire.startswith(passed) and scanner.is_cut)


@given(body=NOISE | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_error_body_is_read(body: bytes) -> None:
    """An error body of any shape gives one short line."""
    found = DIALECT.decode_error(body)
    assert 0 < len(found.message) <= 300
    assert found.message.isprintable()


@given(wanted=st.sampled_from(("text", "json_object")), request=REQUESTS)
def test_an_answer_repeats_the_format(wanted: str, request: ChatRequest) -> None:
    """Libraries read the wanted format out of the answer."""
    asked = replace(request, response_format=ResponseFormat(kind=wanted))
    reply = ChatReply(id="resp_1", model="m", created_s=1, choices=())
    assert DIALECT.encode_reply(reply, asked)["text"] == {"format": {"type": wanted}}
