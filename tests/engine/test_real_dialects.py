"""The engine over the dialects that ship: the same answer from an OpenAI-like server and from Ollama."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.chat import Usage, ask
from pointsman.core.errors import AllAttemptsFailed
from pointsman.core.stream import fold
from pointsman.dialects.registry import UPSTREAMS
from pointsman.testing import Answers, a_catalog
from tests.engine.rig import Rig, a_model, a_rig, text_of

OPENAI_WHOLE = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop",'
    b'"message":{"role":"assistant","content":"Hello"}}],"usage":{"prompt_tokens":3,"completion_tokens":2,'
    b'"total_tokens":5}}'
)
OPENAI_CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":['
OPENAI_STREAM = (
    OPENAI_CHUNK + b'{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}\n\n',
    OPENAI_CHUNK + b'{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}\n\n',
    OPENAI_CHUNK + b'{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    OPENAI_CHUNK + b'],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n',
    b"data: [DONE]\n\n",
)
OLLAMA_TURN = b'{"model":"m","created_at":"2025-01-01T00:00:00Z","message":{"role":"assistant","content":'
OLLAMA_DONE = b'"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}'
OLLAMA_WHOLE = OLLAMA_TURN + b'"Hello"},' + OLLAMA_DONE
OLLAMA_STREAM = (
    OLLAMA_TURN + b'"Hel"},"done":false}\n',
    OLLAMA_TURN + b'"lo"},"done":false}\n',
    OLLAMA_TURN + b'""},' + OLLAMA_DONE + b"\n",
)
GEMINI_HEAD = b'"modelVersion":"m","responseId":"r"}'
GEMINI_PART = b'{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":'
GEMINI_DONE = b'"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2},' + GEMINI_HEAD
GEMINI_WHOLE = GEMINI_PART + b'"Hello"}]},"finishReason":"STOP"}],' + GEMINI_DONE
GEMINI_STREAM = (
    b"data: " + GEMINI_PART + b'"Hel"}]}}],' + GEMINI_HEAD + b"\n\n",
    b"data: " + GEMINI_PART + b'"lo"}]},"finishReason":"STOP"}],' + GEMINI_DONE + b"\n\n",
)
SERVERS = pytest.mark.parametrize(
    ("dialect", "whole", "stream"),
    [
        ("openai_chat", OPENAI_WHOLE, OPENAI_STREAM),
        ("ollama", OLLAMA_WHOLE, OLLAMA_STREAM),
        ("gemini", GEMINI_WHOLE, GEMINI_STREAM),
    ],
    ids=["openai", "ollama", "gemini"],
)
USAGE = Usage(input_tokens=3, output_tokens=2)


def a_server(dialect: str, *chunks: bytes) -> Rig:
    """A router over one server of *dialect*."""
    rig = a_rig(a_catalog(a_model("near", dialect=dialect)), {"near": [Answers(chunks=chunks)]})
    rig.router = replace(rig.router, caller=replace(rig.router.caller, upstreams=UPSTREAMS))
    return rig


@SERVERS
async def test_a_whole_answer(dialect: str, whole: bytes, stream: tuple[bytes, ...]) -> None:
    """With the server's own usage."""
    rig = a_server(dialect, whole)
    reply = await rig.router.complete(ask("hi"))
    assert (text_of(reply), reply.usage, rig.finished.usage) == ("Hello", USAGE, USAGE)


@SERVERS
async def test_a_streamed_answer(dialect: str, whole: bytes, stream: tuple[bytes, ...]) -> None:
    """Folded, it is the whole one's text; the usage was asked for."""
    rig = a_server(dialect, *stream)
    reply = fold([event async for event in rig.router.stream(ask("hi"))])
    assert (text_of(reply), reply.usage, rig.finished.usage) == ("Hello", USAGE, USAGE)


@SERVERS
async def test_a_cut_answer_is_a_failure(dialect: str, whole: bytes, stream: tuple[bytes, ...]) -> None:
    """Before any content: as if it had not answered."""
    rig = a_server(dialect, stream[0][:20])
    with pytest.raises(Exception, match=r"near: .+") as raised:
        _ = [event async for event in rig.router.stream(ask("hi"))]
    assert type(raised.value).__name__ == "BadUpstream"
    assert [response.closed for response in rig.responses] == [1]


async def test_a_delay_that_only_the_body_names_counts() -> None:
    """Gemini says it among the details of an error, not in a header."""
    details = b'[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"31s"}]'
    body = b'{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":' + details + b"}}"
    rig = a_rig(a_catalog(a_model("near", dialect="gemini")), {"near": [Answers(status=429, chunks=(body,))]})
    rig.router = replace(rig.router, caller=replace(rig.router.caller, upstreams=UPSTREAMS))
    with pytest.raises(AllAttemptsFailed) as raised:
        await rig.router.complete(ask("hi"))
    assert {failure.retry_after_s for failure in raised.value.failures} == {31.0}
