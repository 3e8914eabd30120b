"""Stored answers of /v1/responses as their owner reads and deletes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.errors import UnknownModel, UnknownResponse
from pointsman.server.http import respond_json

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json
    from pointsman.core.ports import StoredResponse
    from pointsman.server.http import Receive, Scope, Send
    from pointsman.server.state import State

_ITEMS = "/input_items"


async def read(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """An answer as it was given, or (`/input_items`) what it was an answer to."""
    identity = _id(scope)
    if identity.endswith(_ITEMS):
        stored = await _find(state, scope, identity.removesuffix(_ITEMS))
        items: list[Json] = [{"id": f"item_{index}", **item} for index, item in enumerate(stored.input)]
        ids = [str(item["id"]) for item in items if isinstance(item, dict)]
        first, last = (ids[0], ids[-1]) if ids else (None, None)
        listed: dict[str, Json] = {"first_id": first, "last_id": last, "has_more": False}
        await respond_json(send, 200, {"object": "list", "data": items, **listed})
        return
    await respond_json(send, 200, (await _find(state, scope, identity)).reply)


async def delete(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """Forget an answer."""
    identity = _id(scope)
    if state.responses is None or not await state.responses.delete(identity, state.guard.authenticate(scope)):
        raise _unknown(identity)
    await respond_json(send, 200, {"id": identity, "object": "response", "deleted": True})


async def compact(_state: State, _scope: Scope, _receive: Receive, _send: Send) -> None:
    """Codex asks OpenAI for this; elsewhere it compacts by itself."""
    message = "This gateway does not compact conversations."
    raise UnknownModel(message, hint="Let the program compact its own: models are asked at /v1/responses.")


async def _find(state: State, scope: Scope, identity: str) -> StoredResponse:
    found = None
    if state.responses is not None:
        found = await state.responses.get(identity, state.guard.authenticate(scope))
    if found is None:
        raise _unknown(identity)
    return found


def _id(scope: Scope) -> str:
    return str(scope["path"]).partition("/responses/")[2]


def _unknown(identity: str) -> UnknownResponse:
    return UnknownResponse(f"Response with id {identity[:80]!r} not found.", param="response_id")
