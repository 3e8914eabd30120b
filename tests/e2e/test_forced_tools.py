"""A tool chosen by name is the one called, though llama.cpp itself takes the name for "auto"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from pointsman.adapters.runtimes.embedded_llama import EmbeddedLlama
from tests.e2e.conftest import Gateway

ASK = {"role": "user", "content": "What is the weather in Paris?"}
NAMES = ("get_time", "get_weather", "send_mail")
SCHEMA = {"type": "object", "properties": {"city": {"enum": ["Paris", "Tokyo"]}}, "required": ["city"]}


def configured(llamas: Mapping[str, EmbeddedLlama], prefix: str) -> dict[str, object]:
    """One real llama.cpp, said to be one by its *prefix*, or not."""
    llama = llamas["demo-small"]
    model = {"name": "m", "model": f"{prefix}demo-small", "base_url": f"{llama.base_url}/v1", "local": True}
    return {"models": [model]}


def of_openai(name: str) -> tuple[str, dict[str, object]]:
    """The request in the server's own dialect: it is relayed."""
    tools = [{"type": "function", "function": {"name": each, "parameters": SCHEMA}} for each in NAMES]
    choice = {"type": "function", "function": {"name": name}}
    return "/v1/chat/completions", {"tools": tools, "tool_choice": choice, "parallel_tool_calls": False}


def of_anthropic(name: str) -> tuple[str, dict[str, object]]:
    """The request in another dialect: it is translated."""
    tools = [{"name": each, "input_schema": SCHEMA} for each in NAMES]
    choice = {"type": "tool", "name": name, "disable_parallel_tool_use": True}
    return "/v1/messages", {"tools": tools, "tool_choice": choice}


async def answer_to(base_url: str, path: str, body: dict[str, object]) -> Any:  # noqa: ANN401  JSON of two APIs
    """The JSON answer of the API at *path*."""
    whole = {"model": "m", "messages": [ASK], "temperature": 0, "max_tokens": 200, **body}
    async with httpx2.AsyncClient(timeout=60) as http:
        response = await http.post(base_url + path, json=whole)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("name", NAMES)
async def test_a_relayed_request_calls_the_tool_it_names(
    name: str, gateway: Gateway, shared_llamas: Mapping[str, EmbeddedLlama]
) -> None:
    """Whichever of them it is."""
    async with gateway(configured(shared_llamas, "llama_cpp/")) as base_url:
        reply = await answer_to(base_url, *of_openai(name))
    (call,) = reply["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == name
    assert json.loads(call["function"]["arguments"])["city"] in SCHEMA["properties"]["city"]["enum"]  # type: ignore[index]


@pytest.mark.parametrize("name", NAMES)
async def test_a_translated_request_calls_the_tool_it_names(
    name: str, gateway: Gateway, shared_llamas: Mapping[str, EmbeddedLlama]
) -> None:
    """As Claude's clients force one."""
    async with gateway(configured(shared_llamas, "llama_cpp/")) as base_url:
        reply = await answer_to(base_url, *of_anthropic(name))
    (call,) = [block for block in reply["content"] if block["type"] == "tool_use"]
    assert call["name"] == name


async def test_llama_cpp_by_itself_does_not_keep_to_the_name(
    gateway: Gateway, shared_llamas: Mapping[str, EmbeddedLlama]
) -> None:
    """Why all this: asked as it is by its users, it calls nothing. When this fails, the quirk can go."""
    async with gateway(configured(shared_llamas, "")) as base_url:
        reply = await answer_to(base_url, *of_openai("send_mail"))
    assert not reply["choices"][0]["message"].get("tool_calls")
