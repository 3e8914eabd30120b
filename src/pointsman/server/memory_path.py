"""What the memory of this machine holds, as JSON, and as the part of the page that its script puts in anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.server.http import header, respond, respond_json
from pointsman.server.memory_panel import panel

if TYPE_CHECKING:
    from pointsman.core.jsontypes import JsonObject
    from pointsman.server.http import Header, Receive, Scope, Send
    from pointsman.server.state import State

_HTML: Header = (b"content-type", b"text/html; charset=utf-8")
_NOT_KEPT: Header = (b"cache-control", b"no-store")


async def memory(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """Models, budget and queue; HTML where that is what is accepted."""
    found: JsonObject = state.memory()
    if (header(scope, b"accept") or "").startswith("text/html"):
        await respond(send, 200, panel(found).encode(), (_NOT_KEPT,), content=_HTML)
        return
    await respond_json(send, 200, found, [_NOT_KEPT])
