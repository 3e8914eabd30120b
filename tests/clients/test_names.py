"""Names of models as they are met with: with colons and slashes, which some APIs put into the path."""

from __future__ import annotations

from typing import Any, Final

import anthropic
import ollama
import openai
import pytest
from google import genai
from google.genai import types

from tests.clients.callers.gemini import CALLER as GEMINI
from tests.clients.callers.talk import Said, Talk, post
from tests.clients.conftest import ALIASES, Place

pytestmark = pytest.mark.e2e
names = pytest.mark.parametrize("name", ALIASES)
HELLO: Final[Any] = [{"role": "user", "content": "Hello"}]
SAID: Final = "You said: Hello"


@names
def test_openai(place: Place, name: str) -> None:
    """In the body, and in the path of the model's description."""
    with openai.OpenAI(base_url=f"{place.url}/v1", api_key="any") as client:
        assert client.chat.completions.create(model=name, messages=HELLO).choices[0].message.content == SAID
        assert client.responses.create(model=name, input="Hello").output_text == SAID
        assert client.models.retrieve(name).id == name


@names
def test_anthropic(place: Place, name: str) -> None:
    """In the body, and in the path of the model's description."""
    with anthropic.Anthropic(base_url=place.url, api_key="any") as client:
        (block,) = client.messages.create(model=name, max_tokens=100, messages=HELLO).content
        assert client.models.retrieve(name).id == name
    assert (block.type, getattr(block, "text", None)) == ("text", SAID)


@names
@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_google_genai(place: Place, name: str, version: str) -> None:
    """In the path, before the method; in each version of the API."""
    options = types.HttpOptions(base_url=place.url, api_version=version)
    with genai.Client(api_key="any", http_options=options) as client:
        reply = client.models.generate_content(model=f"models/{name}", contents="Hello")
        pieces = client.models.generate_content_stream(model=f"models/{name}", contents="Hello")
        assert (reply.text, "".join(piece.text or "" for piece in pieces)) == (SAID, SAID)
        assert client.models.get(model=f"models/{name}").name == f"models/{name}"


@names
def test_ollama(place: Place, name: str) -> None:
    """In the body."""
    with ollama.Client(host=place.url) as client:
        assert client.chat(model=name, messages=HELLO).message.content == SAID
        assert client.show(name).capabilities


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": "Bearer sesame"}, ""),
        ({"x-api-key": "sesame"}, ""),
        ({"api-key": "sesame"}, ""),
        ({"x-goog-api-key": "sesame"}, ""),
        ({}, "?key=sesame"),
    ],
)
def test_a_key_is_known_wherever_a_client_puts_it(locked: str, headers: dict[str, str], query: str) -> None:
    """In any of four headers or in the query."""
    sent = GEMINI.request(Talk(model="gemini", turns=(Said(text="Hello"),)))
    asked = type(sent)(path=f"{sent.path}{query}", body=sent.body, headers=headers)
    assert GEMINI.whole(post(locked, asked).json).text == SAID
    wrong = {name: value.replace("sesame", "other") for name, value in headers.items()}
    assert post(locked, type(sent)(path=sent.path, body=sent.body, headers=wrong)).status == 401
