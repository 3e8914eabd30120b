"""Faults 17 to 26: endpoints that say no, in all their ways."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from pointsman.core.health import Cause, HealthState
from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call
from tests.faults.conftest import Opens, Pairs
from tests.faults.place import Place, until
from tests.faults.upstream import (
    ANTHROPIC,
    DIALECTS,
    GEMINI,
    OLLAMA,
    OPENAI,
    Act,
    Dialect,
    answers,
    faulty,
    good,
    model,
    refuses,
)

NO_RETRIES = {"num_retries": 0}
SPARE = good(OPENAI, "From the spare.")


def waits_of(place: Place) -> dict[str, tuple[HealthState, Cause | None, float]]:
    """Who is not well: state, cause, seconds until that is over."""
    now_s = time.time()
    return {
        health.subject: (health.state, health.cause, (health.until_s or now_s) - now_s)
        for health in place.router.health.healths()
    }


def http_date(in_s: float) -> str:
    """An HTTP date so many seconds from now."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=in_s), usegmt=True)


RETRY_AFTER: Mapping[
    str, tuple[Callable[[], str], float, float]
] = {  # what is sent; seconds the model is left alone for at least and at most
    "seconds": (lambda: "20", 19, 20.1),
    "HTTP date": (lambda: http_date(30), 28, 30.1),
    "negative": (lambda: "-5", 4, 6.1),
    "huge": (lambda: "999999999", 3599, 3600.1),
    "missing": (str, 4, 6.1),
    "words": (lambda: "soon", 4, 6.1),
}


@pytest.mark.parametrize("name", RETRY_AFTER)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_17_too_many_requests(pair: Pairs, name: str, *, is_streamed: bool) -> None:
    """429 with Retry-After (seconds, date, negative, huge, missing): left alone so long, an hour at most."""
    value, least_s, most_s = RETRY_AFTER[name]
    headers = {"retry_after": value()} if value() else {}
    act = refuses(429, "slow down", "rate_limit_exceeded", date=http_date(0), **headers)
    async with pair(act, num_retries=0) as both:
        heard = [await both.place.ask(stream=is_streamed) for _ in range(2)]
        wait_s = waits_of(both.place)["first"]
        alone = await both.place.ask("first", stream=is_streamed)
    assert [one.outcome for one in heard] == [(200, "From the spare.")] * 2
    assert wait_s[:2] == (HealthState.COOLING, Cause.CAPACITY)
    assert least_s <= wait_s[2] <= most_s
    assert len(both.first.calls) == 1
    assert alone.status in {429, 503}
    assert least_s <= int(alone.headers["retry-after"]) <= most_s + 1


async def test_17_alone(gateway: Opens) -> None:
    """429 from the only model: the caller gets 429 with its Retry-After."""
    act = refuses(429, "slow down", "rate_limit_exceeded", retry_after="20")
    async with faulty(act) as only, gateway(model(OPENAI, only.url)) as place:
        heard = await place.ask()
    assert heard.outcome == (429, "rate_limit_exceeded")
    assert heard.headers["retry-after"] == "20"
    assert len(only.calls) == 1


@pytest.mark.parametrize("status", [429, 403])
async def test_18_quota_spent(pair: Pairs, status: int) -> None:
    """429 `insufficient_quota`: no retry, the model is down for long, others answer."""
    act = refuses(status, "You exceeded your current quota", "insufficient_quota")
    async with pair(act) as both:
        heard = [await both.place.ask() for _ in range(3)]
        ((state, cause, wait_s),) = waits_of(both.place).values()
    assert [one.outcome for one in heard] == [(200, "From the spare.")] * 3
    assert len(both.first.calls) == 1
    assert (state, cause) == (HealthState.DOWN, Cause.QUOTA)
    assert wait_s > 3500


def gemini_error(status: int, word: str, message: str, *details: Mapping[str, object]) -> dict[str, object]:
    """An error in Google's form."""
    return {"error": {"code": status, "message": message, "status": word, "details": list(details)}}


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "31s"}


async def resets_in_40_s(peer: Peer, call: Call) -> None:
    """Anthropic's 429, with the time in its own header."""
    at = datetime.fromtimestamp(time.time() + 40, tz=UTC).isoformat().replace("+00:00", "Z")
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "too many"}}
    told = {"anthropic_ratelimit_requests_remaining": "0", "anthropic_ratelimit_requests_reset": at}
    await answers(429, body, **told)(peer, call)


