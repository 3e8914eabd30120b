"""Made-up requests, replies and streams for the laws of every dialect.

The parts of a message come in the order every dialect can say: reasoning, text, refusal, tool calls.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

from hypothesis import strategies as st

from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    EmbeddingRequest,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
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
    TextDelta,
    ToolCallDelta,
    UsageReported,
)

words = st.text(max_size=12)
some_words = st.text(min_size=1, max_size=12)
numbers = st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False)
json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
json_objects: st.SearchStrategy[JsonObject] = st.dictionaries(words, json_values, max_size=4)
base64_texts = st.binary(max_size=8).map(lambda data: base64.b64encode(data).decode())


def refusal_of(action: Callable[[], object]) -> InvalidRequest | None:
    """The InvalidRequest that *action* raises, if it does; any other exception is a failed test."""
    try:
        action()
    except InvalidRequest as error:
        return error
    return None


def own_extras(dialect: str) -> st.SearchStrategy[Mapping[str, JsonObject]]:
    """Fields of next year, kept for *dialect*."""
    fields = st.dictionaries(st.sampled_from(("x_next", "x_year", "x_cache")), json_values, max_size=2)
    return fields.map(lambda found: {dialect: found} if found else {})


def texts() -> st.SearchStrategy[Text]:
    """Runs of text."""
    return st.builds(Text, text=words)


def media() -> st.SearchStrategy[Media]:
    """Images, sounds and files, by address, by data and by id."""
    kinds = st.sampled_from(("image/png", "image/jpeg"))
    details = st.sampled_from((None, "low", "high"))
    addresses = st.sampled_from(("https://example.org/cat.png", "http://example.org/?q=1"))
    return st.one_of(
        st.builds(Media, kind=st.just("image"), url=addresses, detail=details),
        st.builds(Media, kind=st.just("image"), data_base64=base64_texts, media_type=kinds, detail=details),
        st.builds(Media, kind=st.just("audio"), data_base64=base64_texts, media_type=st.just("audio/wav")),
        st.builds(Media, kind=st.just("file"), file_id=some_words, filename=st.none() | words),
        st.builds(
            Media,
            kind=st.just("file"),
            data_base64=base64_texts,
            media_type=st.just("application/pdf"),
            filename=some_words,
        ),
    )


def tool_calls() -> st.SearchStrategy[ToolCall]:
    """Calls with an id; their arguments are whatever a model may write."""
    return st.builds(ToolCall, id=some_words, name=some_words, arguments=words | st.just('{"city":"Graz"}'))


@st.composite
def assistant_parts(draw: st.DrawFn, *, of_reply: bool) -> tuple[Part, ...]:
    """Reasoning, text, refusal, tool calls: each perhaps. A reply says nothing empty and has its text in one run."""
    spoken = some_words if of_reply else words
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(Reasoning(text=draw(spoken)))
    parts += (Text(text=draw(spoken)) for _ in range(draw(st.integers(0, 1 if of_reply else 2))))
    if draw(st.booleans()):
        parts.append(Refusal(text=draw(spoken)))
    parts += draw(st.lists(tool_calls(), max_size=2))
    return tuple(parts)


def messages(dialect: str) -> st.SearchStrategy[Message]:
    """Messages of every role, with fields of next year for *dialect*."""
    extras = own_extras(dialect)
    names = st.none() | words
    results = st.builds(
        ToolResult, call_id=words, content=st.lists(texts(), min_size=1, max_size=2).map(tuple), name=names
    )
    instructions = st.lists(texts(), min_size=1, max_size=2).map(tuple)
    said = st.lists(texts() | media(), min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(
            Message,
            role=st.sampled_from((Role.SYSTEM, Role.DEVELOPER)),
            parts=instructions,
            name=names,
            extras=extras,
        ),
        st.builds(Message, role=st.just(Role.USER), parts=said, name=names, extras=extras),
        st.builds(
            Message, role=st.just(Role.ASSISTANT), parts=assistant_parts(of_reply=False), name=names, extras=extras
        ),
        st.builds(Message, role=st.just(Role.TOOL), parts=results.map(lambda result: (result,)), extras=extras),
    )


samplings = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    top_k=st.none() | st.integers(0, 100),
    min_p=st.none() | st.floats(0, 1),
    max_output_tokens=st.none() | st.integers(1, 10**6),
    stop=st.lists(words, max_size=2).map(tuple),
    seed=st.none() | st.integers(),
    frequency_penalty=st.none() | st.floats(-2, 2),
    presence_penalty=st.none() | st.floats(-2, 2),
    n=st.none() | st.integers(1, 4),
    logprobs=st.none() | st.booleans(),
    top_logprobs=st.none() | st.integers(0, 20),
)
tool_specs = st.builds(
    ToolSpec,
    name=words,
    description=st.none() | words,
    parameters=st.none() | json_objects,
    strict=st.none() | st.booleans(),
)
tool_choices = st.one_of(
    st.builds(ToolChoice, mode=st.sampled_from(ToolMode)),
    st.builds(ToolChoice, mode=st.just(ToolMode.REQUIRED), name=words),
)
response_formats = st.one_of(
    st.builds(ResponseFormat, kind=st.sampled_from(("text", "json_object"))),
    st.builds(
        ResponseFormat,
        kind=st.just("json_schema"),
        schema=st.none() | json_objects,
        name=some_words,
        description=st.none() | words,
        strict=st.none() | st.booleans(),
    ),
)


def chat_requests(dialect: str) -> st.SearchStrategy[ChatRequest]:
    """Requests as a caller of *dialect* may make them; who streams also wants the usage."""
    drawn = st.builds(
        ChatRequest,
        messages=st.lists(messages(dialect), min_size=1, max_size=4).map(tuple),
        model=words,
        tools=st.lists(tool_specs, max_size=2).map(tuple),
        tool_choice=st.none() | tool_choices,
        parallel_tool_calls=st.none() | st.booleans(),
        response_format=st.none() | response_formats,
        sampling=samplings,
        reasoning_effort=st.sampled_from((None, "none", "low", "high")),
        stream=st.booleans(),
        metadata=st.dictionaries(words, words, max_size=2),
        user=st.none() | words,
        extras=own_extras(dialect),
    )
    return drawn.map(lambda request: replace(request, stream_usage=request.stream))


embedding_requests = st.builds(
    EmbeddingRequest,
    inputs=st.one_of(
        st.lists(words, min_size=1, max_size=3).map(tuple),
        st.lists(st.lists(st.integers(0, 10**5), max_size=3).map(tuple), min_size=1, max_size=3).map(tuple),
    ),
    model=words,
    dimensions=st.none() | st.integers(1, 4096),
    base64=st.booleans(),
    user=st.none() | words,
)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Counts whose parts are not larger than their wholes."""
    read, written = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6))
    cached, thought = draw(st.integers(0, read)), draw(st.integers(0, written))
    return Usage(input_tokens=read, output_tokens=written, cached_input_tokens=cached, reasoning_tokens=thought)


