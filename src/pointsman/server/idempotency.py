"""Requests with an Idempotency-Key: asked once, answered to everybody who repeats them.

| the same key, caller and path, and  | the answer                                                                   |
| ----------------------------------- | ---------------------------------------------------------------------------- |
| the request is still being answered | the same, from its first byte: one request goes to a model                   |
| it was answered within the time     | the same bytes again                                                         |
| it failed, or its answer broke off  | a new one                                                                    |
| it was another body                 | 422                                                                          |
| the answer was too long to be kept  | 409 while it lasts, then a new one                                           |

The work is nobody's connection's: when all who wanted the answer have left it goes on for GRACE_S, since a caller whose
connection broke asks again, and is then cancelled. A gateway of one process keeps answers in its memory, and nowhere
else; several share them (see elsewhere.py).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.errors import InvalidRequest
from pointsman.server.disconnect import DisconnectWatch
from pointsman.server.elsewhere import RETRY_AFTER_S, Elsewhere, StillAnswering, reused
from pointsman.server.http import CallerGone, read_body
from pointsman.server.recording import Listener, Recording
from pointsman.server.slow import SlowReader

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pointsman.server.http import Header, Message, Receive, Scope, Send
    from pointsman.server.state import State

    Work = Callable[[Receive, Send], Awaitable[None]]

HEADER = b"idempotency-key"
REPLAYED: Header = (b"idempotency-replayed", b"true")
MAX_KEY_CHARS = 255
MAX_ANSWERS = 10_000
MAX_BYTES = 64 * 1024 * 1024  # of all answers that are over
GRACE_S = 5.0

Identity = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class _Entry:
    """One request under its key, and its answer."""

    digest: bytes
    recording: Recording
    elsewhere: Elsewhere | None  # the other processes, where there are some
    has_left: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    expires_s: float = float("inf")


@dataclass(slots=True, kw_only=True)
class Repeats:
    """The answers by key, of all callers of this process. Owns the tasks that make them. `clock` is monotonic."""

    clock: Callable[[], float] = time.monotonic
    max_bytes: int = MAX_BYTES
    grace_s: float = GRACE_S
    _entries: OrderedDict[Identity, _Entry] = field(default_factory=OrderedDict)
    _leaving: dict[Identity, _Entry] = field(default_factory=dict)  # being cancelled
    _kept_bytes: int = 0

    async def answer(
        self, state: State, scope: Scope, receive: Receive, send: Send, caller: str | None, work: Work
    ) -> None:
        """Answer by *work* or by what it answered before; *caller* is the id of who asks. A PointsmanError if not."""
        identity = (caller or "", _path(scope), _key(scope))
        body = await read_body(scope, receive, state.max_body_bytes)
        entry, how = self._entry(identity, hashlib.sha256(body).digest()), b"joined"
        if entry is None:
            how = b""
            entry = self._begin(identity, body, work, state)
        elif entry.recording.is_over:
            how = b"replayed"
        listener = Listener()
        entry.recording.listeners.add(listener)
        try:
            async with DisconnectWatch(receive):
                await self._follow(state, entry, listener, send, how)
        finally:
            entry.recording.leave(listener)
            self._care(identity, entry)

    async def aclose(self) -> None:
        """End what is still being answered."""
        entries = (*self._entries.values(), *self._leaving.values())
        tasks = [entry.task for entry in entries if entry.task is not None and not entry.task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _entry(self, identity: Identity, digest: bytes) -> _Entry | None:
        """What is known of *identity*."""
        self._forget_old()
        entry = self._entries.get(identity)
        if entry is None:
            return None
        if entry.digest != digest:
            raise reused()
        if entry.recording.is_cut:
            message = "The request of this Idempotency-Key is being answered, at a length that cannot be repeated."
            raise StillAnswering(message, hint="Wait for that answer, or take a new key.", retry_after_s=RETRY_AFTER_S)
        return entry

    def _begin(self, identity: Identity, body: bytes, work: Work, state: State) -> _Entry:
        digest, recording = hashlib.sha256(body).digest(), Recording()
        elsewhere = None
        if state.replies is not None:
            elsewhere = Elsewhere(store=state.replies, identity=identity, digest=digest, recording=recording)
        entry = self._entries[identity] = _Entry(digest, recording, elsewhere)
        running = self._run(identity, entry, body, work, state.idempotency_ttl_s)
        entry.task = asyncio.get_running_loop().create_task(running)  # kept in the entry; see aclose
        return entry

    async def _run(self, identity: Identity, entry: _Entry, body: bytes, work: Work, ttl_s: float) -> None:
        """Do the work for whoever listens, and keep the answer if it is a good one."""
        pending = [{"type": "http.request", "body": body}]

        async def receive() -> Message:
            if pending:
                return pending.pop()
            await entry.has_left.wait()
            if entry.elsewhere is not None:
                await entry.elsewhere.is_left()
            return {"type": "http.disconnect"}

        try:
            if entry.elsewhere is None or await entry.elsewhere.is_ours(entry.has_left):
                await work(receive, entry.recording.send)
            if entry.elsewhere is not None:
                await entry.elsewhere.keep(ttl_s)
            entry.recording.end()
        except BaseException as error:
            entry.recording.end(CallerGone() if isinstance(error, asyncio.CancelledError) else error)
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self._settle(identity, entry, ttl_s)
            if entry.elsewhere is not None:
                await entry.elsewhere.let_go()

    def _settle(self, identity: Identity, entry: _Entry, ttl_s: float) -> None:
        if self._leaving.get(identity) is entry:
            del self._leaving[identity]
            return
        is_shared = entry.elsewhere is not None and entry.elsewhere.is_kept
        if not entry.recording.is_good or not ttl_s or is_shared:
            del self._entries[identity]
            return
        entry.expires_s = self.clock() + ttl_s
        self._entries.move_to_end(identity)
        self._kept_bytes += entry.recording.size
        self._forget_old()

    def _forget_old(self) -> None:
        """Let go of what is past its time or over the bounds, the oldest first. Those under way stay."""
        now_s = self.clock()
        for identity, entry in list(self._entries.items()) if self._is_over_bounds() else self._first_few():
            if not entry.recording.is_over:
                continue
            if entry.expires_s > now_s and not self._is_over_bounds():
                break
            del self._entries[identity]
            self._kept_bytes -= entry.recording.size

    def _first_few(self) -> list[tuple[Identity, _Entry]]:
        return [entry for entry, _ in zip(self._entries.items(), range(4), strict=False)]

    def _is_over_bounds(self) -> bool:
        return self._kept_bytes > self.max_bytes or len(self._entries) > MAX_ANSWERS

    async def _follow(self, state: State, entry: _Entry, listener: Listener, send: Send, how: bytes) -> None:
        """Send the answer on. When the gateway ends, its end is heard too."""
        async with SlowReader(send, state.write_timeout_s) as watch:
            try:
                await _hear(entry, listener, watch, how)
            except asyncio.CancelledError:
                if state.drain.breaks_off() is None:
                    raise
                if entry.task is not None:
                    entry.task.cancel()
                await _hear(entry, listener, watch, how)

    def _care(self, identity: Identity, entry: _Entry) -> None:
        """When nobody listens any more: end the work, unless somebody comes in time."""
        if not entry.recording.listeners and not entry.recording.is_over:
            asyncio.get_running_loop().call_later(self.grace_s, self._end_unheard, identity, entry)

    def _end_unheard(self, identity: Identity, entry: _Entry) -> None:
        if not entry.recording.listeners and not entry.recording.is_over and not entry.has_left.is_set():
            entry.has_left.set()
            self._leaving[identity] = self._entries.pop(identity)


async def _hear(entry: _Entry, listener: Listener, watch: SlowReader, how: bytes) -> None:
    async for message in entry.recording.messages(listener):
        if entry.elsewhere is not None and entry.elsewhere.is_replayed:
            how = how or b"replayed"
        if how and message["type"] == "http.response.start":
            told = (REPLAYED, (b"x-pointsman-idempotency", how))
            await watch.pass_on({**message, "headers": [*message["headers"], *told]})
        else:
            await watch.pass_on(message)


def _key(scope: Scope) -> str:
    """The request's key; InvalidRequest when it is none."""
    found = [bytes(value).decode("latin-1").strip() for name, value in scope["headers"] if name == HEADER]
    key = found[0] if len(found) == 1 else ""
    if not 0 < len(key) <= MAX_KEY_CHARS or not (key.isascii() and key.isprintable()):
        message = f"Idempotency-Key takes one key of 1 to {MAX_KEY_CHARS} visible characters."
        raise InvalidRequest(message, hint="A UUID for each request is good.")
    return key


def _path(scope: Scope) -> str:
    query = scope.get("query_string", b"")
    return f"{scope['path']}?{query.decode('latin-1')}" if query else str(scope["path"])
