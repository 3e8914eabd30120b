"""The ASGI application: a table from path to handler, the guard in front, one place where unforeseen errors end."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from pointsman.core.errors import PointsmanError, UnknownModel, WrongMethod
from pointsman.server import ours
from pointsman.server.family import surface_of
from pointsman.server.http import CallerGone, respond_json
from pointsman.server.surfaces import error_headers
from pointsman.server.table import SURFACES

if TYPE_CHECKING:
    from pointsman.server.http import Receive, Scope, Send
    from pointsman.server.state import State
    from pointsman.server.surfaces import SurfaceEndpoint

log = logging.getLogger("pointsman.server")

Handler = Callable[["State", "Scope", "Receive", "Send"], Awaitable[None]]

EXACT: dict[tuple[str, str], Handler] = {
    ("GET", "/"): ours.page,
    ("GET", "/v1/models"): ours.models,
    ("GET", "/models"): ours.models,
    ("POST", "/v1/route"): ours.route,
    ("GET", "/v1/decisions"): ours.decisions,
    ("GET", "/healthz"): ours.healthz,
    ("GET", "/readyz"): ours.readyz,
    ("GET", "/api/hello"): ours.hello,
    ("GET", "/v1/responses"): ours.no_websocket,
    ("GET", "/responses"): ours.no_websocket,
}
PREFIXES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/v1/models/", ours.model),
    ("GET", "/v1/decisions/", ours.decision),
)
_PACKAGE = f"{os.sep}pointsman{os.sep}"
OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/api/hello"})


class App:
    """The gateway as an ASGI callable. `state` is replaced as a whole on reload."""

    def __init__(self, state: State) -> None:
        """Serve with *state*."""
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http":
            return
        state = self.state
        path, method = scope["path"], scope["method"]
        surface = SURFACES.get(path)
        try:
            state.guard.check(scope)
            key_id = None if path in OPEN_PATHS else state.guard.authenticate(scope)
            if surface is not None and method == "POST":
                await surface.handle(state.router, scope, receive, send, max_bytes=state.max_body_bytes, key_id=key_id)
                return
            await self._other(state, scope, receive, send)
        except CallerGone:
            return
        except PointsmanError as error:
            await _refuse(scope, send, surface, error)
        except Exception as error:  # noqa: BLE001  seam: the outermost handler
            # The caller learns that it was us, the log learns what and where. Neither the error's message nor a
            # traceback is written: they may quote the prompt.
            log.error("unforeseen path=%a error=%s at=%s", path[:200], type(error).__name__, _place(error))  # noqa: TRY400
            with suppress(RuntimeError):  # the server's, when the answer had begun: then it breaks off
                await _refuse(
                    scope, send, surface, PointsmanError("Something went wrong in the gateway; its log says more.")
                )

    async def _other(self, state: State, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], "GET" if scope["method"] == "HEAD" else scope["method"]
        handler = EXACT.get((method, path))
        if handler is None:
            handler = next(
                (found for verb, prefix, found in PREFIXES if verb == method and path.startswith(prefix)), None
            )
        if handler is not None:
            await handler(state, scope, receive, send)
            return
        allowed = _methods(path)
        if allowed:
            headers = [(b"allow", ", ".join(allowed).encode())]
            message = f"{path} takes {' or '.join(allowed)}, not {scope['method']}."
            status, body = surface_of(scope).encode_error(WrongMethod(message))
            await respond_json(send, status, body, headers)
            return
        message = f"There is nothing at {scope['method']} {path[:200]}."
        raise UnknownModel(message, hint="The API lives under /v1, for example POST /v1/chat/completions.")


def _place(error: BaseException) -> str:
    """Where it happened: the innermost of our own lines, last called first."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in frame.filename]
    return " ".join(f"{frame.filename.rpartition(_PACKAGE)[2]}:{frame.lineno}" for frame in reversed(ours[-3:]))


def _methods(path: str) -> list[str]:
    found = {method for method, exact in EXACT if exact == path}
    if path in SURFACES:
        found.add("POST")
    return sorted(found)


async def _refuse(scope: Scope, send: Send, surface: SurfaceEndpoint | None, error: PointsmanError) -> None:
    if surface is not None:
        await surface.refuse(send, error)
        return
    status, body = surface_of(scope).encode_error(error)
    await respond_json(send, status, body, error_headers(error))
