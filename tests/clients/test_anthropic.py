"""Anthropic's own package before each of the five APIs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.clients.conftest import UPSTREAMS, Place
from tests.clients.test_matrix import ORDER, PNG, TOOLS
from tests.clients.test_openai import RESULTS, SAID, Dog
from tests.clients.upstream import mind

pytestmark = pytest.mark.e2e
models = pytest.mark.parametrize("model", UPSTREAMS)
LIMIT = 4000
HELLO: Any = [{"role": "user", "content": "Hello there"}]
ANTHROPIC_TOOLS: Any = [{"name": name, "input_schema": one} for name, one in TOOLS.items()]


@pytest.fixture
def client(place: Place) -> Iterator[anthropic.Anthropic]:
    """The client, without retries of its own."""
    with anthropic.Anthropic(base_url=place.url, api_key="any", max_retries=0) as opened:
        yield opened


def text_of(message: anthropic.types.Message) -> str:
    """The text of all blocks."""
    return "".join(block.text for block in message.content if block.type == "text")


@models
def test_messages(client: anthropic.Anthropic, model: str) -> None:
    """Words, whole and streamed, with what they cost."""
    message = client.messages.create(model=model, max_tokens=LIMIT, messages=HELLO, system="Be brief.")
    assert (text_of(message), message.stop_reason) == ("You said: Hello there\nI was told: Be brief.", "end_turn")
    usage = message.usage
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    assert (usage.input_tokens + cached, usage.output_tokens) == (mind.INPUT_TOKENS, mind.OUTPUT_TOKENS)
    with client.messages.stream(model=model, max_tokens=LIMIT, messages=HELLO) as stream:
        assert "".join(stream.text_stream) == "You said: Hello there"
        assert stream.get_final_message().usage.output_tokens == mind.OUTPUT_TOKENS


@models
def test_tools(client: anthropic.Anthropic, model: str) -> None:
    """A loop of two calls at once, with thinking where the model can."""
    messages: Any = [{"role": "user", "content": ORDER}]
    more: Any = {"model": model, "max_tokens": LIMIT, "tools": ANTHROPIC_TOOLS}
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    with client.messages.stream(messages=messages, thinking=thinking, **more) as stream:
        first = stream.get_final_message()
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"town": "Köln"}, {"n": 2, "of": [1.5, 2]}]
    assert first.stop_reason == "tool_use"
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": RESULTS[call.name]} for call in calls]
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    assert text_of(client.messages.create(messages=messages, thinking=thinking, **more)) == SAID


@models
def test_a_forced_tool(client: anthropic.Anthropic, model: str) -> None:
    """Is called, but by Ollama, which has no such thing."""
    choice: Any = {"type": "tool", "name": "sum_up"}
    message = client.messages.create(
        model=model, max_tokens=LIMIT, messages=HELLO, tools=ANTHROPIC_TOOLS, tool_choice=choice
    )
    called = [block.name for block in message.content if block.type == "tool_use"]
    assert called == ([] if model == "ollama" else ["sum_up"])


@models
def test_structured(client: anthropic.Anthropic, model: str) -> None:
    """`parse` gives an object of the class."""
    asked: Any = [{"role": "user", "content": "'Rex' is 3"}]
    message = client.messages.parse(model=model, max_tokens=LIMIT, messages=asked, output_format=Dog)
    assert message.parsed_output == Dog(name="Rex", age=3)


@models
def test_an_image_and_a_count(client: anthropic.Anthropic, model: str) -> None:
    """An image is seen; tokens are counted without an answer, or estimated for a model of another API."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    asked: Any = [{"role": "user", "content": [image, {"type": "text", "text": "Look."}]}]
    assert "image/png 69" in text_of(client.messages.create(model=model, max_tokens=LIMIT, messages=asked))
    counted = client.messages.count_tokens(model=model, messages=HELLO).input_tokens
    assert counted == mind.INPUT_TOKENS if model == "anthropic_messages" else counted > 0


def test_lists(client: anthropic.Anthropic) -> None:
    """In Anthropic's shape, by page and alone."""
    listed = list(client.models.list())
    assert {model.id for model in listed} >= set(UPSTREAMS)
    assert all(model.type == "model" for model in listed)
    assert client.models.retrieve("gemini").id == "gemini"


def test_errors(locked: str) -> None:
    """Each is the exception that the package has for it."""
    asked: Any = {"model": "openai_chat", "max_tokens": LIMIT, "messages": HELLO}
    stranger = anthropic.Anthropic(base_url=locked, api_key="wrong")
    with stranger, pytest.raises(anthropic.AuthenticationError):
        stranger.messages.create(**asked)
    with anthropic.Anthropic(base_url=locked, api_key="sesame") as client:
        assert text_of(client.messages.create(**asked)) == "You said: Hello there"
        with pytest.raises(anthropic.NotFoundError):
            client.messages.create(**{**asked, "model": "nobody"})
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**{**asked, "messages": []})
        with pytest.raises(anthropic.NotFoundError):
            client.models.retrieve("nobody")
