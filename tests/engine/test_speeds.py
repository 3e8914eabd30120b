"""How fast models answer is learned from answers that one model alone has made, as far as they tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.chat import Usage
from pointsman.core.events import AttemptStarted, Event, Finished, FinishReason
from pointsman.engine.speeds import Speeds

STREAM = Finished(
    decision_id="0",
    at_s=0.0,
    reason=FinishReason.OK,
    status=200,
    served="7b",
    upstream_model="qwen2.5:7b",
    attempts=1,
    fallbacks=0,
    usage=Usage(input_tokens=500, output_tokens=101),
    cost_usd=None,
    saved_usd=None,
    baseline=None,
    duration_ms=3_000.0,
    first_byte_ms=1_000.0,
    overhead_ms=400.0,
)
WHOLE = replace(STREAM, first_byte_ms=None, usage=Usage(input_tokens=400, output_tokens=100))


def told(event: Event) -> list[tuple[str, int, float]]:
    """What is learned of *event*."""
    found: list[tuple[str, int, float]] = []
    Speeds(lambda model, tokens, seconds: found.append((model, tokens, round(seconds, 6))))(event)
    return found


def test_a_stream_tells_by_what_comes_after_its_first_token() -> None:
    """The time before it went into the queue, a load and the prompt."""
    assert told(STREAM) == [("7b", 100, 2.0)]


def test_an_answer_in_one_piece_tells_when_its_prompt_is_not_much_longer() -> None:
    """From when it was sent: waiting for a load before that is not the model's slowness."""
    assert told(WHOLE) == [("7b", 100, 2.6)]
    assert told(replace(WHOLE, usage=Usage(input_tokens=401, output_tokens=100))) == []


@pytest.mark.parametrize(
    "event",
    [
        replace(STREAM, reason=FinishReason.CANCELLED),
        replace(STREAM, served=None),
        replace(STREAM, usage=None),
        replace(STREAM, usage=Usage(input_tokens=1, output_tokens=101, is_estimated=True)),
        replace(STREAM, usage=Usage(input_tokens=1, output_tokens=101, reasoning_tokens=50)),
        replace(STREAM, attempts=2),
        replace(WHOLE, overhead_ms=None),
        AttemptStarted(decision_id="0", at_s=0.0, model="7b", endpoint="ollama", number=1),
    ],
)
def test_others_tell_nothing(event: Event) -> None:
    """Broken off, estimated, by two models, or thinking before the first content."""
    assert told(event) == []