HINTS: dict[str, tuple[Dialect, Act]] = {
    "Gemini RetryInfo": (GEMINI, answers(429, gemini_error(429, "RESOURCE_EXHAUSTED", "quota", RETRY_INFO))),
    "OpenAI reset headers": (
        OPENAI,
        refuses(
            429,
            "slow down",
            "rate_limit_exceeded",
            x_ratelimit_remaining_requests="0",
            x_ratelimit_reset_requests="35s",
        ),
    ),
    "OpenAI words": (OPENAI, refuses(429, "Rate limit reached. Please try again in 33s.", "rate_limit_exceeded")),
    "Anthropic reset headers": (ANTHROPIC, resets_in_40_s),
}


@pytest.mark.parametrize("name", HINTS)
async def test_19_waits_that_are_said_otherwise(pair: Pairs, name: str) -> None:
    """Gemini's RetryInfo, Anthropic's and OpenAI's reset headers: left alone so long, as by Retry-After."""
    dialect, act = HINTS[name]
    async with pair(act, dialect) as both:
        heard = [await both.place.ask() for _ in range(2)]
        state, cause, wait_s = waits_of(both.place)["first"]
    assert [one.outcome for one in heard] == [(200, "From the spare.")] * 2
    assert len(both.first.calls) == 1
    assert (state, cause) == (HealthState.COOLING, Cause.CAPACITY)
    assert 28 <= wait_s <= 40.1


async def asked_at_once(place: Place, number: int, name: str = "auto") -> list[int]:
    """The statuses of so many requests at once."""
    return [one.status for one in await asyncio.gather(*(place.ask(name) for _ in range(number)))]


@pytest.mark.parametrize("status", [500, 503, 529])
async def test_20_a_storm_on_one(gateway: Opens, status: int) -> None:
    """500/503/529 on one of two models: all answered, attempts ≤ 1.2 × requests, then nobody asks it but one probe."""
    act = answers(status, {"error": {"message": "overloaded"}})
    async with faulty(act) as first, faulty(SPARE) as spare:
        models = model(OPENAI, first.url), model(OPENAI, spare.url, "spare", "medium")
        async with gateway(*models, resilience={"cooldown_s": 0.3, "max_cooldown_s": 0.3}) as place:
            statuses = [(await place.ask()).status for _ in range(40)]
            state = waits_of(place)["first"][0]
            asked = len(first.calls)
            await until(lambda: place.router.health.may_try(place.router.catalog.models[0]))
            statuses += await asked_at_once(place, 20)
    assert statuses == [200] * 60
    assert asked <= 8  # of 40: a fifth
    assert len(first.calls) == asked + 1  # the probe
    assert state is HealthState.COOLING


async def test_20_a_storm_on_all(gateway: Opens) -> None:
    """The same on every model: 503 at once with Retry-After, without a call, and attempts stay within the budget."""
    act = answers(503, {"error": {"message": "overloaded"}})
    async with faulty(act) as first, faulty(act) as second:
        models = model(OPENAI, first.url), model(OPENAI, second.url, "second", "medium")
        async with gateway(*models) as place:
            storm = await asked_at_once(place, 10)
            calls = len(first.calls) + len(second.calls)
            began = time.monotonic()
            later = [await place.ask() for _ in range(10)]
            elapsed_s = time.monotonic() - began
    assert storm == [503] * 10
    assert [one.outcome for one in later] == [(503, "models_unavailable")] * 10
    assert all("retry-after" in one.headers for one in later)
    assert len(first.calls) + len(second.calls) == calls
    assert elapsed_s < 1  # "fast"


async def test_20_once_it_is_back(gateway: Opens) -> None:
    """The end of the storm: one probe finds out; the model gets its requests again by a ramp."""
    failing = [answers(503, {"error": {"message": "overloaded"}})] * 3
    async with faulty(*failing, good(OPENAI, "Back.")) as first, faulty(SPARE) as spare:
        models = model(OPENAI, first.url), model(OPENAI, spare.url, "spare", "medium")
        resilience = {"cooldown_s": 0.1, "max_cooldown_s": 0.1, "ramp_s": 0.4}
        async with gateway(*models, resilience=resilience) as place:
            async with asyncio.timeout(10):
                while waits_of(place) or len(first.calls) < 4:
                    assert (await place.ask()).status == 200
            heard = await place.ask()
    assert heard.outcome == (200, "Back.")


