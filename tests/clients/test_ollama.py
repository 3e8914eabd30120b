"""Ollama's own package before each of the five APIs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ollama
import pytest

from tests.clients.conftest import UPSTREAMS, Place
from tests.clients.test_matrix import ORDER, PNG, TOOLS
from tests.clients.test_openai import RESULTS, SAID, Dog
from tests.clients.upstream import mind

pytestmark = pytest.mark.e2e
models = pytest.mark.parametrize("model", UPSTREAMS)
HELLO: Any = [{"role": "user", "content": "Hello there"}]
OLLAMA_TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": one}} for name, one in TOOLS.items()]


@pytest.fixture
def client(place: Place) -> Iterator[ollama.Client]:
    """The client."""
    with ollama.Client(host=place.url) as opened:
        yield opened


@models
def test_chat(client: ollama.Client, model: str) -> None:
    """Words, whole and streamed, with what they cost."""
    reply = client.chat(model=model, messages=[{"role": "system", "content": "Be brief."}, *HELLO])
    assert (reply.message.content, reply.done_reason) == ("You said: Hello there\nI was told: Be brief.", "stop")
    assert (reply.prompt_eval_count, reply.eval_count) == (mind.INPUT_TOKENS, mind.OUTPUT_TOKENS)
    pieces = list(client.chat(model=model, messages=HELLO, stream=True))
    assert "".join(piece.message.content or "" for piece in pieces) == "You said: Hello there"
    assert [bool(piece.done) for piece in pieces[-2:]] == [False, True]


@models
def test_generate(client: ollama.Client, model: str) -> None:
    """The older way, whole and streamed."""
    assert client.generate(model=model, prompt="Hello there").response == "You said: Hello there"
    pieces = client.generate(model=model, prompt="Hello there", stream=True)
    assert "".join(piece.response or "" for piece in pieces) == "You said: Hello there"


@models
def test_tools(client: ollama.Client, model: str) -> None:
    """A loop of two calls at once."""
    messages: Any = [{"role": "user", "content": ORDER}]
    first = client.chat(model=model, messages=messages, tools=OLLAMA_TOOLS)
    calls: Any = first.message.tool_calls
    assert [call.function.arguments for call in calls] == [{"town": "Köln"}, {"n": 2, "of": [1.5, 2]}]
    results = [
        {"role": "tool", "tool_name": call.function.name, "content": RESULTS[call.function.name]} for call in calls
    ]
    reply = client.chat(model=model, messages=[*messages, first.message, *results], tools=OLLAMA_TOOLS)
    assert reply.message.content == SAID


@models
def test_structured(client: ollama.Client, model: str) -> None:
    """`format` is kept to."""
    asked: Any = [{"role": "user", "content": "'Rex' is 3"}]
    reply = client.chat(model=model, messages=asked, format=Dog.model_json_schema())
    assert Dog.model_validate_json(reply.message.content or "") == Dog(name="Rex", age=3)


@models
def test_an_image(client: ollama.Client, model: str) -> None:
    """Beside the words."""
    asked: Any = [{"role": "user", "content": "Look.", "images": [PNG]}]
    assert "image/png 69" in (client.chat(model=model, messages=asked).message.content or "")


@pytest.mark.parametrize("model", ["openai_chat", "gemini", "ollama"])
def test_embeddings(client: ollama.Client, model: str) -> None:
    """A vector for each text, and the older path's one."""
    found = client.embed(model=model, input=["one", "two"]).embeddings
    assert [list(one) for one in found] == [pytest.approx(mind.vector(text)) for text in ("one", "two")]
    assert list(client.embeddings(model=model, prompt="one").embedding) == pytest.approx(mind.vector("one"))


def test_lists(client: ollama.Client) -> None:
    """What is there, and what is loaded; a model's description."""
    assert {model.model for model in client.list().models} >= set(UPSTREAMS)
    assert client.ps().models is not None
    assert "completion" in (client.show("gemini").capabilities or ())


def test_errors(locked: str) -> None:
    """Each is a ResponseError with its status."""

    def status(model: str, messages: Any, key: str = "sesame") -> int:  # noqa: ANN401  what is wrong is the test's
        headers = {"authorization": f"Bearer {key}"}
        with ollama.Client(host=locked, headers=headers) as client, pytest.raises(ollama.ResponseError) as caught:
            client.chat(model=model, messages=messages)
        return caught.value.status_code

    assert status("ollama", HELLO, key="wrong") == 401
    assert status("nobody", HELLO) == 404
    assert status("openai_chat", [{"role": "nobody", "content": "hi"}]) == 400