@st.composite
def chat_replies(draw: st.DrawFn, dialect: str) -> ChatReply:
    """Whole answers of one to three choices, as they can also be streamed."""
    logprobs = st.none() | st.lists(json_objects, max_size=2).map(lambda items: {"content": items})
    choices = tuple(
        Choice(
            index=index,
            message=Message(role=Role.ASSISTANT, parts=draw(assistant_parts(of_reply=True))),
            stop_reason=draw(st.sampled_from(StopReason)),
            logprobs=draw(logprobs),
        )
        for index in range(draw(st.integers(1, 3)))
    )
    fingerprint: Mapping[str, JsonObject] = {dialect: {"system_fingerprint": "fp_1"}}
    return ChatReply(
        id=draw(words),
        model=draw(words),
        created_s=draw(st.integers(0, 2**33)),
        choices=choices,
        usage=draw(st.none() | usages()),
        extras=fingerprint if draw(st.booleans()) else {},
    )


@st.composite
def pieces(draw: st.DrawFn, whole: str) -> list[str]:
    """*whole* cut anywhere into pieces that are not empty."""
    cuts = sorted({*draw(st.lists(st.integers(0, len(whole)), max_size=3)), 0, len(whole)})
    return [whole[begin:end] for begin, end in itertools.pairwise(cuts)]


@st.composite
def splits(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """*whole* as it may arrive: cut anywhere, some pieces empty."""
    cuts = [0, *sorted(draw(st.lists(st.integers(0, len(whole)), max_size=8))), len(whole)]
    return [whole[begin:end] for begin, end in itertools.pairwise(cuts)]


def _call_events(draw: st.DrawFn, call: ToolCall, number: int, choice: int) -> list[StreamEvent]:
    first, *more = [*draw(pieces(call.arguments))] or [""]
    begun = ToolCallDelta(index=number, choice=choice, id=call.id, name=call.name, arguments=first)
    return [begun, *(ToolCallDelta(index=number, choice=choice, arguments=piece) for piece in more)]


def _choice_events(draw: st.DrawFn, choice: Choice) -> list[StreamEvent]:
    events: list[StreamEvent] = []
    number = 0
    for part in choice.message.parts:
        match part:
            case Reasoning():
                events += (ReasoningDelta(text=piece, choice=choice.index) for piece in draw(pieces(part.text)))
                if part.signature is not None:
                    events.append(
                        ReasoningDelta(text="", choice=choice.index, signature=part.signature, origin=part.origin)
                    )
            case Text():
                events += (TextDelta(text=piece, choice=choice.index) for piece in draw(pieces(part.text)))
            case Refusal():
                events += (RefusalDelta(text=piece, choice=choice.index) for piece in draw(pieces(part.text)))
            case ToolCall():
                events += _call_events(draw, part, number, choice.index)
                number += 1
            case _:
                raise AssertionError(part)
    if isinstance(choice.logprobs, dict):
        events.append(LogprobsDelta(logprobs=choice.logprobs, choice=choice.index))
    return [*events, Stopped(reason=choice.stop_reason, choice=choice.index)]


@st.composite
def streams_of(draw: st.DrawFn, reply: ChatReply) -> list[StreamEvent]:
    """A stream that amounts to *reply*: texts cut anywhere, choices interleaved."""
    queues = [_choice_events(draw, choice) for choice in reply.choices]
    events: list[StreamEvent] = [
        Started(id=reply.id, model=reply.model, created_s=reply.created_s, extras=reply.extras)
    ]
    while queues:
        queue = draw(st.sampled_from(queues))
        events.append(queue.pop(0))
        queues = [left for left in queues if left]
    if reply.usage is not None:
        events.append(UsageReported(usage=reply.usage))
    return [*events, Ended()]


@st.composite
def disturbed(draw: st.DrawFn, value: Json) -> Json:
    """*value* with one node, anywhere in it, replaced by any JSON or taken out."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 3)) == 0:
            return {name: inner for name, inner in value.items() if name != key}
        return {**value, key: draw(disturbed(value[key]))}
    if isinstance(value, list) and value and draw(st.booleans()):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], draw(disturbed(value[index])), *value[index + 1 :]]
    return draw(json_values)
