"""The paths by which a page or a program shows its questions and answers them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from pointsman.core.consent import Consent
from pointsman.core.errors import InvalidRequest
from pointsman.server.disconnect import DisconnectWatch
from pointsman.server.http import read_body, respond_json
from pointsman.server.surfaces import parsed

if TYPE_CHECKING:
    from pointsman.core.jsontypes import JsonObject
    from pointsman.server.http import Headers, Receive, Scope, Send
    from pointsman.server.state import State

_PREFIX = "/v1/consents/"
_TICK_S = 1.0
_SIGN_OF_LIFE = b": waiting\n\n"
_EVENTS: Headers = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


async def consents(state: State, scope: Scope, receive: Receive, send: Send) -> None:
    """The caller's open questions, or (`?watch=1`) each as it comes and goes; `?session=` narrows both."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    owner, session = state.guard.authenticate(scope), query.get("session", [None])[0]
    if query.get("watch", ["0"])[0].lower() in {"1", "true", "yes"}:
        async with DisconnectWatch(receive):
            await _watch(state, send, owner, session)
        return
    await respond_json(send, 200, {"object": "list", "data": [*await state.questions.open_to(owner, session)]})


async def answer(state: State, scope: Scope, receive: Receive, send: Send) -> None:
    """The person's answer to one question."""
    identity = str(scope["path"]).removeprefix(_PREFIX)
    body = (await parsed(await read_body(scope, receive, state.max_body_bytes))).value
    said = body.get("answer")
    if not isinstance(said, str) or said not in set(Consent):
        message = f"answer must be one of {', '.join(Consent)}, not {json.dumps(said)[:80]}."
        raise InvalidRequest(message, param="answer")
    await state.questions.answer(identity, state.guard.authenticate(scope), Consent(said))
    await respond_json(send, 200, {"id": identity, "object": "consent", "answer": said})


async def _watch(state: State, send: Send, owner: str | None, session: str | None) -> None:
    """Server-sent events `consent` and `settled` until the caller leaves or the gateway ends."""
    await send({"type": "http.response.start", "status": 200, "headers": list(_EVENTS)})
    shown: set[str] = set()
    can_tell = not _ends(send)
    clock = state.router.clock
    spoke_s = clock() - state.keep_alive_s  # so that the caller hears at once that it listens
    while not (can_tell and _ends(send)):
        changes = state.questions.changes
        waiting = {str(one["id"]): one for one in await state.questions.open_to(owner, session)}
        ended = await state.questions.endings([one for one in shown if one not in waiting])
        events = [_event("settled", {"id": one, "answer": how}) for one, how in ended.items()]
        events += [_event("consent", one) for identity, one in waiting.items() if identity not in shown]
        shown = shown.union(waiting).difference(ended)
        if events or clock() - spoke_s >= state.keep_alive_s:
            await _send(send, b"".join(events) or _SIGN_OF_LIFE)
            spoke_s = clock()
        await state.questions.changed(changes, _TICK_S)
    await send({"type": "http.response.body", "body": b""})


def _ends(send: Send) -> bool:
    """Whether the server wants its connections back: uvicorn says so by keeping this one no longer than the answer."""
    return getattr(getattr(send, "__self__", None), "keep_alive", True) is False


async def _send(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


def _event(name: str, value: JsonObject) -> bytes:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
