"""Settings of five APIs before five APIs: each arrives in the model's request, or is named in x-pointsman-dropped.

Every value here is found nowhere else, so that it is recognised wherever the model's API has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.clients.callers.five import CALLERS
from tests.clients.callers.talk import Body, Said, Talk, post
from tests.clients.conftest import UPSTREAMS, Place

pytestmark = pytest.mark.e2e

# By surface: the path of a setting in the body, and its value. A dotted name is a field inside an object.
SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "openai_chat": {
        "temperature": 0.37,
        "top_p": 0.73,
        "seed": 4711,
        "presence_penalty": 0.13,
        "frequency_penalty": 0.29,
        "max_completion_tokens": 777,
        "stop": ["HALT"],
        "user": "somebody",
        "logit_bias": {"50256": -77},
        "top_logprobs": 3,
        "service_tier": "flex",
        "verbosity": "low",
        "reasoning_effort": "high",
        "prompt_cache_key": "cache-key",
    },
    "openai_responses": {
        "temperature": 0.37,
        "top_p": 0.73,
        "max_output_tokens": 777,
        "safety_identifier": "somebody",
        "service_tier": "flex",
        "truncation": "auto",
        "text.verbosity": "low",
        "reasoning.effort": "high",
        "prompt_cache_key": "cache-key",
        "max_tool_calls": 9,
    },
    "anthropic_messages": {
        "temperature": 0.37,
        "top_p": 0.73,
        "top_k": 41,
        "max_tokens": 777,
        "stop_sequences": ["HALT"],
        "metadata.user_id": "somebody",
        "service_tier": "standard_only",
        "inference_geo": "eu-west",
    },
    "gemini": {
        "generationConfig.temperature": 0.37,
        "generationConfig.topP": 0.73,
        "generationConfig.topK": 41,
        "generationConfig.maxOutputTokens": 777,
        "generationConfig.stopSequences": ["HALT"],
        "generationConfig.seed": 4711,
        "generationConfig.presencePenalty": 0.13,
        "generationConfig.frequencyPenalty": 0.29,
        "generationConfig.mediaResolution": "MEDIA_RESOLUTION_LOW",
        "cachedContent": "cachedContents/1",
        "serviceTier": "flex",
    },
    "ollama": {
        "options.temperature": 0.37,
        "options.top_p": 0.73,
        "options.top_k": 41,
        "options.min_p": 0.07,
        "options.num_predict": 777,
        "options.stop": ["HALT"],
        "options.seed": 4711,
        "options.presence_penalty": 0.13,
        "options.frequency_penalty": 0.29,
        "options.repeat_penalty": 1.19,
        "options.num_ctx": 4099,
        "keep_alive": "7m",
    },
}
# How the same thing is called elsewhere: `user` may be dropped as `safety_identifier`.
SYNONYMS: Final = (
    {"max_tokens", "max_completion_tokens", "max_output_tokens", "maxoutputtokens", "num_predict"},
    {"stop", "stop_sequences", "stopsequences"},
    {"user", "user_id", "safety_identifier", "metadata"},
    {"effort", "reasoning_effort", "thinking", "think"},
)
CASES: Final = [
    (surface, model, name, value)
    for surface, settings in SETTINGS.items()
    for model in UPSTREAMS
    for name, value in settings.items()
]


@pytest.mark.parametrize(("surface", "model", "name", "value"), CASES, ids=[f"{s}-{m}-{n}" for s, m, n, _ in CASES])
def test_a_setting_arrives_or_is_named(place: Place, surface: str, model: str, name: str, value: object) -> None:
    """None is lost without a word, and none makes the model refuse the request."""
    sent = CALLERS[surface].request(Talk(model=model, turns=(Said(text="Hello"),)))
    body = with_setting(sent.body, name, value)
    if name == "top_logprobs":
        body["logprobs"] = True
    answer = post(place.url, replace(sent, body=body))
    assert answer.status == 200, answer.data.decode()
    (call,) = place.upstream.calls
    arrived = any(found == value for found in values_in(call.body))
    dropped = {word.lower() for word in re.split(r"[, .]+", answer.headers.get("x-pointsman-dropped", ""))}
    assert arrived or dropped & names_of(name) or is_said_otherwise(name, value, call.body), (
        call.body,
        answer.headers.get("x-pointsman-dropped"),
    )


def with_setting(body: Body, name: str, value: object) -> Body:
    """*body* with the field *name*, perhaps inside an object."""
    outer, _, inner = name.rpartition(".")
    if not outer:
        return {**body, name: value}
    return {**body, outer: {**body.get(outer, {}), inner: value}}


def values_in(body: object) -> Iterator[object]:
    """Every value, however deep."""
    yield body
    if isinstance(body, dict):
        for inner in body.values():
            yield from values_in(inner)
    elif isinstance(body, list):
        for inner in body:
            yield from values_in(inner)


def names_of(name: str) -> set[str]:
    """What a setting may be called where it is dropped: its own name, in any spelling, or another API's."""
    last = name.rpartition(".")[2]
    own = {last.lower(), re.sub(r"([A-Z])", r"_\1", last).lower()}
    if name.startswith("options."):
        own.add("options")  # Ollama's own options are dropped together
    return own.union(*(group for group in SYNONYMS if own & group))


def is_said_otherwise(name: str, value: object, body: Body) -> bool:
    """Whether the model's API says the same in other words."""
    match name.rpartition(".")[2]:
        case "effort" | "reasoning_effort":  # as a budget, or as a level
            return "thinking" in body or "thinkingConfig" in body.get("generationConfig", {})
        case _:
            return False
