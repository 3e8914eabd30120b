"""The laws of the dialect anthropic_messages: nothing is lost on the way there and back, nothing raises."""

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
    Media,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Role,
    Sampling,
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
from pointsman.core.stream import (
    Ended,
    ReasoningDelta,
    Started,
    Stopped,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReported,
    fold,
)
from pointsman.dialects.anthropic_messages.dialect import AnthropicMessages
from pointsman.dialects.raw import parse_body
from tests.laws.strategies import (
    base64_texts,
    disturbed,
    json_objects,
    json_values,
    own_extras,
    pieces,
    refusal_of,
    some_words,
    splits,
    streams_of,
    tool_choices,
    words,
)

DIALECT = AnthropicMessages()
REQUEST = ChatRequest(
    messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),),
    stream=True,
    stream_usage=True,
    extras={DIALECT.name: {"thinking": {"type": "adaptive"}}},
)
NOISE = st.binary() | st.text(alphabet='data:event\r\n{}[]"typusagemessage_stop ').map(str.encode)

spoken = words.map(lambda word: f"a{word}")
ids = st.text("abcXYZ019_-", min_size=1, max_size=8)
own_fields = own_extras(DIALECT.name).filter(lambda found: None not in found.get(DIALECT.name, {}).values())
texts = st.builds(Text, text=spoken, extras=own_fields)
addresses = st.sampled_from(("https://example.org/cat.png", "http://example.org/?q=1"))
media = st.one_of(
    st.builds(Media, kind=st.just("image"), url=addresses),
    st.builds(Media, kind=st.just("image"), data_base64=base64_texts.filter(bool), media_type=st.just("image/png")),
    st.builds(Media, kind=st.sampled_from(("image", "file")), file_id=some_words),
    st.builds(Media, kind=st.just("file"), url=addresses, filename=st.none() | words),
    st.builds(
        Media,
        kind=st.just("file"),
        data_base64=base64_texts.filter(bool),
        media_type=st.just("application/pdf"),
        filename=st.none() | words,
    ),
)
arguments = json_objects.map(lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")))
tool_calls = st.builds(ToolCall, id=ids, name=some_words, arguments=arguments)
results = st.builds(
    ToolResult,
    call_id=ids,
    content=st.lists(st.builds(Text, text=spoken) | media, max_size=2).map(tuple),
    is_error=st.booleans(),
    extras=own_fields,
)
signed = st.builds(
    Reasoning,
    text=spoken,
    signature=some_words.map(lambda word: f"s{word}"),
    origin=st.just(DIALECT.name),
)
redacted = st.builds(
    Reasoning,
    text=st.just(""),
    signature=words.map(lambda word: f"redacted_thinking:{word}"),
    origin=st.just(DIALECT.name),
)
others_thinking = st.builds(Reasoning, text=spoken) | st.builds(
    Reasoning, text=spoken, signature=some_words, origin=st.just("gemini")
)


@st.composite
def messages(draw: st.DrawFn) -> tuple[Message, ...]:
    """A conversation whose roles take turns, the user first, perhaps with system prompts at its head and midst."""
    found: list[Message] = []
    if draw(st.booleans()):
        found.append(Message(role=Role.SYSTEM, parts=tuple(draw(st.lists(texts, min_size=1, max_size=2)))))
    earlier = "system"
    for role in draw(st.lists(st.sampled_from(("user", "assistant", "system")), min_size=1, max_size=4)):
        if role == earlier:
            continue
        if role == "assistant" and not any(one.role in (Role.USER, Role.TOOL) for one in found):
            found.append(_turn(draw, "user"))
        earlier = role
        found.append(_turn(draw, role))
    if earlier == "system":
        found.append(_turn(draw, "user"))
    return tuple(found)


def _turn(draw: st.DrawFn, role: str) -> Message:
    parts: list[Part]
    extras = draw(own_extras(DIALECT.name))
    if role == "system":
        parts = [*draw(st.lists(texts, min_size=1, max_size=2))]
        return Message(role=Role.SYSTEM, parts=tuple(parts), extras=extras)
    if role == "user":
        answers = draw(st.lists(results, max_size=2))
        parts = [*answers, *draw(st.lists(texts | media, min_size=0 if answers else 1, max_size=2))]
        return Message(role=Role.USER if len(parts) > len(answers) else Role.TOOL, parts=tuple(parts), extras=extras)
    parts = [*draw(st.lists(signed | redacted, max_size=2)), *draw(st.lists(texts, min_size=1, max_size=2))]
    return Message(role=Role.ASSISTANT, parts=(*parts, *draw(st.lists(tool_calls, max_size=2))), extras=extras)


tool_specs = st.builds(
    ToolSpec,
    name=words,
    description=st.none() | words,
    parameters=json_objects.map(lambda found: {**found, "type": "object"}),
    strict=st.none() | st.booleans(),
    extras=own_fields,
)
samplings = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 1),
    top_p=st.none() | st.floats(0, 1),
    top_k=st.none() | st.integers(0, 100),
    max_output_tokens=st.integers(0, 10**6),
    stop=st.lists(spoken, max_size=2).map(tuple),
)
SCHEMA: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
THINKING: st.SearchStrategy[tuple[str | None, JsonObject]] = st.sampled_from(
    (
        (None, {}),
        ("none", {}),
        (None, {"thinking": {"type": "adaptive"}}),
        ("high", {"thinking": {"type": "adaptive", "display": "omitted"}}),
        ("xhigh", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
        ("low", {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        ("medium", {"thinking": {"type": "enabled", "budget_tokens": 5000}}),
        ("high", {"thinking": {"type": "enabled", "budget_tokens": 20_000}}),
        ("low", {"thinking": {"type": "enabled", "budget_tokens": 20_000}}),
    )
)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    """Requests as a caller of this API may make them."""
    tools = tuple(draw(st.lists(tool_specs, max_size=2)))
    choice: ToolChoice | None = None
    parallel: bool | None = None
    if draw(st.booleans()) and tools:
        choice = draw(tool_choices)
        parallel = None if choice.mode is ToolMode.NONE else draw(st.sampled_from((None, True, False)))
    said = draw(messages())
    effort, kept = draw(THINKING)
    if "budget_tokens" in str(kept) and any(isinstance(part, ToolResult) for one in said for part in one.parts):
        effort, kept = None, {}  # the API wants thinking before those calls: its own test has that
    more = draw(own_extras(DIALECT.name)).get(DIALECT.name, {})
    stream = draw(st.booleans())
    return ChatRequest(
        messages=said,
        model=draw(words),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        response_format=draw(st.sampled_from((None, ResponseFormat(kind="json_schema", schema=SCHEMA)))),
        sampling=draw(samplings),
        reasoning_effort=effort,
        stream=stream,
        stream_usage=stream,
        user=draw(st.none() | words),
        extras={DIALECT.name: {**more, **kept}} if more or kept else {},
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Counts whose parts are not larger than their wholes."""
    fresh, read, written, output = (draw(st.integers(0, 10**6)) for _ in range(4))
    return Usage(
        input_tokens=fresh + read + written,
        output_tokens=output,
        cached_input_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=draw(st.integers(0, output)),
    )


@st.composite
def replies(draw: st.DrawFn) -> ChatReply:
    """Whole answers, as they can also be streamed: thinking, a run of text, calls."""
    thoughts = draw(st.lists(signed | redacted, max_size=2)) or draw(st.lists(others_thinking, max_size=1))
    said = draw(st.lists(st.builds(Text, text=spoken), max_size=1))
    called = draw(st.lists(tool_calls, max_size=2))
    kinds = set(StopReason) - ({StopReason.STOP} if called else set())
    message = Message(role=Role.ASSISTANT, parts=(*thoughts, *said, *called))
    choice = Choice(index=0, message=message, stop_reason=draw(st.sampled_from(sorted(kinds))))
    if choice.stop_reason is StopReason.STOP and draw(st.booleans()):
        why: JsonObject = {"stop_reason": "stop_sequence", "stop_sequence": "\n"}
        choice = replace(choice, extras={DIALECT.name: why})
    return ChatReply(id=draw(words), model=draw(words), created_s=0, choices=(choice,), usage=draw(usages()))


def encoded(events: Iterable[StreamEvent]) -> bytes:
    """*events* as a caller gets them."""
    encoder = DIALECT.stream_encoder(REQUEST)
    return b"".join(encoder.encode(event) for event in events)


def decoded(arriving: Iterable[bytes]) -> list[StreamEvent]:
    """The events of a stream that arrives in pieces."""
    decoder = DIALECT.stream_decoder()
    return [*(event for data in arriving for event in decoder.feed(data)), *decoder.close()]


def with_reason(events: Iterable[StreamEvent], reply: ChatReply) -> list[StreamEvent]:
    """*events* whose Stopped says as much as the reply does."""
    extras = reply.choices[0].extras
    return [replace(event, extras=extras) if isinstance(event, Stopped) else event for event in events]


STREAMS = replies().flatmap(streams_of)


@given(request=requests())
def test_a_request_comes_back(request: ChatRequest) -> None:
    """What is sent to an endpoint is the request that was read, through bytes and back; nothing is dropped."""
    found = DIALECT.encode_chat(request, request.model or "")
    assert found.dropped == ()
    assert DIALECT.decode_chat(parse_body(json.dumps(found.body).encode()).value) == request


@given(reply=replies())
def test_a_reply_comes_back(reply: ChatReply) -> None:
    """What a caller gets is the reply that was read."""
    assert DIALECT.decode_reply(DIALECT.encode_reply(reply, REQUEST)) == reply


@given(data=st.data())
def test_a_stream_amounts_to_its_reply(data: st.DataObject) -> None:
    """Encoded, cut anywhere, decoded and folded, a stream is the whole reply."""
    reply = data.draw(replies())
    wire = encoded(with_reason(data.draw(streams_of(reply)), reply))
    assert fold(decoded(data.draw(splits(wire)))) == reply


@given(data=st.data())
def test_calls_written_at_the_same_time_come_out_one_after_the_other(data: st.DataObject) -> None:
    """However the pieces of parallel calls and of text interleave, one block is open at a time and none is mixed up."""
    called = data.draw(st.lists(tool_calls, min_size=1, max_size=3))
    said = data.draw(pieces(data.draw(spoken)))
    queues: list[list[StreamEvent]] = [[TextDelta(text=piece) for piece in said]]
    for number, call in enumerate(called):
        first, *more = data.draw(pieces(call.arguments))
        begun = ToolCallDelta(index=number, id=call.id, name=call.name, arguments=first)
        queues.append([begun, *(ToolCallDelta(index=number, arguments=piece) for piece in more)])
    waiting = queues[1:]
    events: list[StreamEvent] = [Started(id="1", model="m", created_s=0)]
    while any(queues):
        begun_or_next = [queue for queue in queues if queue and (queue not in waiting or queue is waiting[0])]
        queue = data.draw(st.sampled_from(begun_or_next))
        waiting = [other for other in waiting if other is not queue]
        events.append(queue.pop(0))
    wire = encoded([*events, Stopped(reason=StopReason.TOOL_CALLS), Ended()])
    assert fold(decoded([wire])) == replace(
        fold([*events, Stopped(reason=StopReason.TOOL_CALLS)]), usage=Usage(input_tokens=0, output_tokens=0)
    )
    assert _is_orderly(wire)


def _is_orderly(wire: bytes) -> bool:
    """Whether each block is begun, added to and closed before the next one, under growing numbers."""
    number, is_open = -1, False
    for line in wire.decode().split("\n"):
        event = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
        match event.get("type"):
            case "content_block_start":
                if is_open or event["index"] != number + 1:
                    return False
                number, is_open = event["index"], True
            case "content_block_delta" | "content_block_stop" as kind:
                if not is_open or event["index"] != number:
                    return False
                is_open = kind == "content_block_delta"
            case _:
                pass
    return not is_open


@given(data=st.data())
def test_bytes_split_anywhere_give_the_same_events(data: st.DataObject) -> None:
    """Where a network cuts the bytes makes no difference, for streams and for noise."""
    wire = data.draw(STREAMS.map(encoded) | NOISE)
    assert decoded(data.draw(splits(wire))) == decoded([wire])


@given(data=st.data())
def test_a_relayed_stream_is_untouched_and_understood(data: st.DataObject) -> None:
    """A stream comes out of the scanner byte for byte, and the scanner saw its content, usage and end."""
    reply = data.draw(replies())
    wire = encoded(data.draw(streams_of(reply)))
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=data.draw(st.booleans()))
    assert b"".join([*map(scanner.feed, data.draw(splits(wire))), scanner.close()]) == wire
    assert (scanner.has_content, scanner.usage, scanner.ended, scanner.failure) == (True, reply.usage, True, None)


@given(data=st.data())
def test_relayed_noise_is_untouched(data: st.DataObject) -> None:
    """So is what is no stream."""
    wire = data.draw(NOISE)
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=False)
    assert b"".join([*map(scanner.feed, data.draw(splits(wire))), scanner.close()]) == wire


@given(reply=replies())
def test_history_of_any_model_is_fit_for_the_endpoint(reply: ChatReply) -> None:
    """An answer given to a caller and sent back is relayed without what its own endpoint would refuse."""
    said = DIALECT.encode_reply(reply, REQUEST)["content"]
    body: JsonObject = {"messages": [{"role": "assistant", "content": said}]}
    relayed = {**body, **DIALECT.relay_fields(body, Operation.CHAT, "m", stream_usage=False)}
    own = [part for part in reply.choices[0].message.parts if not _is_of_another(part)]
    expected = [_as_said(part) for part in own]
    assert isinstance(relayed["messages"], list)
    contents = [message["content"] for message in relayed["messages"]]
    assert contents == ([expected] if expected or not said else [])


def _is_of_another(part: Part) -> bool:
    return isinstance(part, Reasoning) and part.origin != DIALECT.name


def _as_said(part: Part) -> Json:
    message = Message(role=Role.ASSISTANT, parts=(part,))
    reply = ChatReply(id="", model="", created_s=0, choices=(Choice(index=0, message=message, stop_reason=None),))
    content = DIALECT.encode_reply(reply, REQUEST)["content"]
    assert isinstance(content, list)
    (block,) = content
    found: Json = block
    return found


@given(data=st.data())
def test_a_disturbed_request_is_read_or_refused(data: st.DataObject) -> None:
    """One wrong node in a request gives a request or an InvalidRequest with its path, nothing else."""
    body = data.draw(disturbed(DIALECT.encode_chat(data.draw(requests()), "m").body))
    if isinstance(body, dict):
        refusal = refusal_of(lambda: DIALECT.encode_chat(DIALECT.decode_chat(body), "m"))
        assert refusal is None or refusal.param
        DIALECT.relay_fields(body, Operation.CHAT, "m", stream_usage=False)


@given(data=st.data())
def test_a_disturbed_reply_is_read_or_refused(data: st.DataObject) -> None:
    """One wrong node in an answer gives a reply or a ValueError, nothing else."""
    body = data.draw(disturbed(DIALECT.encode_reply(data.draw(replies()), REQUEST)))
    if isinstance(body, dict):
        with contextlib.suppress(ValueError):
            DIALECT.usage(body)
        with contextlib.suppress(ValueError):
            DIALECT.decode_reply(body)
        with contextlib.suppress(ValueError):
            DIALECT.decode_embeddings(body)


@given(data=st.data())
def test_disturbed_events_never_raise(data: st.DataObject) -> None:
    """Frames with any JSON in them give events, and a scanner passes them on up to one that is no object."""
    frames = [line[6:] for line in data.draw(STREAMS.map(encoded)).split(b"\n") if line.startswith(b"data: ")]
    spoilt = [data.draw(disturbed(json.loads(frame)) | json_values) for frame in frames[:4]]
    wire = b"".join(b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in spoilt)
    events = decoded([wire])
    encoded(events)
    fold(events)
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=False)
    passed = scanner.feed(wire) + scanner.close()
    assert passed == wire or (wire.startswith(passed) and scanner.is_cut)


@given(
    events=st.lists(
        st.sampled_from(
            (
                TextDelta(text="a"),
                TextDelta(text=""),
                ReasoningDelta(text="b"),
                ReasoningDelta(text="", signature="s", origin="gemini"),
                ReasoningDelta(text="", signature="redacted_thinking:x", origin=DIALECT.name),
                ToolCallDelta(index=0, id="i", name="n", arguments="{"),
                ToolCallDelta(index=0, arguments="}"),
                ToolCallDelta(index=3),
                TextDelta(text="other", choice=1),
                Stopped(reason=None),
                UsageReported(usage=Usage(input_tokens=1, output_tokens=1)),
            )
        ),
        max_size=12,
    )
)
def test_any_order_of_events_makes_an_orderly_stream(events: list[StreamEvent]) -> None:
    """Whatever an endpoint's stream amounts to, the caller's has one open block at a time and an end."""
    wire = encoded([*events, Ended()])
    assert _is_orderly(wire)
    assert isinstance(decoded([wire])[-1], Ended)


@given(body=NOISE | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_error_body_is_read(body: bytes) -> None:
    """An error body of any shape gives one short line."""
    found = DIALECT.decode_error(body)
    assert 0 < len(found.message) <= 300
    assert found.message.isprintable()
