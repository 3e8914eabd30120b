"""The laws of the dialect gemini: nothing is lost on the way there and back, nothing raises."""

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
    EmbeddingRequest,
    Media,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Role,
    StopReason,
    Text,
    ToolCall,
    ToolChoice,
    ToolMode,
    ToolResult,
    ToolSpec,
    Usage,
)
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import StreamEvent, fold
from pointsman.dialects.gemini.dialect import Gemini
from pointsman.dialects.gemini.embeddings import decode_batch_embed
from pointsman.dialects.gemini.request import decode_chat
from pointsman.dialects.raw import parse_body
from tests.laws.strategies import (
    base64_texts,
    disturbed,
    json_objects,
    json_values,
    own_extras,
    refusal_of,
    samplings,
    some_words,
    splits,
    streams_of,
    words,
)

DIALECT = Gemini()
MODEL = "gemini-2.5-flash"
REQUEST = ChatRequest(messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),), stream=True, stream_usage=True)
NOISE = st.binary() | st.text(alphabet='data:\r\n{}[]"usageMetadatfinishReasonerrorcandidates0,').map(str.encode)
SCHEMAS: st.SearchStrategy[JsonObject] = json_objects | st.sampled_from(
    (
        {"type": "object", "properties": {"city": {"type": "string", "minLength": 1}}, "required": ["city"]},
        {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}, "additionalProperties": False},
        {"type": "object", "properties": {"at": {"type": ["string", "null"], "enum": ["a", "b"]}}},
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]}}},
    )
)
# JSON objects as this dialect writes them into a call's arguments.
ARGUMENTS = json_objects.map(lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")))
EXTRAS = own_extras(DIALECT.name).filter(lambda extras: None not in extras.get("gemini", {}).values())


def spoken() -> st.SearchStrategy[Text]:
    """Text that says something, signed or not."""
    signed = st.sampled_from(({}, {"gemini": {"thoughtSignature": "c2lnbmVk"}}))
    return st.builds(Text, text=some_words, extras=signed)


def shown() -> st.SearchStrategy[Media]:
    """Data in place and files by address, as this API names them."""
    images = st.sampled_from(("image/png", "image/webp"))
    kept = st.sampled_from(("gs://bucket/cat.png", "https://generativelanguage.googleapis.com/v1beta/files/abc"))
    return st.one_of(
        st.builds(Media, kind=st.just("image"), data_base64=base64_texts, media_type=images),
        st.builds(Media, kind=st.just("audio"), data_base64=base64_texts, media_type=st.just("audio/wav")),
        st.builds(Media, kind=st.just("image"), url=st.just("https://example.org/cat.png"), media_type=images),
        st.builds(Media, kind=st.just("file"), file_id=kept, media_type=st.just("application/pdf")),
    )


thoughts = st.builds(
    Reasoning, text=some_words, signature=st.sampled_from(("c2lnbmVk", "b3RoZXI=")), origin=st.just(DIALECT.name)
)


@st.composite
def turns(draw: st.DrawFn) -> tuple[Message, ...]:
    """What a user says and what a model says, in turns; each call is answered in the next."""
    found: list[Message] = []
    calls: list[ToolCall] = []
    for turn in range(draw(st.integers(1, 3))):
        asked: list[Part] = [
            ToolResult(call_id=call.id, name=call.name, content=(Text(text=draw(words)),), is_error=draw(st.booleans()))
            for call in calls
        ]
        role = Role.TOOL
        if not asked or draw(st.booleans()):
            role = Role.USER
            asked += draw(st.lists(spoken() | shown(), min_size=1, max_size=2))
        found.append(Message(role=role, parts=tuple(asked), extras=draw(EXTRAS)))
        calls = [
            ToolCall(id=f"id_{turn}_{number}", name=draw(some_words), arguments=draw(ARGUMENTS))
            for number in range(draw(st.integers(0, 2)))
        ]
        said: list[Part] = [*draw(st.lists(thoughts, max_size=1)), *draw(st.lists(spoken(), min_size=1, max_size=2))]
        found.append(Message(role=Role.ASSISTANT, parts=(*said, *calls), extras=draw(EXTRAS)))
    return tuple(found)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    """Requests this dialect can say in full, to a Gemini of the generation with budgets."""
    told = draw(st.lists(st.builds(Message, role=st.just(Role.SYSTEM), parts=st.tuples(spoken())), max_size=1))
    tools = draw(
        st.lists(
            st.builds(ToolSpec, name=words, description=st.none() | words, parameters=st.none() | SCHEMAS), max_size=2
        )
    )
    choices = st.builds(ToolChoice, mode=st.sampled_from(ToolMode)) | st.builds(
        ToolChoice, mode=st.just(ToolMode.REQUIRED), name=words
    )
    shapes = st.builds(ResponseFormat, kind=st.sampled_from(("text", "json_object"))) | st.builds(
        ResponseFormat, kind=st.just("json_schema"), schema=SCHEMAS
    )
    sampling = replace(draw(samplings), min_p=None, stop=tuple(draw(st.lists(some_words, max_size=5))))
    return ChatRequest(
        messages=(*told, *draw(turns())),
        tools=tuple(tools),
        tool_choice=draw(st.none() | choices) if tools else None,
        response_format=None if tools else draw(st.none() | shapes),
        sampling=sampling,
        reasoning_effort=draw(st.sampled_from((None, "none", "minimal", "low", "medium", "high"))),
        stream_usage=True,
        extras=draw(EXTRAS),
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Counts whose parts are not larger than their wholes."""
    read, written = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6))
    cached, thought = draw(st.integers(0, read)), draw(st.integers(0, written))
    return Usage(input_tokens=read, output_tokens=written, cached_input_tokens=cached, reasoning_tokens=thought)


@st.composite
def tokens(draw: st.DrawFn) -> Json:
    """The likelihood of some tokens, as the neutral form carries it."""

    def token(text: str) -> JsonObject:
        return {"token": text, "logprob": -0.5, "bytes": list(text.encode(errors="replace"))}

    found = [
        {**token(draw(words)), "top_logprobs": [token(text) for text in draw(st.lists(words, max_size=2))]}
        for _ in range(draw(st.integers(1, 2)))
    ]
    return {"content": found}


@st.composite
def replies(draw: st.DrawFn) -> ChatReply:
    """Whole answers of one or two choices, as they can also be streamed: something said, then perhaps calls."""
    choices: list[Choice] = []
    for index in range(draw(st.integers(1, 2))):
        calls = draw(st.lists(st.builds(ToolCall, id=some_words, name=some_words, arguments=ARGUMENTS), max_size=2))
        parts: tuple[Part, ...] = (
            *draw(st.lists(thoughts, max_size=2)),
            *draw(st.lists(st.builds(Text, text=some_words), max_size=1)),
        )
        stops = (StopReason.TOOL_CALLS, StopReason.LENGTH) if calls else (StopReason.STOP, StopReason.CONTENT_FILTER)
        choices.append(
            Choice(
                index=index,
                message=Message(role=Role.ASSISTANT, parts=(*parts, *calls)),
                stop_reason=draw(st.sampled_from(stops)),
                logprobs=draw(st.none() | tokens()),
            )
        )
    return ChatReply(
        id=draw(words),
        model=draw(words),
        created_s=0,
        choices=tuple(choices),
        usage=draw(st.none() | usages()),
        extras=draw(EXTRAS),
    )


REQUESTS = requests()
REPLIES = replies()


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
    """What is sent to an endpoint is the request that was read, through bytes and back, and nothing is dropped."""
    said = DIALECT.encode_chat(request, MODEL)
    assert decode_chat(parse_body(json.dumps(said.body).encode()).value) == request
    assert said.dropped == ()


@given(reply=REPLIES)
def test_a_reply_comes_back(reply: ChatReply) -> None:
    """What a caller gets is the reply that was read."""
    assert DIALECT.decode_reply(DIALECT.encode_reply(reply, REQUEST)) == reply


@given(
    texts=st.lists(words, min_size=1, max_size=3),
    dimensions=st.none() | st.integers(1, 4096),
    extras=st.sampled_from(({}, {"gemini": {"taskType": "RETRIEVAL_QUERY"}})),
)
def test_an_embedding_request_comes_back(texts: list[str], dimensions: int | None, extras: JsonObject) -> None:
    """Texts, dimensions and the task survive."""
    request = EmbeddingRequest(inputs=tuple(texts), dimensions=dimensions, extras=extras)  # type: ignore[arg-type]
    assert decode_batch_embed(DIALECT.encode_embeddings(request, "m").body) == request


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
def test_no_piece_of_a_stream_is_empty(data: st.DataObject) -> None:
    """Every piece has a part with text or a call, as long as the answer has any: older packages forget a turn else."""
    reply = data.draw(REPLIES)
    wire = encoded(data.draw(streams_of(reply)))
    for line in wire.splitlines():
        for candidate in json.loads(line.removeprefix(b"data: "))["candidates"] if line else ():
            parts = candidate["content"]["parts"]
            is_silent = not reply.choices[candidate["index"]].message.parts
            assert is_silent or all(part.get("text") or "functionCall" in part for part in parts)


@given(data=st.data())
def test_a_relayed_stream_is_untouched(data: st.DataObject) -> None:
    """Streams and noise alike come out of the scanner byte for byte."""
    wire = data.draw(REPLIES.flatmap(streams_of).map(encoded) | NOISE)
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=True)
    assert b"".join([*map(scanner.feed, data.draw(splits(wire))), scanner.close()]) == wire


@given(data=st.data())
def test_a_scanner_sees_what_a_decoder_sees(data: st.DataObject) -> None:
    """Usage, the end and failures are known of a relayed stream too."""
    reply = data.draw(REPLIES)
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=False)
    for piece in data.draw(splits(encoded(data.draw(streams_of(reply))))):
        scanner.feed(piece)
    scanner.close()
    assert (scanner.usage, scanner.ended, scanner.failure) == (reply.usage, True, None)
    assert scanner.has_content


@given(data=st.data())
def test_a_disturbed_request_is_read_or_refused(data: st.DataObject) -> None:
    """One wrong node in a request gives a request or an InvalidRequest with its path, nothing else."""
    model = data.draw(st.sampled_from((MODEL, "gemini-3-pro", "gemma-3")))
    body = data.draw(disturbed(DIALECT.encode_chat(data.draw(REQUESTS), model).body))
    if isinstance(body, dict):
        refusal = refusal_of(lambda: DIALECT.encode_chat(DIALECT.decode_chat(body), model))
        assert refusal is None or refusal.param
        DIALECT.relay_fields(body, Operation.CHAT, model, stream_usage=False)


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
    chunk = DIALECT.encode_reply(data.draw(REPLIES), REQUEST)
    frames = data.draw(st.lists(disturbed(chunk) | json_values, max_size=3))
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


@given(data=st.data())
def test_a_disturbed_error_body_is_read(data: st.DataObject) -> None:
    """Details of any shape are read or passed over."""
    quota: Json = {"violations": [{"quotaId": "GenerateRequestsPerDay"}]}
    error: Json = {
        "code": 429,
        "message": "no",
        "status": "RESOURCE_EXHAUSTED",
        "details": [quota, {"retryDelay": "3s"}],
    }
    assert DIALECT.decode_error(json.dumps(data.draw(disturbed({"error": error}))).encode()).message
