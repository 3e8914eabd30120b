"""How many tokens a request has: by the chosen endpoint's own count where it has one, else by our estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.errors import AttemptFailed, DeadlineExceeded
from pointsman.core.values import value_type
from pointsman.engine.exchange import relay_for

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.decision import Decision
    from pointsman.engine.attempt import ModelCaller
    from pointsman.engine.inbound import Inbound


@value_type
class Counted:
    """A count. `body` is the endpoint's answer as it came; without one the count is our estimate.

    There is no decision where no model could take the request: it is counted all the same.
    """

    estimated_tokens: int
    decision: Decision | None = None
    body: bytes | None = None


async def endpoint_count(
    caller: ModelCaller, card: ModelCard, decision: Decision, inbound: Inbound, deadline_s: float | None
) -> bytes | None:
    """The count of *card*'s endpoint; None when its API has none, is another than the caller's, or does not answer."""
    upstream = caller.upstreams.get(card.endpoint.dialect)
    relay = relay_for(inbound, upstream) if upstream is not None else None
    if relay is None:
        return None
    try:
        return (await caller.whole(card, decision, relay, deadline_s)).body
    except (AttemptFailed, DeadlineExceeded):
        return None
