"""What stands behind a failure, in the five words that healths are shown in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.failure import FailureKind, Reach
from pointsman.core.health import Cause

if TYPE_CHECKING:
    from pointsman.core.failure import Failure

_CAUSES = {FailureKind.TERMINAL: Cause.QUOTA, FailureKind.AUTH: Cause.AUTH, FailureKind.NOT_FOUND: Cause.MISSING}
_KINDS = {
    Cause.QUOTA: FailureKind.TERMINAL,
    Cause.CAPACITY: FailureKind.TRANSIENT,
    Cause.AUTH: FailureKind.AUTH,
    Cause.MISSING: FailureKind.NOT_FOUND,
    Cause.NETWORK: FailureKind.TRANSIENT,
}


def cause_of(failure: Failure) -> Cause:
    """The cause behind *failure*; without a status there was no answer, or none that could be read."""
    if failure.status is None and (failure.reach is Reach.ENDPOINT or failure.kind is FailureKind.TRANSIENT):
        return Cause.AUTH if failure.kind is FailureKind.AUTH else Cause.NETWORK
    return _CAUSES.get(failure.kind, Cause.CAPACITY)


def is_overloaded(failure: Failure) -> bool:
    """Whether *failure* says that the endpoint is asked too much; a connection that is refused or breaks does not."""
    return failure.kind is FailureKind.TRANSIENT and cause_of(failure) is Cause.CAPACITY


def kind_of(cause: Cause | None) -> FailureKind:
    """The kind of failure that a model is unwell by."""
    return _KINDS[cause] if cause is not None else FailureKind.UNKNOWN
