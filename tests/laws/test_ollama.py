"""The laws of the dialect ollama: what it can say comes back, a stream amounts to its reply, nothing raises."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterable, Sequence
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
    Sampling,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
    Usage,
)
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import StreamEvent, fold
from pointsman.dialects.base import ANSWERED_HERE
from pointsman.dialects.ollama.dialect import Ollama, OllamaGenerate
from pointsman.dialects.ollama.probabilities import encode_tokens
from tests.laws.strategies import (
    chat_requests,
    disturbed,
    embedding_requests,
    json_objects,
    json_values,
    pieces,
    refusal_of,
    some_words,
    splits,
    streams_of,
    words,
)

DIALECT = Ollama(clock_ns=lambda: 0)
HEAD: JsonObject = {"model": "qwen2.5:3b", "created_at": "2026-08-21T10:00:00.123456789Z"}
NOISE = st.binary() | st.text(alphabet='\r\n{}[]"donemessage:tru, ').map(str.encode)


tokens: st.SearchStrategy[JsonObject] = st.fixed_dictionaries(
    {
        "token": words,
        "logprob": st.floats(-9, -1),
        "bytes": st.none() | st.lists(st.integers(0, 255), min_size=1, max_size=2),
    }
)
probabilities = st.none() | st.lists(
    st.tuples(tokens, st.lists(tokens, max_size=2)).map(lambda found: {**found[0], "top_logprobs": found[1]}),
    min_size=1,
    max_size=2,
).map(lambda content: {"content": content})


@st.composite
def answers(draw: st.DrawFn) -> JsonObject:
    """Whole answers, as /api/chat gives them without a stream."""
    message: JsonObject = {"role": "assistant", "content": draw(words)}
    if draw(st.booleans()):
        message["thinking"] = draw(words)
    functions: st.SearchStrategy[JsonObject] = st.fixed_dictionaries({"name": some_words, "arguments": json_objects})
    calls = draw(st.lists(functions, max_size=2))
    if calls:
        named: list[Json] = [
            {"id": f"id{number}", "function": call} if draw(st.booleans()) else {"function": call}
            for number, call in enumerate(calls)
        ]
        message["tool_calls"] = named
    counts = draw(
        st.fixed_dictionaries({}, optional={"prompt_eval_count": st.integers(0, 9), "eval_count": st.integers(0, 9)})
    )
    reason = draw(st.sampled_from(("stop", "length")))
    beside = encode_tokens(draw(probabilities))
    return {**HEAD, "message": message, **beside, "done": True, "done_reason": reason, **counts}


@st.composite
def streamed(draw: st.DrawFn, answer: JsonObject) -> bytes:
    """The same answer as lines: thinking, text and calls each in its own, the counts and the tokens in the last."""
    message = answer["message"]
    assert isinstance(message, dict)
    said: list[JsonObject] = []
    for key in ("thinking", "content"):
        said += ({key: piece} for piece in draw(pieces(str(message.get(key, "")))))
    calls = message.get("tool_calls", [])
    assert isinstance(calls, Sequence)
    said += ({"content": "", "tool_calls": [call]} for call in calls)
    last = {**answer, "message": {"role": "assistant", "content": ""}}
    lines = [{**HEAD, "message": {"role": "assistant", **piece}, "done": False} for piece in said]
    return b"".join(json.dumps(line).encode() + b"\n" for line in [*lines, last])


def decoded(arriving: Iterable[bytes]) -> list[StreamEvent]:
    """The events of a stream that arrives in pieces."""
    decoder = DIALECT.stream_decoder()
    return [*(event for data in arriving for event in decoder.feed(data)), *decoder.close()]


@given(data=st.data())
def test_a_stream_amounts_to_its_reply(data: st.DataObject) -> None:
    """Cut anywhere, decoded and folded, a stream is the whole reply."""
    answer = data.draw(answers())
    wire = data.draw(streamed(answer))
    assert fold(decoded(data.draw(splits(wire)))) == DIALECT.decode_reply(answer)


@given(data=st.data())
def test_bytes_split_anywhere_give_the_same_events(data: st.DataObject) -> None:
    """Where a network cuts the bytes makes no difference, for streams and for noise."""
    wire = data.draw(answers().flatmap(streamed) | NOISE)
    assert decoded(data.draw(splits(wire))) == decoded([wire])
    assert decoded(wire[at : at + 1] for at in range(len(wire))) == decoded([wire])


@given(data=st.data())
def test_disturbed_lines_never_raise(data: st.DataObject) -> None:
    """Lines with any JSON in them give events."""
    lines = data.draw(st.lists(answers().flatmap(disturbed) | json_values))
    fold(decoded([b"".join(json.dumps(line).encode() + b"\n" for line in lines)]))


@given(data=st.data())
def test_a_disturbed_reply_is_read_or_refused(data: st.DataObject) -> None:
    """One wrong node in an answer gives a reply or a ValueError, nothing else."""
    embedded: Json = {"model": "m", "embeddings": [[0.5, 1]], "prompt_eval_count": 3}
    body = data.draw(answers().flatmap(disturbed) | disturbed(embedded))
    if isinstance(body, dict):
        DIALECT.usage(body)
        with contextlib.suppress(ValueError):
            DIALECT.decode_reply(body)
        with contextlib.suppress(ValueError):
            DIALECT.decode_embeddings(body)


@given(request=chat_requests("openai_chat"))
def test_a_request_is_said_or_refused(request: ChatRequest) -> None:
    """Any request becomes JSON for Ollama, or an InvalidRequest that names the part it cannot take."""
    refusal = refusal_of(lambda: DIALECT.encode_chat(request, "m"))
    if refusal is None:
        body = DIALECT.encode_chat(request, "m").body
        assert json.loads(json.dumps(body)) == body
        assert body["stream"] is request.stream
    else:
        assert str(refusal.param).startswith("messages[")


@given(request=embedding_requests)
def test_an_embedding_request_is_said_or_refused(request: EmbeddingRequest) -> None:
    """Texts are said; token ids are refused."""
    has_texts = isinstance(request.inputs[0], str)
    refusal = refusal_of(lambda: DIALECT.encode_embeddings(request, "m"))
    assert (refusal is None) == has_texts
    if has_texts:
        assert DIALECT.encode_embeddings(request, "m").body["input"] == list(request.inputs)


said = st.builds(Text, text=some_words)
pictures = st.binary(max_size=8).map(lambda data: base64.b64encode(b"\xff\xd8\xff" + data).decode())
images = st.builds(Media, kind=st.just("image"), data_base64=pictures, media_type=st.just("image/jpeg"))
calls = st.builds(
    ToolCall,
    id=some_words,
    name=some_words,
    arguments=json_objects.map(lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))),
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """Turns as this API says them: one text each, then images; results name their calls."""
    turns: list[Message] = []
    for _ in range(draw(st.integers(1, 4))):
        role = draw(st.sampled_from((Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL)))
        parts: tuple[Part, ...] = (draw(said),)
        if role is Role.USER:
            parts += tuple(draw(st.lists(images, max_size=2)))
        elif role is Role.ASSISTANT:
            thought = (Reasoning(text=draw(some_words)),) if draw(st.booleans()) else ()
            parts = (*thought, *parts, *draw(st.lists(calls, max_size=2)))
        elif role is Role.TOOL:
            parts = (ToolResult(call_id=draw(some_words), name=draw(some_words), content=(draw(said),)),)
        turns.append(Message(role=role, parts=parts))
    return tuple(turns)


sayable = st.builds(
    ChatRequest,
    messages=conversations(),
    model=words,
    tools=st.lists(
        st.builds(ToolSpec, name=words, description=words, parameters=st.just({"type": "object", "properties": {}})),
        max_size=2,
    ).map(tuple),
    response_format=st.sampled_from((None, ResponseFormat(kind="json_object")))
    | json_objects.map(lambda schema: ResponseFormat(kind="json_schema", schema=schema)),
    sampling=st.builds(
        Sampling,
        temperature=st.none() | st.floats(0, 2),
        top_k=st.none() | st.integers(0, 100),
        max_output_tokens=st.none() | st.integers(1, 10**6),
        stop=st.lists(words, max_size=2).map(tuple),
        seed=st.none() | st.integers(),
        logprobs=st.sampled_from((None, True)),
        top_logprobs=st.none() | st.integers(0, 20),
    ).map(lambda sampling: sampling if sampling.logprobs else replace(sampling, top_logprobs=None)),
    reasoning_effort=st.sampled_from((None, "none")),
    extras=st.sampled_from(({}, {"ollama": {"keep_alive": "5m"}}, {"ollama": {"options": {"num_ctx": 9}}})),
    stream=st.booleans(),
).map(lambda request: replace(request, stream_usage=request.stream))


def told(request: ChatRequest) -> ChatRequest:
    """*request* without what the surface notes for itself."""
    return replace(request, extras={name: kept for name, kept in request.extras.items() if name != ANSWERED_HERE})


@given(request=sayable)
def test_a_request_comes_back(request: ChatRequest) -> None:
    """What is sent to an endpoint is the request that was read."""
    body = DIALECT.encode_chat(request, request.model or "").body
    assert told(DIALECT.decode_chat(json.loads(json.dumps(body)))) == request


@st.composite
def replies(draw: st.DrawFn) -> ChatReply:
    """Answers as Ollama gives them; their id is made of their time."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(Reasoning(text=draw(some_words)))
    if draw(st.booleans()):
        parts.append(Text(text=draw(some_words)))
    called = draw(st.lists(calls, max_size=2))
    reason = draw(st.sampled_from((StopReason.LENGTH, StopReason.TOOL_CALLS if called else StopReason.STOP)))
    message = Message(role=Role.ASSISTANT, parts=(*parts, *called))
    usage = draw(st.none() | st.builds(Usage, input_tokens=st.integers(0, 9), output_tokens=st.integers(0, 9)))
    choice = Choice(index=0, message=message, stop_reason=reason, logprobs=draw(probabilities))
    return ChatReply(id="", model=draw(words), created_s=draw(st.integers(0, 2**31)), choices=(choice,), usage=usage)


