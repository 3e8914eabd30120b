"""Whether a failure says that its endpoint is asked too much."""

from __future__ import annotations

import pytest

from pointsman.core.failure import Failure, FailureKind, Reach
from pointsman.resilience.cause import is_overloaded


@pytest.mark.parametrize(
    ("kind", "status", "reach", "expected"),
    [
        (FailureKind.TRANSIENT, 503, Reach.MODEL, True),
        (FailureKind.TRANSIENT, 429, Reach.MODEL, True),
        (FailureKind.TRANSIENT, None, Reach.ENDPOINT, False),
        (FailureKind.TRANSIENT, None, Reach.MODEL, False),
        (FailureKind.TERMINAL, 429, Reach.MODEL, False),
        (FailureKind.BAD_REQUEST, 400, Reach.MODEL, False),
    ],
)
def test_only_an_endpoint_that_answers_so_is_overloaded(
    kind: FailureKind, status: int | None, reach: Reach, *, expected: bool
) -> None:
    """One that died bears as much as before once it is back: its places are not taken away."""
    failure = Failure(kind=kind, model="m", endpoint="e", message="", status=status, reach=reach)
    assert is_overloaded(failure) is expected
