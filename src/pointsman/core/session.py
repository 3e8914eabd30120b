"""What a conversation's requests have got so far, as far as its next one has to know. Nothing of its text."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from pointsman.core.catalog import Tier

_DIGEST_BYTES: Final = 16


@value_type
class Pin:
    """Where a session stands after its latest request. `at_s` is monotonic seconds."""

    tier: Tier  # the session's
    router: str | None  # whose tier it is
    card: str  # the id of the card that answered last
    tokens: int = 0  # of the latest prompt: what that card's cache may hold
    at_s: float = 0.0
    easier: int = 0  # asks in a row that a lower tier would have done for
    hardest: Tier | None = None  # of those asks


@value_type
class Raised:
    """A session, an agent or a conversation whose answers were not good enough, and the tier it has for a while."""

    tier: Tier
    until_s: float  # monotonic seconds
    messages: int  # of the conversation, when it was raised


@value_type
class Answer:
    """What was asked and who answered: what a verdict on it would be about."""

    decision_id: str
    router: str | None
    tier: Tier | None
    kind: str  # of task
    difficulty: float
    served: str | None = None  # the card's id; None: not answered yet
    at_s: float = 0.0  # when it was answered, seconds since the epoch


Trace = Pin | Raised | Answer
Note = tuple[bytes, Trace, float]
"""What a process remembers of a session and tells the others: by which hash, what, and for how many seconds."""


def digest(secret: bytes, text: str) -> bytes:
    """What *text* is remembered by: cut short and keyed, so that nothing can be read from it."""
    # SHA-256 has instructions of its own in most processors: less than half of BLAKE2's time. A secret prefix is key
    # enough, as the digest is cut short and shown to nobody.
    return sha256(secret + text.encode("utf-8", "surrogatepass")).digest()[:_DIGEST_BYTES]
