"""The path by which a person or a program says of an answer whether it was good."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from pointsman.core.errors import InvalidRequest
from pointsman.experience import RATINGS
from pointsman.routing.learned.feedback import Verdict
from pointsman.server.http import read_body, respond_json
from pointsman.server.surfaces import parsed

if TYPE_CHECKING:
    from pointsman.server.http import Receive, Scope, Send
    from pointsman.server.state import State


async def give(state: State, scope: Scope, receive: Receive, send: Send) -> None:
    """Takes `{"decision_id": "...", "rating": "up"}` for an answer that came with the caller's own key."""
    key_id = state.guard.authenticate(scope)
    body = (await parsed(await read_body(scope, receive, state.max_body_bytes))).value
    decision_id, rating = body.get("decision_id"), body.get("rating")
    if not isinstance(decision_id, str) or not decision_id:
        message = f"decision_id must be the id of a decision, not {json.dumps(decision_id)[:80]}."
        hint = "Every answer carries it in the header x-pointsman-decision-id."
        raise InvalidRequest(message, hint=hint, param="decision_id")
    if rating not in RATINGS:
        message = f"rating must be one of {', '.join(RATINGS)}, not {json.dumps(rating)[:80]}."
        raise InvalidRequest(message, param="rating")
    if state.rate is None:
        message = "The ledger is off, so no answer is known here."
        raise InvalidRequest(message, hint="Set `ledger.enabled`.")
    await respond_json(send, 200, await asyncio.to_thread(state.rate, decision_id[:200], Verdict(rating), key_id))