def unnamed(reply: ChatReply) -> ChatReply:
    """*reply* without its id."""
    return replace(reply, id="")


@given(reply=replies())
def test_a_reply_comes_back(reply: ChatReply) -> None:
    """What a caller gets is the reply that was read."""
    request = ChatRequest(messages=())
    assert unnamed(DIALECT.decode_reply(DIALECT.encode_reply(reply, request))) == reply


@given(data=st.data())
def test_our_stream_amounts_to_its_reply(data: st.DataObject) -> None:
    """Encoded, cut anywhere, decoded and folded, a stream is the whole reply."""
    reply = data.draw(replies())
    encoder = DIALECT.stream_encoder(ChatRequest(messages=()))
    wire = b"".join(encoder.encode(event) for event in data.draw(streams_of(reply)))
    assert unnamed(fold(decoded(data.draw(splits(wire))))) == reply


@given(data=st.data())
def test_generate_says_the_same_words(data: st.DataObject) -> None:
    """Whole and streamed, text and thinking of /api/generate are the reply's; tool calls have no place there."""
    reply = data.draw(replies())
    dialect, request = OllamaGenerate(clock_ns=lambda: 0), ChatRequest(messages=())
    encoder = dialect.stream_encoder(request)
    wire = b"".join(encoder.encode(event) for event in data.draw(streams_of(reply)))
    lines = [json.loads(line) for line in wire.splitlines()]
    said = {key: "".join(line.get(key, "") for line in lines) for key in ("response", "thinking")}
    whole = dialect.encode_reply(reply, request)
    assert said == {key: whole.get(key, "") for key in said}
    assert {**whole, **said} == {**whole, **lines[-1], **encode_tokens(reply.choices[0].logprobs), **said}


