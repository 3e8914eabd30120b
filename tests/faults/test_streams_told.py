"""Faults 9 and 40 for callers whose dialect keeps something back, or counts: nothing lost, doubled or begun anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pointsman.server.drain import Drain
from tests.e2e.openai_server import hangs, openai_server
from tests.e2e.openai_server import streams as says
from tests.e2e.test_upstreams import model as a_model
from tests.faults.conftest import Opens
from tests.faults.upstream import DIALECTS, GEMINI, OPENAI, RESET, Dialect, faulty, good, model, unfinished
from tests.server.gateways import a_gateway

BODIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "gemini": ("/v1beta/models/auto:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "openai_responses": ("/v1/responses", {"model": "auto", "input": "hi", "stream": True}),
}


def events(text: str) -> list[Any]:
    """The data of a stream."""
    return [json.loads(line.removeprefix("data:")) for line in text.splitlines() if line.startswith("data:")]


def words(found: list[Any]) -> str:
    """What they say."""
    parts = [part["text"] for one in found for each in one.get("candidates", ()) for part in each["content"]["parts"]]
    return "".join([*parts, *(one["delta"] for one in found if one.get("type") == "response.output_text.delta")])


def is_sound(found: list[Any]) -> bool:
    """Whether the last event, and only that one or the two last of Responses, tells of the error."""
    if "type" not in found[-1]:
        return ["error" in one for one in found] == [False] * (len(found) - 1) + [True]
    kinds = [one["type"] for one in found]
    numbers = [one["sequence_number"] for one in found]
    ids = {one["response"]["id"] for one in found if "response" in one}
    is_one = kinds.count("response.created") == 1 and len(ids) == 1
    return is_one and numbers == list(range(len(found))) and kinds[-2:] == ["error", "response.failed"]


@pytest.mark.parametrize("surface", BODIES)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
async def test_09_every_word_until_the_reset(gateway: Opens, dialect: Dialect, surface: str) -> None:
    """Reset mid-stream, for callers of Gemini and Responses: each word until then once, in one answer; the error."""
    path, body = BODIES[surface]
    async with (
        faulty(unfinished(dialect, "Once upon a tim.", RESET)) as upstream,
        gateway(model(dialect, upstream.url)) as place,
    ):
        found = events((await place.http.post(path, json=body)).text)
    assert words(found).rstrip() == "Once upon a tim."
    assert is_sound(found)


async def test_09_gone_on_with_where_frames_were_passed_on(gateway: Opens) -> None:
    """Reset mid-stream with `continue_streams`, from Gemini to Gemini: no letter twice where the two answers meet."""
    path, body = BODIES["gemini"]
    act = unfinished(GEMINI, "Once upon a ti", RESET)
    async with (
        faulty(act) as first,
        faulty(good(OPENAI, "there was a fox.")) as second,
        gateway(
            model(GEMINI, first.url),
            model(OPENAI, second.url, "spare", "medium", prefill=True),
            resilience={"continue_streams": True},
        ) as place,
    ):
        found = events((await place.http.post(path, json=body)).text)
    assert words(found) == "Once upon a ti there was a fox."


@pytest.mark.parametrize("surface", BODIES)
async def test_40_every_word_until_the_end_of_the_gateway(surface: str) -> None:
    """SIGTERM, and a stream that does not end in time: all words until then once, in one answer, then the error."""
    path, body = BODIES[surface]
    async with (
        openai_server(says("Once", " upon", then=hangs)) as upstream,
        a_gateway(a_model(upstream.url), drain=Drain(timeout_s=0.1)) as gateway,
        gateway.http.stream("POST", f"{gateway.url}{path}", json=body) as response,
    ):
        text = ""
        async for piece in response.aiter_text():
            text += piece
            if "upo" in text:
                gateway.stop()
    found = events(text)
    assert words(found) == "Once upon"
    assert is_sound(found)
