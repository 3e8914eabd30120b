"""Answers of /v1/responses that a later request goes on from: kept after an answer, looked up before one.

A private request's answer is kept only where the caller says `store: true`, and whatever goes on from it is private.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from pointsman.core.decision import Caller, PrivacyClass
from pointsman.core.errors import UnknownPrevious
from pointsman.core.ports import StoredResponse
from pointsman.dialects.openai_responses.history import (
    FinalReply,
    continuing,
    exchange_items,
    expand,
    input_items,
    previous_response_id,
    wants_store,
)

if TYPE_CHECKING:
    from pointsman.core.chat import ChatRequest
    from pointsman.core.decision import Decision
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.ports import ResponseStore

_SOURCE = "previous_response_id"
_WHOLE = "Send the whole conversation instead."


@dataclass(slots=True, kw_only=True)
class Remembered:
    """One request's part in a conversation that is kept here. `body` stands for itself: what came before is in it.

    Answers get ids of our own, for those of endpoints may repeat themselves or be guessed.
    """

    body: JsonObject
    owner: str | None
    previous: StoredResponse | None
    store: ResponseStore | None  # None: the answer is not to be kept
    wants_private: bool  # kept even if it is private
    id: str = field(default_factory=lambda: f"resp_{secrets.token_hex(16)}")  # of an answer that is not relayed
    _final: FinalReply = field(default_factory=FinalReply)
    _is_kept: bool = False

    def request(self, decoded: ChatRequest) -> ChatRequest:
        """*decoded* from `body`, with the previous answer's id as the caller gave it."""
        return decoded if self.previous is None else continuing(decoded, self.previous.id)

    def caller(self, caller: Caller) -> Caller:
        """*caller*, private if the conversation was."""
        if self.previous is None or not self.previous.is_private:
            return caller
        return replace(caller, privacy=PrivacyClass.PRIVATE, privacy_source=_SOURCE)

    async def heard(self, piece: bytes, decision: Decision) -> None:
        """Keep the answer once a piece of its stream has completed it: before the caller can go on from it."""
        if self.store is None or self._is_kept:
            return
        self._final.feed(piece)
        if self._final.reply is not None:
            await self._keep(self._final.reply, decision)

    async def whole(self, body: bytes, decision: Decision) -> None:
        """Keep a whole answer."""
        if self.store is not None:
            await self._keep(json.loads(body), decision)

    async def _keep(self, reply: JsonObject, decision: Decision) -> None:
        self._is_kept = True
        identity = reply.get("id")
        if self.store is None or not isinstance(identity, str) or not identity:
            return
        if decision.privacy.is_private and not self.wants_private:
            return
        kept = StoredResponse(
            id=identity,
            owner=self.owner,
            input=input_items(self.body),
            reply=reply,
            is_private=decision.privacy.is_private,
        )
        await self.store.put(kept)


async def remember(store: ResponseStore | None, body: JsonObject, owner: str | None) -> Remembered:
    """The part that *body* has in a conversation; UnknownPrevious when it goes on from an answer that is not here."""
    wanted = previous_response_id(body)
    previous = await _look_up(store, wanted, owner) if wanted is not None else None
    if previous is not None:
        body = expand(body, exchange_items(_as_body(previous), previous.reply))
    return Remembered(
        body=body,
        owner=owner,
        previous=previous,
        store=store if wants_store(body) else None,
        wants_private=body.get("store") is True,
    )


async def _look_up(store: ResponseStore | None, wanted: str, owner: str | None) -> StoredResponse:
    if store is None:
        message = f"Answers are not kept here, so there is no {wanted[:80]!r} to go on from."
        raise UnknownPrevious(message, hint=_WHOLE, param=_SOURCE)
    found = await store.get(wanted, owner)
    if found is None:
        message = f"Previous response with id {wanted[:80]!r} not found."
        raise UnknownPrevious(message, hint=_WHOLE, param=_SOURCE)
    return found


def _as_body(stored: StoredResponse) -> JsonObject:
    return cast("JsonObject", {"input": list(stored.input)})
