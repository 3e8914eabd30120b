"""A request made fit for the model that will answer it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.chat import Sampling, ask
from pointsman.engine.fit import fitted
from tests.engine.rig import a_model


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
    assert fitted(request, card).sampling == Sampling(max_output_tokens=sent, seed=1)


def test_a_request_that_fits_is_the_very_same() -> None:
    """Nothing is copied for nothing."""
    request = ask("hi", system="be brief")
    assert fitted(request, a_model("m")) is request
