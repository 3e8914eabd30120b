"""Images through a whole gateway: to a model that sees them, and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from pointsman.core.jsontypes import JsonObject
from tests.e2e.openai_server import completes, openai_server
from tests.e2e.wire import Scripted
from tests.server.gateways import Running, a_gateway

PIXEL = "data:image/png;base64,iVBORw0KGgo="
PICTURE: JsonObject = {"type": "image_url", "image_url": {"url": PIXEL}}
LOOK: JsonObject = {"role": "user", "content": [{"type": "text", "text": "hello"}, PICTURE]}


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway between a model that sees no images and one that does."""

    gateway: Running
    blind: Scripted
    seeing: Scripted

    async def ask(self, *messages: JsonObject) -> tuple[str, str | None]:
        """Who answers, and what was left out."""
        body = {"model": "auto", "messages": messages}
        answer = await self.gateway.http.post(f"{self.gateway.url}/v1/chat/completions", json=body)
        assert answer.status_code == 200
        return answer.headers["x-pointsman-model"], answer.headers.get("x-pointsman-dropped")


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """The small one is blind."""
    async with openai_server(completes("words")) as blind, openai_server(completes("I see")) as seeing:
        models = (
            {
                "name": "blind",
                "model": "openai/b",
                "base_url": f"{blind.url}/v1",
                "tier": "simple",
                "lacks": ["images"],
            },
            {"name": "seeing", "model": "openai/s", "base_url": f"{seeing.url}/v1", "tier": "complex"},
        )
        async with a_gateway(*models, routing={"scorer": "litellm-compat"}) as gateway:
            yield Place(gateway, blind, seeing)


def said(role: str, text: str) -> JsonObject:
    """A message."""
    return {"role": role, "content": text}


async def test_an_image_goes_to_who_sees_it_and_the_conversation_comes_back(place: Place) -> None:
    """The model before gets it back, with the image named; a follow-up stays with who saw it."""
    first, then = said("user", "hello"), said("assistant", "hi")
    assert await place.ask(first) == ("blind", None)
    assert await place.ask(first, then, LOOK) == ("seeing", None)
    assert await place.ask(first, then, LOOK, said("assistant", "a dot"), said("user", "go on")) == ("seeing", None)
    back = (first, then, LOOK, said("assistant", "a dot"), said("user", "thanks hello again"))
    assert await place.ask(*back) == ("blind", "earlier images")
    assert place.blind.bodies[-1]["messages"][2]["content"] == [
        {"type": "text", "text": "hello"},
        {"type": "text", "text": "[Here was an image, which was shown to another model.]"},
    ]
    assert place.seeing.bodies[0]["messages"][2] == LOOK


async def test_the_trail_says_that_images_are_not_shown(place: Place) -> None:
    """In the decision of that turn."""
    answer = await place.gateway.http.post(
        f"{place.gateway.url}/v1/chat/completions",
        json={"messages": [LOOK, said("assistant", "a dot"), said("user", "hello again")]},
        headers={"x-pointsman-dry-run": "true"},
    )
    lines = [step["detail"] for step in answer.json()["trail"] if step["strategy"] == "modality"]
    assert lines == ["blind sees no images: those of earlier turns are named, not shown"]


async def test_where_nobody_sees_images_that_is_said() -> None:
    """The image is not dropped in silence."""
    async with a_gateway({"name": "blind", "model": "ollama/b", "lacks": ["images"]}) as gateway:
        answer = await gateway.http.post(f"{gateway.url}/v1/chat/completions", json={"messages": [LOOK]})
    assert answer.status_code == 400
    assert "it cannot do images" in answer.json()["error"]["message"]