async def test_21_a_flapping_endpoint(gateway: Opens) -> None:
    """50 % errors: left alone by its rate, the others take all of it, and it does not swing back at once."""
    turns = [answers(500, {"error": {"message": "flap"}}), good(OPENAI, "Up.")]
    async with faulty(*(turns * 200)) as first, faulty(SPARE) as spare:
        models = model(OPENAI, first.url), model(OPENAI, spare.url, "spare", "medium")
        async with gateway(*models, resilience={"allowed_fails": 1, "cooldown_s": 60}) as place:
            statuses = [(await place.ask()).status for _ in range(60)]
            state = waits_of(place).get("first")
    assert statuses == [200] * 60
    assert state is not None
    assert state[0] is HealthState.COOLING
    assert len(first.calls) <= 30


MISSING: dict[str, tuple[Dialect, Act]] = {
    "OpenAI": (OPENAI, refuses(404, "The model `upstream` does not exist", "model_not_found")),
    "Anthropic": (
        ANTHROPIC,
        answers(404, {"type": "error", "error": {"type": "not_found_error", "message": "model: upstream"}}),
    ),
    "Gemini": (GEMINI, answers(404, gemini_error(404, "NOT_FOUND", "models/upstream is not found"))),
    "Ollama": (OLLAMA, answers(404, {"error": 'model "upstream" not found, try pulling it first'})),
}


@pytest.mark.parametrize("name", MISSING)
async def test_22_a_model_that_is_gone(pair: Pairs, name: str) -> None:
    """404 model: no retry at that endpoint, the model is marked missing, the next one answers."""
    dialect, act = MISSING[name]
    async with pair(act, dialect) as both:
        heard = [await both.place.ask() for _ in range(3)]
        state, cause, _ = waits_of(both.place)["first"]
        alone = await both.place.ask("first")
    assert [one.outcome for one in heard] == [(200, "From the spare.")] * 3
    assert len(both.first.calls) == 1
    assert (state, cause) == (HealthState.DOWN, Cause.MISSING)
    assert alone.outcome == (503, "models_unavailable")


KEY = "sk-upstream-0123456789abcdef"


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
async def test_23_our_key_is_wrong(
    pair: Pairs, caplog: pytest.LogCaptureFixture, dialect: Dialect, status: int
) -> None:
    """401/403 from upstream: 502 and not 401, the endpoint is left alone, the key is never shown."""
    caplog.set_level(logging.INFO)
    act = answers(status, {"error": {"message": f"Incorrect API key provided: {KEY}", "type": "error"}})
    async with pair(act, dialect, num_retries=0, api_key=KEY) as both:
        alone = await both.place.ask("first")
        heard = [await both.place.ask() for _ in range(2)]
        unwell = waits_of(both.place)
        row = await both.place.http.get("/v1/decisions")
    assert alone.outcome == (502, "bad_upstream")
    assert [one.outcome for one in heard] == [(200, "From the spare.")] * 2
    assert len(both.first.calls) == 1
    assert [found[:2] for found in unwell.values()] == [(HealthState.DOWN, Cause.AUTH)]
    assert KEY not in alone.text + caplog.text + row.text + str(both.place.router.health.healths())


CONTEXT: dict[str, tuple[Dialect, Act]] = {
    "OpenAI": (
        OPENAI,
        refuses(400, "This model's maximum context length is 8192 tokens.", "context_length_exceeded"),
    ),
    "vLLM": (
        OPENAI,
        answers(
            400,
            {
                "object": "error",
                "message": "This model's maximum context length is 131072 tokens. However, you requested 156632 tokens",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            },
        ),
    ),
    "llama.cpp": (
        OPENAI,
        answers(
            400,
            {
                "error": {
                    "code": 400,
                    "message": "request (13392 tokens) exceeds the available context size (8192 tokens)",
                    "type": "exceed_context_size_error",
                }
            },
        ),
    ),
    "llama.cpp batch": (OPENAI, answers(500, {"error": {"code": 500, "message": "input is too large to process."}})),
    "TGI": (
        OPENAI,
        answers(422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096", "error_type": "validation"}),
    ),
    "Anthropic": (
        ANTHROPIC,
        answers(
            400,
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "prompt is too long: 210000 tokens > 200000 maximum",
                },
            },
        ),
    ),
    "Gemini": (
        GEMINI,
        answers(
            400,
            gemini_error(400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens allowed"),
        ),
    ),
    "Ollama": (OLLAMA, answers(400, {"error": "the prompt is longer than the context length currently available"})),
}


