"""OpenAI's own package, Chat Completions and Responses, before each of the five APIs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.clients.conftest import UPSTREAMS, Place
from tests.clients.test_matrix import ORDER, PNG, TOOLS
from tests.clients.upstream import mind

pytestmark = pytest.mark.e2e
models = pytest.mark.parametrize("model", UPSTREAMS)
CHAT_TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": one}} for name, one in TOOLS.items()]
RESPONSES_TOOLS: Any = [
    {"type": "function", "name": name, "parameters": one, "strict": False} for name, one in TOOLS.items()
]
RESULTS = {"weather": "sunny", "sum_up": "3.5"}
SAID = "The tools said: weather = sunny; sum_up = 3.5"


class Dog(pydantic.BaseModel):
    """What an answer has to be."""

    name: str
    age: int


@pytest.fixture
def client(place: Place) -> Iterator[openai.OpenAI]:
    """The client, without retries of its own."""
    with openai.OpenAI(base_url=f"{place.url}/v1", api_key="any", max_retries=0) as opened:
        yield opened


@models
def test_chat(client: openai.OpenAI, model: str) -> None:
    """Words, whole and streamed, with what they cost."""
    asked: Any = [{"role": "user", "content": "Hello there"}]
    reply = client.chat.completions.create(model=model, messages=asked)
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("You said: Hello there", "stop")
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (mind.INPUT_TOKENS, mind.OUTPUT_TOKENS)
    stream = client.chat.completions.create(
        model=model, messages=asked, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    words = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(words) == "You said: Hello there"
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == [120]


@models
def test_chat_tools(client: openai.OpenAI, model: str) -> None:
    """A loop of two calls at once, as the package's own accumulating stream reads it."""
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": ORDER}]
    with client.chat.completions.stream(model=model, messages=messages, tools=CHAT_TOOLS) as stream:
        message = stream.get_final_completion().choices[0].message
    calls: Any = message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"town": "Köln"}, {"n": 2, "of": [1.5, 2]}]
    said: Any = [call.to_dict(exclude_unset=True) for call in calls]
    for call in said:
        del call["index"], call["function"]["parsed_arguments"]  # the accumulating stream leaves its own marks
    messages += [{"role": "assistant", "content": message.content, "tool_calls": said}]
    messages += [{"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]} for call in calls]
    reply = client.chat.completions.create(model=model, messages=messages, tools=CHAT_TOOLS)
    assert reply.choices[0].message.content == SAID


@models
def test_chat_structured(client: openai.OpenAI, model: str) -> None:
    """`parse` gives an object of the class."""
    reply = client.chat.completions.parse(
        model=model, messages=[{"role": "user", "content": "'Rex' is 3"}], response_format=Dog
    )
    assert reply.choices[0].message.parsed == Dog(name="Rex", age=3)


@models
def test_chat_image(client: openai.OpenAI, model: str) -> None:
    """Beside the words."""
    image: Any = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    content: Any = [{"type": "text", "text": "Look."}, image]
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert "image/png 69" in (reply.choices[0].message.content or "")


@models
def test_responses(client: openai.OpenAI, model: str) -> None:
    """Words, whole and streamed, and a question that goes on from the answer before."""
    first = client.responses.create(model=model, input="Hello there", instructions="Be brief.")
    assert (first.output_text, first.status) == ("You said: Hello there\nI was told: Be brief.", "completed")
    assert first.usage is not None
    assert (first.usage.input_tokens, first.usage.output_tokens) == (mind.INPUT_TOKENS, mind.OUTPUT_TOKENS)
    with client.responses.stream(model=model, input="And now?", previous_response_id=first.id) as stream:
        last = stream.get_final_response()
    assert (last.output_text, last.previous_response_id) == ("You said: And now?", first.id)


@models
def test_responses_tools(client: openai.OpenAI, model: str) -> None:
    """A loop over the kept answer: only the results are sent."""
    with client.responses.stream(model=model, input=ORDER, tools=RESPONSES_TOOLS) as stream:
        first = stream.get_final_response()
    calls: Any = [item for item in first.output if item.type == "function_call"]
    assert [json.loads(call.arguments) for call in calls] == [{"town": "Köln"}, {"n": 2, "of": [1.5, 2]}]
    results: Any = [
        {"type": "function_call_output", "call_id": call.call_id, "output": RESULTS[call.name]} for call in calls
    ]
    last = client.responses.create(model=model, input=results, previous_response_id=first.id, tools=RESPONSES_TOOLS)
    assert last.output_text == SAID


@models
def test_responses_structured(client: openai.OpenAI, model: str) -> None:
    """`parse` gives an object of the class."""
    assert client.responses.parse(model=model, input="'Rex' is 3", text_format=Dog).output_parsed == Dog(
        name="Rex", age=3
    )


@models
def test_responses_image_and_count(client: openai.OpenAI, model: str) -> None:
    """An image is seen; tokens are counted without an answer, or estimated where it is none of Responses."""
    parts: Any = [
        {"type": "input_text", "text": "Look."},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
    ]
    seen = client.responses.create(model=model, input=[{"role": "user", "content": parts}])
    assert "image/png 69" in seen.output_text
    assert client.responses.input_tokens.count(model=model, input="Hello").input_tokens > 0


@pytest.mark.parametrize("model", ["openai_chat", "gemini", "ollama"])
def test_embeddings(client: openai.OpenAI, model: str) -> None:
    """A vector for each text, as numbers and as the base64 that the package asks for by itself."""
    texts = ["one", "two"]
    expected = [pytest.approx(mind.vector(text)) for text in texts]
    packed = client.embeddings.create(model=model, input=texts)
    plain = client.embeddings.create(model=model, input=texts, encoding_format="float")
    assert [row.embedding for row in packed.data] == expected
    assert [row.embedding for row in plain.data] == expected


def test_lists(client: openai.OpenAI) -> None:
    """Every model is listed, and known alone."""
    assert {model.id for model in client.models.list()} >= set(UPSTREAMS)
    assert client.models.retrieve("gemini").id == "gemini"


def test_errors(locked: str) -> None:
    """Each is the exception that the package has for it."""
    asked: Any = {"model": "openai_chat", "messages": [{"role": "user", "content": "hi"}]}
    with openai.OpenAI(base_url=f"{locked}/v1", api_key="wrong") as stranger, pytest.raises(openai.AuthenticationError):
        stranger.chat.completions.create(**asked)
    with openai.OpenAI(base_url=f"{locked}/v1", api_key="sesame") as client:
        assert client.chat.completions.create(**asked).choices[0].message.content == "You said: hi"
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(**{**asked, "model": "nobody"})
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(**{**asked, "messages": []})
        with pytest.raises(openai.BadRequestError):
            client.responses.create(model="openai_chat", input=[])
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("nobody")
