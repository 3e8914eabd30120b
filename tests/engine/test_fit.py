"""A request made fit for the model that will answer it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.chat import ChatRequest, Media, Message, Role, Sampling, Text, ask
from pointsman.dialects.registry import UPSTREAMS
from pointsman.engine.fit import encoded, fitted
from tests.engine.rig import a_model
from tests.laws.strategies import refusal_of


@pytest.mark.parametrize(
    ("asked", "largest", "window", "sent"),
    [
        (None, 100, 1000, None),
        (50, 100, 1000, 50),
        (32_000, 100, 1000, 100),
        (32_000, None, None, 32_000),
        (32_000, None, 4096, None),
        (32_000, 8000, 4096, None),
        (4000, None, 4096, 4000),
    ],
)
def test_no_larger_answer_is_asked_for_than_the_model_gives(
    asked: int | None, largest: int | None, window: int | None, sent: int | None
) -> None:
    """Its own limit counts; a limit as large as the window is none."""
    card = replace(a_model("m"), max_output_tokens=largest, context_tokens=window)
    request = replace(ask("hi"), sampling=Sampling(max_output_tokens=asked, seed=1))
    assert fitted(request, card, "lines").sampling == Sampling(max_output_tokens=sent, seed=1)


def test_a_request_that_fits_is_the_very_same() -> None:
    """Nothing is copied for nothing."""
    request = ask("hi", system="be brief")
    assert fitted(request, a_model("m"), "lines") is request


def test_what_a_request_loses_is_named_once() -> None:
    """Settings that the dialect drops, then hints inside the messages."""
    hinted = Text(text="hi", extras={"anthropic_messages": {"cache_control": {"type": "ephemeral"}}})
    request = ChatRequest(
        messages=(Message(role=Role.USER, parts=(hinted,)), Message(role=Role.USER, parts=(hinted,))),
        extras={"anthropic_messages": {"service_tier": "auto"}},
    )
    found = encoded(request, a_model("m"), "anthropic_messages", UPSTREAMS["openai_chat"])
    assert found.dropped == ("service_tier", "cache_control")


@pytest.mark.parametrize(
    ("surface", "dialect", "is_refused"),
    [
        ("openai_chat", "openai_responses", False),
        ("openai_chat", "anthropic_messages", True),
        ("gemini", "openai_chat", True),
        ("ollama_generate", "ollama", False),
    ],
)
def test_a_files_id_means_nothing_to_another_maker(surface: str, dialect: str, *, is_refused: bool) -> None:
    """It is refused by its path, instead of a puzzling 404 from the endpoint."""
    near = a_model("m")
    card = replace(near, endpoint=replace(near.endpoint, dialect=dialect))
    file = Message(role=Role.USER, parts=(Text(text="see"), Media(kind="file", file_id="file-1")))
    request = ChatRequest(messages=(file,))
    refusal = refusal_of(lambda: fitted(request, card, surface))
    assert (refusal is not None) is is_refused
    assert refusal is None or refusal.param == "messages[0].content[1]"
