"""The server's side of ASGI without a socket: scopes, and requests put to an application."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.bootstrap import decide_only
from pointsman.config.load import loaded_from
from pointsman.config.schema import Settings
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import JsonObject
from pointsman.core.ports import ResponseStore
from pointsman.server.app import App
from pointsman.server.guard import Guard
from pointsman.server.http import Message, Scope
from pointsman.server.state import State

HOST = (b"host", b"127.0.0.1:4000")


def scope_of(*headers: tuple[bytes, bytes], path: str = "/", method: str = "GET", query: bytes = b"") -> Scope:
    """A request's head."""
    return {"type": "http", "method": method, "path": path, "headers": list(headers), "query_string": query}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an application sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  tests look into it as it is
        """The body, which is JSON."""
        return json.loads(self.body)


async def ask(app: App, scope: Scope, body: bytes = b"") -> Answer:
    """The answer of *app*."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(piece["body"] for piece in rest))


@dataclass(frozen=True, slots=True)
class Log:
    """Past decisions that are given."""

    rows: Sequence[JsonObject] = ()
    error: Exception | None = None

    def recent(self, limit: int) -> Sequence[JsonObject]:
        """See state.DecisionLog."""
        if self.error is not None:
            raise self.error
        return self.rows[:limit]

    def find(self, id_or_prefix: str) -> JsonObject:
        """See state.DecisionLog."""
        for row in self.rows:
            if row["id"] == id_or_prefix:
                return row
        raise InvalidRequest(f"no {id_or_prefix}")


def app_of(
    *models: Mapping[str, object],
    log: Log | None = None,
    guard: Guard | None = None,
    responses: ResponseStore | None = None,
    settings: Mapping[str, object] | None = None,
) -> App:
    """The application over *models* and *settings* (as in a pointsman.yaml), none of which is called."""
    loaded = loaded_from(Settings.model_validate({"models": models, **(settings or {})}))
    router = decide_only(loaded)
    state = State(
        router=router, guard=guard or Guard(), decisions=log or Log(), max_body_bytes=10_000, responses=responses
    )
    return App(state)
