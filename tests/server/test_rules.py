"""Rules through a whole gateway: what callers say of themselves decides."""

from __future__ import annotations

import pytest

from pointsman.core.jsontypes import JsonObject
from pointsman.server.labels import caller_of
from tests.server.asgi import HOST, scope_of
from tests.server.gateways import a_gateway

MODELS = [
    {"name": name, "model": f"ollama/{name}", "tier": tier}
    for name, tier in (("small", "simple"), ("big", "complex"), ("vision", "reasoning"))
]
RULES = [
    {"name": "legal", "metadata": {"team": "legal*"}, "model": "vision"},
    {"name": "explorers", "agent": "*/explorer", "tier": "simple"},
    {"name": "incidents", "pattern": "INC-[0-9]{4}", "tier": "complex"},
]


@pytest.mark.parametrize(
    ("body", "headers", "model"),
    [
        ({"metadata": {"team": "legal-eu"}}, {}, "vision"),
        ({}, {"x-pointsman-meta-team": "Legal"}, "vision"),
        ({}, {"x-pointsman-agent": "crew/explorer"}, "small"),
        ({"messages": [{"role": "user", "content": "what about INC-1234"}]}, {}, "big"),
        ({"model": "big", "metadata": {"team": "legal"}}, {}, "big"),
    ],
)
async def test_a_rule_decides(body: JsonObject, headers: dict[str, str], model: str) -> None:
    """Unless the caller names a model."""
    asked = {"model": "auto", "messages": [{"role": "user", "content": "hello"}], **body}
    async with a_gateway(*MODELS, rules=RULES) as gateway:
        answer = await gateway.http.post(
            f"{gateway.url}/v1/chat/completions", json=asked, headers={**headers, "x-pointsman-dry-run": "true"}
        )
    found = answer.json()
    assert found["model"] == model
    assert found["strategy"] == ("explicit" if body.get("model") else "rules")


def test_what_callers_say_further_is_bounded() -> None:
    """Lists are several entries; objects say nothing."""
    body: JsonObject = {"metadata": {"Tags": ["a", "b", {}], "on": True, "n": 7, "deep": {}, "long": "x" * 999}}
    caller, _ = caller_of(scope_of(HOST, (b"x-pointsman-meta-team", b"legal")), body)
    assert caller.metadata == (
        ("team", "legal"),
        ("tags", "a"),
        ("tags", "b"),
        ("on", "true"),
        ("n", "7"),
        ("long", "x" * 256),
    )
    many: JsonObject = {"metadata": {f"k{number}": "v" for number in range(99)}}
    assert len(caller_of(scope_of(HOST), many)[0].metadata) == 64
