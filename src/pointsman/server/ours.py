"""Our own paths: models, decision without a call, past decisions, health, the page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from pointsman.core.chat import ChatRequest, ask
from pointsman.core.errors import InvalidRequest, UpgradeRequired, WrongMethod
from pointsman.engine.explain import as_json
from pointsman.engine.inbound import Inbound
from pointsman.server.family import family_of, surface_of
from pointsman.server.headers import of_decision
from pointsman.server.http import header, read_body, respond, respond_json
from pointsman.server.labels import caller_of, with_agent
from pointsman.server.model_lists import all_models, one_model
from pointsman.server.page import render
from pointsman.server.surfaces import error_headers, parsed
from pointsman.server.table import default_surface

if TYPE_CHECKING:
    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import JsonObject
    from pointsman.server.http import Header, Receive, Scope, Send
    from pointsman.server.state import State

_MAX_LISTED = 1000
_HTML: Header = (b"content-type", b"text/html; charset=utf-8")
_SHOWN = 20  # decisions on the page


async def healthz(_state: State, _scope: Scope, _receive: Receive, send: Send) -> None:
    """The process runs."""
    await respond_json(send, 200, {"status": "ok"})


async def hello(_state: State, _scope: Scope, _receive: Receive, send: Send) -> None:
    """Somebody listens: what Claude Code asks before anything else."""
    await respond_json(send, 200, {"ok": True})


async def no_websocket(_state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """Codex tries a WebSocket first, seven times and twelve seconds long unless it is told this."""
    is_upgrade = (header(scope, b"upgrade") or "").lower() == "websocket"
    message = "Responses are answered to POST, as a whole or as server-sent events; there is no WebSocket."
    error: PointsmanError = UpgradeRequired(message) if is_upgrade else WrongMethod(message)
    status, body = surface_of(scope).encode_error(error)
    await respond_json(send, status, body, [(b"allow", b"POST"), *error_headers(error)])


async def readyz(state: State, _scope: Scope, _receive: Receive, send: Send) -> None:
    """Requests may be sent: a model is configured and no shutdown is under way."""
    has_models = bool(state.router.catalog.models)
    ready = has_models and not state.drain.has_begun
    reason = "ok" if ready else ("draining" if has_models else "no model is configured")
    await respond_json(send, 200 if ready else 503, {"status": reason, "models": len(state.router.catalog.models)})


async def models(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """Every name a caller may send, as the caller's API lists them."""
    await respond_json(send, 200, all_models(state.router.catalog, family_of(scope), scope))


async def model(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """One entry of the list; its name may hold slashes."""
    name = unquote(scope["path"].partition("/models/")[2])
    await respond_json(send, 200, one_model(state.router.catalog, family_of(scope), name))


async def route(state: State, scope: Scope, receive: Receive, send: Send) -> None:
    """Decide without calling, for the caller whose key it is: takes a chat request, or `{"prompt": "..."}`."""
    arrived_s = state.router.clock()
    raw = await parsed(await read_body(scope, receive, state.max_body_bytes))
    caller, _ = caller_of(scope, raw.value, state.guard.authenticate(scope))
    request = _route_request(raw.value)
    inbound = Inbound(
        request=request, arrived_s=arrived_s, caller=with_agent(caller, request), surface="route", is_dry_run=True
    )
    decision = (await state.router.resolve(inbound)).decision
    await respond_json(send, 200, as_json(decision), of_decision(decision))


def _route_request(body: JsonObject) -> ChatRequest:
    if "messages" in body:
        return default_surface().decode_chat(body)
    prompt, name = body.get("prompt"), body.get("model")
    if not isinstance(prompt, str):
        message = "The body needs `messages` (as for chat completions) or `prompt` (a string)."
        raise InvalidRequest(message, param="prompt")
    if name is not None and not isinstance(name, str):
        message = "model must be a string."
        raise InvalidRequest(message, param="model")
    return ask(prompt, model=name)


async def decisions(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """The latest decisions, newest first; `?limit=` up to 1,000."""
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("limit", ["50"])[0]
    if not asked.isdigit() or not 1 <= int(asked) <= _MAX_LISTED:
        message = f"limit must be a number from 1 to {_MAX_LISTED}, not {asked[:40]!r}."
        raise InvalidRequest(message, param="limit")
    rows = await asyncio.to_thread(state.decisions.recent, int(asked))
    await respond_json(send, 200, {"object": "list", "data": list(rows)})


async def decision(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """One decision with its trail and attempts, by id or unique prefix."""
    wanted = unquote(scope["path"].removeprefix("/v1/decisions/"))
    await respond_json(send, 200, await asyncio.to_thread(state.decisions.find, wanted))


async def page(state: State, scope: Scope, _receive: Receive, send: Send) -> None:
    """What runs here, for a browser. Where keys are set, decisions are not shown without one."""
    if scope["method"] == "HEAD":  # Claude Code and Ollama's clients ask so whether anybody is there
        await respond(send, 200, b"", content=_HTML)
        return
    rows = None if state.guard.keys else await asyncio.to_thread(state.decisions.recent, _SHOWN)
    base_url = f"{scope.get('scheme', 'http')}://{header(scope, b'host')}"
    memory = None if state.guard.keys else state.memory()
    body, headers = render(state.router.catalog, rows, base_url, now_s=state.router.now(), memory=memory)
    await respond(send, 200, body, headers, content=_HTML)
