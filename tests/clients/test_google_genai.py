"""Google's own package before each of the five APIs."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.clients.conftest import UPSTREAMS, Place
from tests.clients.test_matrix import ORDER, PNG, TOOLS
from tests.clients.test_openai import RESULTS, SAID, Dog
from tests.clients.upstream import mind

pytestmark = pytest.mark.e2e
models = pytest.mark.parametrize("model", UPSTREAMS)
DECLARED = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name=name, parameters_json_schema=one) for name, one in TOOLS.items()
    ]
)


def opened(url: str, key: str = "any") -> genai.Client:
    """A client, at the version of the API that it takes by itself."""
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))


@pytest.fixture
def client(place: Place) -> Iterator[genai.Client]:
    """The client."""
    with opened(place.url) as one:
        yield one


@models
def test_content(client: genai.Client, model: str) -> None:
    """Words, whole and streamed, with what they cost."""
    config = types.GenerateContentConfig(system_instruction="Be brief.")
    whole = client.models.generate_content(model=model, contents="Hello there", config=config)
    assert whole.text == "You said: Hello there\nI was told: Be brief."
    usage: Any = whole.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count) == (mind.INPUT_TOKENS, mind.OUTPUT_TOKENS)
    pieces = list(client.models.generate_content_stream(model=model, contents="Hello there"))
    assert "".join(piece.text or "" for piece in pieces) == "You said: Hello there"
    assert pieces[-1].candidates is not None
    assert pieces[-1].candidates[0].finish_reason == types.FinishReason.STOP


@models
def test_tools(client: genai.Client, model: str) -> None:
    """A loop of two calls at once; the model's turn goes back as it came."""
    config = types.GenerateContentConfig(tools=[DECLARED])
    asked = types.Content(role="user", parts=[types.Part(text=ORDER)])
    first = client.models.generate_content(model=model, contents=[asked], config=config)
    calls: Any = first.function_calls
    assert [call.args for call in calls] == [{"town": "Köln"}, {"n": 2, "of": [1.5, 2]}]
    answers = [
        types.Part(
            function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"output": RESULTS[call.name]}
            )
        )
        for call in calls
    ]
    said: Any = first.candidates
    contents: Any = [asked, said[0].content, types.Content(role="user", parts=answers)]
    pieces = client.models.generate_content_stream(model=model, contents=contents, config=config)
    assert "".join(piece.text or "" for piece in pieces) == SAID


@models
def test_functions_are_called_by_the_package_itself(client: genai.Client, model: str) -> None:
    """Its automatic loop runs a Python function and gives the model what came of it."""

    def weather(town: str) -> str:
        """The weather in a town."""
        return f"sunny in {town}"

    config = types.GenerateContentConfig(tools=[weather])
    reply = client.models.generate_content(model=model, contents="weather in 'Ulm'", config=config)
    assert "sunny in Ulm" in (reply.text or "")


@models
def test_a_forced_tool(client: genai.Client, model: str) -> None:
    """Is called, but by Ollama, which has no such thing."""
    forced = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["sum_up"])
    config = types.GenerateContentConfig(tools=[DECLARED], tool_config=types.ToolConfig(function_calling_config=forced))
    reply = client.models.generate_content(model=model, contents="Hello", config=config)
    assert [call.name for call in reply.function_calls or ()] == ([] if model == "ollama" else ["sum_up"])


@models
def test_structured(client: genai.Client, model: str) -> None:
    """`parsed` is an object of the class."""
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Dog)
    reply = client.models.generate_content(model=model, contents="'Rex' is 3", config=config)
    assert reply.parsed == Dog(name="Rex", age=3)


@models
def test_an_image_and_a_count(client: genai.Client, model: str) -> None:
    """An image is seen; tokens are counted without an answer, or estimated for a model of another API."""
    image = types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png")
    contents: Any = ["Look.", image]
    assert "image/png 69" in (client.models.generate_content(model=model, contents=contents).text or "")
    counted = client.models.count_tokens(model=model, contents="Hello").total_tokens or 0
    assert counted == mind.INPUT_TOKENS if model == "gemini" else counted > 0


@pytest.mark.parametrize("model", ["openai_chat", "gemini", "ollama"])
def test_embeddings(client: genai.Client, model: str) -> None:
    """A vector for each text, sent as a batch; of a Gemini the package makes one content of several texts."""
    texts = ["one"] if model == "gemini" else ["one", "two"]
    found: Any = client.models.embed_content(model=model, contents=texts).embeddings
    assert [one.values for one in found] == [pytest.approx(mind.vector(text)) for text in texts]


def test_lists(client: genai.Client) -> None:
    """In Gemini's shape, each name after `models/`, and alone."""
    assert {model.name for model in client.models.list()} >= {f"models/{name}" for name in UPSTREAMS}
    assert client.models.get(model="gemini").name == "models/gemini"


def test_errors(locked: str) -> None:
    """Each is a ClientError with its code."""

    def code(key: str, model: str, contents: Any) -> int:  # noqa: ANN401  what is wrong is the test's
        with opened(locked, key) as client, pytest.raises(errors.ClientError) as caught:
            client.models.generate_content(model=model, contents=contents)
        return caught.value.code

    assert code("wrong", "gemini", "hi") == 401
    assert code("sesame", "nobody", "hi") == 404
    assert code("sesame", "openai_chat", [types.Content(role="nobody", parts=[types.Part(text="hi")])]) == 400
