"""A scrape of a real gateway."""

from __future__ import annotations

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import Gateway
from tests.e2e.openai_server import completes, openai_server, refuses
from tests.e2e.test_main_job import user
from tests.e2e.test_upstreams import model

pytestmark = pytest.mark.e2e


async def test_a_fallback_shows(gateway: Gateway) -> None:
    """One request, two attempts, and who cools."""
    busy = refuses(429, "slow down", "rate_limit_exceeded", retry_after="20")
    async with openai_server(busy) as first, openai_server(completes("Hello.")) as spare:
        models = [model(first.url), model(spare.url, "spare", "medium")]
        async with gateway({"models": models}) as base_url, httpx2.AsyncClient() as client:
            body = {"model": "auto", "messages": user("hi")}
            assert (await client.post(f"{base_url}/v1/chat/completions", json=body)).status_code == 200
            scraped = await client.get(f"{base_url}/metrics")
    assert scraped.headers["content-type"].startswith("text/plain")
    found = {
        (sample.name, sample.labels.get("model") or sample.labels.get("subject")): sample.value
        for family in text_string_to_metric_families(scraped.text)
        for sample in family.samples
    }
    assert found["pointsman_requests_total", "spare"] == 1
    assert found["pointsman_attempts_total", "first"] == 1
    assert found["pointsman_unwell", "first"] == 1
    assert found["pointsman_fallbacks_total", None] == 1
