"""How long to wait before the same model is asked again."""

from __future__ import annotations

import pytest

from pointsman.resilience.backoff import backoff_s


@pytest.mark.parametrize(
    ("retried", "drawn", "asked_s", "pause_s"),
    [
        (0, 0.5, None, 0.1),
        (1, 0.5, None, 0.2),
        (3, 0.5, None, 0.8),
        (9, 0.5, None, 1.0),
        (0, 0.0, None, 0.0),
        (0, 0.5, 0.05, 0.1),
        (0, 0.5, 1.5, 1.5),
        (0, 0.5, 2.0, 2.0),
        (0, 0.5, 2.1, None),
    ],
)
def test_a_pause_is_drawn_from_a_doubling_range(
    retried: int, drawn: float, asked_s: float | None, pause_s: float | None
) -> None:
    """Two seconds at most; an endpoint that asks for a little more gets it, one that asks for much ends the retries."""
    assert backoff_s(retried, lambda: drawn, asked_s) == pytest.approx(pause_s)
