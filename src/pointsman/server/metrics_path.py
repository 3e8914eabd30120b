"""The path that Prometheus scrapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.errors import UnknownModel
from pointsman.server.http import respond

if TYPE_CHECKING:
    from pointsman.server.http import Receive, Scope, Send
    from pointsman.server.state import State


async def metrics(state: State, _scope: Scope, _receive: Receive, send: Send) -> None:
    """The figures in Prometheus's text format."""
    if state.figures is None:
        message = "This gateway counts nothing."
        raise UnknownModel(message)
    content, text = state.figures()
    await respond(send, 200, text, content=(b"content-type", content.encode()))
