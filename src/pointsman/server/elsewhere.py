"""Requests with an Idempotency-Key in a gateway of several processes: answered by one, known to all.

| the request is, in another process | here                                                                       |
| ---------------------------------- | -------------------------------------------------------------------------- |
| answered                           | the same bytes again                                                       |
| being answered                     | waited for, WAIT_S at most; then 409 with Retry-After                      |
| being answered, by one that died   | answered                                                                   |
| another body under the same key    | 422                                                                        |

The answer is told as a whole, when it is over. Who waits for it here keeps it going there when its own callers left.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.errors import KeyReused, NoModelAvailable
from pointsman.core.replies import StoredReply
from pointsman.server.http import CallerGone

if TYPE_CHECKING:
    from pointsman.core.replies import ReplyStore
    from pointsman.server.recording import Recording

WAIT_S = 30.0
LOOK_S = 0.25
RETRY_AFTER_S = 5.0
_PARTS = ("caller", "path", "key")


class StillAnswering(NoModelAvailable):
    """The answer to this key's request is under way, and cannot be joined."""

    status = 409
    code = "idempotency_in_progress"
    exit_code = 1


@dataclass(slots=True, kw_only=True)
class Elsewhere:
    """One request's place among the processes: by its `identity`, the `digest` of its body and what is recorded."""

    store: ReplyStore
    identity: tuple[str, str, str]
    digest: bytes
    recording: Recording
    wait_s: float = WAIT_S
    is_replayed: bool = field(default=False, init=False)  # from another process, or an earlier time
    is_kept: bool = field(default=False, init=False)
    _is_claimed: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        """The identity as the store knows it."""
        return hashlib.sha256(json.dumps(dict(zip(_PARTS, self.identity, strict=True))).encode()).hexdigest()

    async def is_ours(self, has_left: asyncio.Event) -> bool:
        """Whether the answer is to be made here; else it is in the recording now.

        KeyReused; StillAnswering when it is not there in time; CallerGone when nobody waits any more.
        """
        looks = int(self.wait_s / LOOK_S)
        while (known := await self.store.claim(self.name, self.digest)) is not None:
            if known.digest != self.digest:
                raise reused()
            if known.reply is not None:
                await self._replay(known.reply)
                return False
            if has_left.is_set():
                raise CallerGone
            if not looks:
                message = "The request of this Idempotency-Key is still being answered."
                raise StillAnswering(message, hint="Ask again in a while.", retry_after_s=RETRY_AFTER_S)
            looks -= 1
            await asyncio.sleep(LOOK_S)
        self._is_claimed = True
        return True

    async def keep(self, ttl_s: float) -> None:
        """Share the answer that was made here, if it is a good one."""
        if self._is_claimed and self.recording.is_good and ttl_s:
            status, headers, body = self.recording.whole()
            self.is_kept = await self.store.keep(
                self.name, StoredReply(status=status, headers=headers, body=body), ttl_s
            )
            self._is_claimed = not self.is_kept

    async def let_go(self) -> None:
        """Others may answer, if it was to be here and was not."""
        if self._is_claimed:
            self._is_claimed = False
            await self.store.let_go(self.name)

    async def is_left(self) -> None:
        """Return once nobody in another process waits for the answer."""
        while True:
            if not await self.store.is_wanted(self.name):
                return
            await asyncio.sleep(LOOK_S)

    async def _replay(self, reply: StoredReply) -> None:
        self.is_replayed = self.is_kept = True
        start = {"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)}
        await self.recording.send(start)
        await self.recording.send({"type": "http.response.body", "body": reply.body})


def reused() -> KeyReused:
    """The error for a key that came with another request before."""
    message = "This Idempotency-Key was used for another request."
    return KeyReused(message, hint="Take a new key for each request, the same only to repeat it.")