@given(data=st.data())
def test_a_disturbed_request_of_generate_is_read_or_refused(data: st.DataObject) -> None:
    """One wrong node gives a request or an InvalidRequest with its path, nothing else."""
    asked: JsonObject = {"prompt": "hi", "system": "s", "images": ["AAAA"], "options": {"seed": 1}, "think": True}
    body = data.draw(disturbed({**asked, "suffix": "!", "format": {}, "context": [1], "logprobs": True}))
    if isinstance(body, dict):
        refusal = refusal_of(lambda: OllamaGenerate().decode_chat(body))
        assert refusal is None or refusal.param


@given(data=st.data())
def test_a_relayed_stream_is_untouched(data: st.DataObject) -> None:
    """Streams come out of the scanner byte for byte, noise up to a line that is no object; the end is seen."""
    answer = data.draw(answers())
    is_noise = data.draw(st.booleans())
    wire = data.draw(NOISE if is_noise else streamed(answer))
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=True)
    passed = b"".join([*map(scanner.feed, data.draw(splits(wire))), scanner.close()])
    if is_noise:
        assert passed == wire or (wire.startswith(passed) and scanner.is_cut)
    else:
        assert passed == wire
        assert (scanner.ended, scanner.failure, scanner.usage) == (True, None, DIALECT.usage(answer))


@given(data=st.data())
def test_a_disturbed_request_is_read_or_refused(data: st.DataObject) -> None:
    """One wrong node gives a request or an InvalidRequest with its path, nothing else."""
    body = data.draw(disturbed(DIALECT.encode_chat(data.draw(sayable), "m").body))
    if isinstance(body, dict):
        refusal = refusal_of(lambda: DIALECT.encode_chat(DIALECT.decode_chat(body), "m"))
        assert refusal is None or refusal.param