@pytest.mark.parametrize("name", CONTEXT)
async def test_24_the_prompt_is_too_long(gateway: Opens, name: str) -> None:
    """Context-length error, in every shape: the candidate with a larger window of the same privacy class answers."""
    dialect, act = CONTEXT[name]
    async with faulty(act) as small, faulty(SPARE) as cloud, faulty(good(OPENAI, "From the large.")) as large:
        models = (
            model(dialect, small.url, "small", context_tokens=8192),
            model(OPENAI, cloud.url, "cloud", "medium", context_tokens=999_999, local=False),
            model(OPENAI, large.url, "large", "complex", context_tokens=32_768),
        )
        async with gateway(*models) as place:
            heard = await place.ask(headers={"x-pointsman-privacy": "private"})
            row = waits_of(place)
    assert heard.outcome == (200, "From the large.")
    assert (len(small.calls), cloud.calls, row) == (1, [], {})


@pytest.mark.parametrize("surface", [dialect.name for dialect in DIALECTS])
async def test_24_too_long_for_everybody(gateway: Opens, surface: str) -> None:
    """Context-length error and no larger window: 400 in the caller's protocol."""
    _, act = CONTEXT["OpenAI"]
    async with faulty(act) as only, gateway(model(OPENAI, only.url)) as place:
        heard = await place.ask(surface=surface)
    words = {
        "openai_chat": "context_length_exceeded",
        "anthropic_messages": "invalid_request_error",
        "gemini": "INVALID_ARGUMENT",
        "ollama": "context",
    }
    assert heard.status == 400
    assert words[surface] in heard.text
    assert len(only.calls) == 1


@pytest.mark.parametrize("surface", [dialect.name for dialect in DIALECTS])
async def test_25_a_filter_refuses_with_an_error(pair: Pairs, surface: str) -> None:
    """Content filter, as an error: a refusal in the caller's protocol, no second provider unless configured."""
    act = refuses(400, "Your request was rejected as a result of our safety system.", "content_policy_violation")
    async with pair(act) as both:
        heard = await both.place.ask(surface=surface)
    assert heard.status in {400, 403}
    assert "safety system" in heard.text
    assert (len(both.first.calls), both.spare.calls) == (1, [])


async def test_25_a_filter_cuts_the_answer(pair: Pairs) -> None:
    """Content filter, as a finish reason: passed through in the caller's protocol."""
    body = {
        "candidates": [{"content": {"parts": [], "role": "model"}, "finishReason": "SAFETY", "index": 0}],
        "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5},
    }
    async with pair(answers(200, body), GEMINI) as both:
        heard = await both.place.ask()
    assert heard.status == 200
    assert heard.json["choices"][0]["finish_reason"] == "content_filter"
    assert both.spare.calls == []


async def test_25_another_provider_where_it_is_configured(gateway: Opens) -> None:
    """Content filter with `content_policy_fallbacks`: that model answers."""
    act = refuses(400, "Your request was rejected as a result of our safety system.", "content_policy_violation")
    async with faulty(act) as first, faulty(SPARE) as spare:
        models = model(OPENAI, first.url), model(OPENAI, spare.url, "spare", "medium")
        async with gateway(*models, content_policy_fallbacks={"first": ["spare"]}) as place:
            heard = await place.ask()
    assert heard.outcome == (200, "From the spare.")


async def test_26_an_unsupported_parameter(pair: Pairs) -> None:
    """400 for a parameter: surfaced in the endpoint's words, nothing dropped behind the caller's back, no fallback."""
    act = refuses(400, "Unsupported parameter: 'top_k' is not supported with this model.", "unsupported_parameter")
    async with pair(act) as both:
        heard = await both.place.ask(top_k=5)
    assert heard.outcome == (400, "invalid_request")
    assert "Unsupported parameter" in heard.error["message"]
    assert both.first.calls[0].body["top_k"] == 5
    assert (len(both.first.calls), both.spare.calls) == (1, [])
