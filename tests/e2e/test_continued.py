"""Conversations that go on from a kept answer, with the official client over a real socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import openai
import pytest

from tests.e2e.conftest import Gateway, client_of
from tests.e2e.openai_server import completes, openai_server
from tests.e2e.test_upstreams import model
from tests.e2e.wire import Scripted

pytestmark = pytest.mark.e2e


def heard(upstream: Scripted) -> list[tuple[str, Any]]:
    """The conversation that the endpoint got last."""
    return [(message["role"], message["content"]) for message in upstream.bodies[-1]["messages"]]


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_an_answer_can_be_gone_on_from(gateway: Gateway, is_streamed: bool) -> None:  # noqa: FBT001
    """The model is told everything before, the answer names the one it goes on from."""
    async with (
        openai_server(completes("Ada")) as upstream,
        gateway({"models": [model(upstream.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        if is_streamed:
            stream = await client.responses.create(model="auto", input="Who?", stream=True)
            (first,) = [event.response async for event in stream if event.type == "response.completed"]
        else:
            first = await client.responses.create(model="auto", input="Who?")
        second = await client.responses.create(model="auto", input="Why?", previous_response_id=first.id)
        third = await client.responses.create(model="auto", input="How?", previous_response_id=second.id)
        read = await client.responses.retrieve(second.id)
        items = await client.responses.input_items.list(second.id)
        assert (second.previous_response_id, third.previous_response_id) == (first.id, second.id)
        assert heard(upstream) == [
            ("user", "Who?"),
            ("assistant", "Ada"),
            ("user", "Why?"),
            ("assistant", "Ada"),
            ("user", "How?"),
        ]
        assert read == second
        assert len(items.data) == 3
        await client.responses.delete(second.id)
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(model="auto", input="And?", previous_response_id=second.id)
        assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(second.id)


async def test_what_a_caller_does_not_want_kept_is_not(gateway: Gateway) -> None:
    """Others of the same caller are."""
    async with (
        openai_server(completes("Ada")) as upstream,
        gateway({"models": [model(upstream.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        answer = await client.responses.create(model="auto", input="Who?", store=False)
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(answer.id)
        kept = await client.responses.create(model="auto", input="Who?")
        assert await client.responses.retrieve(kept.id) == kept


@pytest.mark.parametrize("settings", [{"responses_ttl_s": 0}, {"enabled": False}])
async def test_keeping_can_be_turned_off(gateway: Gateway, settings: Mapping[str, Any]) -> None:
    """Then the whole conversation is needed."""
    async with (
        openai_server(completes("Ada")) as upstream,
        gateway({"models": [model(upstream.url)], "ledger": settings}) as base_url,
        client_of(base_url) as client,
    ):
        answer = await client.responses.create(model="auto", input="Who?")
        with pytest.raises(openai.BadRequestError, match="Send the whole conversation instead"):
            await client.responses.create(model="auto", input="Why?", previous_response_id=answer.id)


async def test_a_private_conversation_stays_on_the_machine(gateway: Gateway) -> None:
    """Going on from it is private without saying so again."""
    async with (
        openai_server(completes("Ada")) as near,
        openai_server(completes("Ada")) as far,
        gateway({"models": [model(near.url, "near"), model(far.url, "far", local=False)]}) as base_url,
        client_of(base_url) as client,
    ):
        private = {"x-pointsman-privacy": "private"}
        first = await client.responses.create(model="near", input="Who?", store=True, extra_headers=private)
        with pytest.raises(openai.PermissionDeniedError):
            await client.responses.create(model="far", input="Why?", previous_response_id=first.id)
    assert far.calls == []


async def test_the_tokens_of_a_request_can_be_counted(gateway: Gateway) -> None:
    """Nobody is asked."""
    async with (
        openai_server(completes("Ada")) as upstream,
        gateway({"models": [model(upstream.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        counted = await client.responses.input_tokens.with_raw_response.count(model="auto", input="Who is Ada?")
    assert counted.headers["x-pointsman-estimated"] == "true"
    assert counted.parse().input_tokens > 0
    assert upstream.calls == []
