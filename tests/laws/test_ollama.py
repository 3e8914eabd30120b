"""The laws of the dialect ollama: a stream amounts to its reply, nothing raises."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.chat import ChatRequest, EmbeddingRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import StreamEvent, fold
from pointsman.dialects.ollama.dialect import Ollama
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
    words,
)

DIALECT = Ollama()
HEAD: JsonObject = {"model": "qwen2.5:3b", "created_at": "2026-08-21T10:00:00.123456789Z"}
NOISE = st.binary() | st.text(alphabet='\r\n{}[]"donemessage:tru, ').map(str.encode)


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
    return {**HEAD, "message": message, "done": True, "done_reason": reason, **counts}


@st.composite
def streamed(draw: st.DrawFn, answer: JsonObject) -> bytes:
    """The same answer as lines: thinking, text and calls each in its own, the counts in the last."""
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
