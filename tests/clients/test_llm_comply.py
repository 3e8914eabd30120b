"""llm-comply, which holds answers against the published schemas of four APIs, before each of five models."""

from __future__ import annotations

import json
import subprocess
from typing import Final

import pytest

from tests.clients.conftest import UPSTREAMS, Place
from tests.clients.environments import environment

pytestmark = [pytest.mark.programs, pytest.mark.timeout(300)]
# Where the API is, whose name makes it ask for thinking too, and how the key goes.
FORMATS: Final = {
    "openai-chat": ("/v1", "gpt-5", ()),
    "open-responses": ("/v1", "gpt-5", ()),
    "anthropic": (
        "/v1",
        "claude-sonnet-4-5",
        ("--auth-header", "x-api-key", "--no-bearer", "-H", "anthropic-version:2023-06-01"),
    ),
    "google-genai": ("", "gemini-3", ("--auth-header", "x-goog-api-key", "--no-bearer")),
}
# A request without a model has to be refused there; here it means `auto`.
BY_DESIGN: Final = {"openai-chat": ["chat-error-handling"], "open-responses": ["error-handling"]}


@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize("form", FORMATS)
def test_answers_keep_to_the_published_schema(place: Place, form: str, model: str) -> None:
    """Every check passes, but for one that a gateway with a model of its own choice should not pass."""
    prefix, thinker, options = FORMATS[form]
    done = subprocess.run(
        [
            *(environment("clients") / "llm-comply", "--format", form, "-u", f"{place.url}{prefix}", "-k", "any"),
            *("-m", f"{thinker}-{model}", "--json", *options),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    found = json.loads(done.stdout)
    print(f"\nllm-comply, {form} answered by {model}: {found['summary']}")  # noqa: T201  figures for the docs
    assert [one["id"] for one in found["results"] if one["status"] == "failed"] == BY_DESIGN.get(form, [])
