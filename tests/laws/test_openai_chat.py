"""The laws of the dialect openai_chat: nothing is lost on the way there and back, nothing raises."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import Operation
from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingRequest, Message, Role, Text
from pointsman.core.jsontypes import Json
from pointsman.core.stream import StreamEvent, UsageReported, fold
from pointsman.dialects.openai_chat.dialect import OpenAIChat
from pointsman.dialects.openai_embeddings import decode_request
from pointsman.dialects.raw import parse_body
from tests.laws.strategies import (
    chat_replies,
    chat_requests,
    disturbed,
    embedding_requests,
    json_objects,
    json_values,
    refusal_of,
    splits,
    streams_of,
)

DIALECT = OpenAIChat()
REQUEST = ChatRequest(messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),), stream=True, stream_usage=True)
REQUESTS = chat_requests(DIALECT.name)
REPLIES = chat_replies(DIALECT.name)
NOISE = st.binary() | st.text(alphabet='data:event\r\n{}[]"usagerochoices0,ONED ').map(str.encode)


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


@given(request=embedding_requests)
def test_an_embedding_request_comes_back(request: EmbeddingRequest) -> None:
    """Texts, token ids, dimensions and format survive."""
    assert decode_request(DIALECT.encode_embeddings(request, request.model or "").body) == request


@given(data=st.data())
def test_a_stream_amounts_to_its_reply(data: st.DataObject) -> None:
    """Encoded, cut anywhere, decoded and folded, a stream is the whole reply."""
    reply = data.draw(REPLIES)
    wire = encoded(data.draw(streams_of(reply)))
    assert fold(decoded(data.draw(splits(wire)))) == reply


@given(data=st.data())
def test_bytes_split_anywhere_give_the_same_events(data: st.DataObject) -> None:
    """Where a network cuts the bytes makes no difference, for streams and for noise."""
    wire = data.draw(REPLIES.flatmap(streams_of).map(encoded) | NOISE)
    assert decoded(data.draw(splits(wire))) == decoded([wire])


@given(data=st.data())
def test_a_relayed_stream_is_untouched(data: st.DataObject) -> None:
    """Streams and noise alike come out of the scanner byte for byte."""
    wire = data.draw(REPLIES.flatmap(streams_of).map(encoded) | NOISE)
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=False)
    assert b"".join([*map(scanner.feed, data.draw(splits(wire))), scanner.close()]) == wire


@given(data=st.data())
def test_a_scanner_takes_out_the_usage_and_nothing_else(data: st.DataObject) -> None:
    """What the caller gets is the same stream without its usage, and the scanner knows the usage."""
    reply = data.draw(REPLIES)
    wire = encoded(data.draw(streams_of(reply)))
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=True)
    sent = b"".join([*map(scanner.feed, data.draw(splits(wire))), scanner.close()])
    assert decoded([sent]) == [event for event in decoded([wire]) if not isinstance(event, UsageReported)]
    assert (scanner.usage, scanner.ended, scanner.failure) == (reply.usage, True, None)
    assert scanner.has_content


@given(data=st.data())
def test_a_disturbed_request_is_read_or_refused(data: st.DataObject) -> None:
    """One wrong node in a request gives a request or an InvalidRequest with its path, nothing else."""
    request = data.draw(REQUESTS)
    body = data.draw(disturbed(DIALECT.encode_chat(request, "m").body))
    if isinstance(body, dict):
        refusal = refusal_of(lambda: DIALECT.encode_chat(DIALECT.decode_chat(body), "m"))
        assert refusal is None or refusal.param


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
def test_disturbed_chunks_never_raise(data: st.DataObject) -> None:
    """Frames with any JSON in them give events, and a scanner passes them on up to one that is no object."""
    choices = st.lists(st.fixed_dictionaries({"index": st.just(0), "delta": json_objects}), max_size=1)
    call: Json = {"index": 0, "id": "1", "function": {"name": "f"}}
    delta: Json = {"role": "a", "content": "b", "tool_calls": [call]}
    chunk: Json = {"id": "1", "choices": [{"index": 0, "delta": delta, "logprobs": {"content": []}}]}
    frames = data.draw(st.lists(disturbed(chunk) | json_values | choices.map(lambda found: {"choices": found})))
    wire = b"".join(b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in frames)
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


@given(request=REQUESTS)
def test_stream_usage_is_always_asked_for(request: ChatRequest) -> None:
    """Costs are counted whether or not the caller wants to see the usage."""
    silent = replace(request, stream_usage=False, stream=True)
    assert DIALECT.encode_chat(silent, "m").body["stream_options"] == {"include_usage": True}
