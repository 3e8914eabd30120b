"""The path that shows the caller's agents: what they called, what it cost, and the tier that is proposed for each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pointsman.server.http import respond_json

if TYPE_CHECKING:
    from pointsman.core.jsontypes import JsonObject
    from pointsman.server.http import Receive, Scope, Send
    from pointsman.server.state import State


async def agents(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """The profiles of the agents that came with the caller's own key, the busiest first."""
    key_id = state.guard.authenticate(scope)
    rows: list[JsonObject] = []
    if state.agents is not None:
        rows = [row for row in await asyncio.to_thread(state.agents) if row["key_id"] == key_id]
    await respond_json(send, 200, {"object": "list", "data": list(rows)})
