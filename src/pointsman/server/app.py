"""The ASGI application: a table from path to handler, the guard in front, one place where unforeseen errors end."""

from __future__ import annotations

import logging
import os
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from pointsman.core.errors import PointsmanError, UnknownModel, WrongMethod
from pointsman.server import paths
from pointsman.server.family import ANTHROPIC, GEMINI, OLLAMA, OPENAI, family_of, surface_of
from pointsman.server.http import CallerGone, respond_json
from pointsman.server.model_paths import endpoint_at
from pointsman.server.surfaces import NO_RETRY, error_headers
from pointsman.server.table import SURFACES

if TYPE_CHECKING:
    from pointsman.server.http import Receive, Scope, Send
    from pointsman.server.state import State
    from pointsman.server.surfaces import SurfaceEndpoint

log = logging.getLogger("pointsman.server")

_HOMES = {
    OPENAI: "/v1, for example POST /v1/chat/completions",
    ANTHROPIC: "/v1, for example POST /v1/messages: a base URL ends before it",
    GEMINI: "/v1beta, for example POST /v1beta/models/auto:generateContent",
    OLLAMA: "/api, for example POST /api/chat",
}
_PACKAGE = f"{os.sep}pointsman{os.sep}"


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
            key_id = None if path in paths.OPEN else state.guard.authenticate(scope)
            if surface is not None and method == "POST":
                await surface.handle(state, scope, receive, send, key_id)
                return
            await self._other(state, scope, receive, send, key_id)
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

    async def _other(self, state: State, scope: Scope, receive: Receive, send: Send, key_id: str | None) -> None:
        path, method = scope["path"], scope["method"]
        endpoint = endpoint_at(scope) if method == "POST" else None
        if endpoint is not None:
            await endpoint.handle(state, scope, receive, send, key_id)
            return
        handler = paths.handler_of(method, path)
        if handler is not None:
            await handler(state, scope, receive, send)
            return
        allowed = paths.methods_of(path)
        if allowed:
            headers = [(b"allow", ", ".join(allowed).encode()), NO_RETRY]
            message = f"{path[:200]} takes {' or '.join(allowed)}, not {method}."
            status, body = surface_of(scope).encode_error(WrongMethod(message))
            await respond_json(send, status, body, headers)
            return
        message = f"There is nothing at {method} {path[:200]}."
        raise UnknownModel(message, hint=f"The API lives under {_HOMES[family_of(scope)]}.")


def _place(error: BaseException) -> str:
    """Where it happened: the innermost of our own lines, last called first."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in frame.filename]
    return " ".join(f"{frame.filename.rpartition(_PACKAGE)[2]}:{frame.lineno}" for frame in reversed(ours[-3:]))


async def _refuse(scope: Scope, send: Send, surface: SurfaceEndpoint | None, error: PointsmanError) -> None:
    if surface is not None:
        await surface.refuse(send, error)
        return
    status, body = surface_of(scope).encode_error(error)
    await respond_json(send, status, body, error_headers(error))
