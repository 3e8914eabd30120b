"""Asking a local model about a request, through the gate: the judge's way to its endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from pointsman.core.catalog import Operation
from pointsman.core.decision import Decision, Privacy, PrivacyClass
from pointsman.core.errors import AttemptFailed
from pointsman.engine.exchange import Birth, Translate
from pointsman.engine.inbound import LIBRARY
from pointsman.routing.judge.prompt import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import ChatReply, ChatRequest
    from pointsman.engine.attempt import ModelCaller

REFUSES_SHAPE: Final = frozenset((400, 422, 501))
"""What servers say to an answer's shape, or to likelihoods, that they do not know."""

FAILS_AT_SHAPE: Final = 500
"""What llama.cpp says, some of the time, where an answer has left its shape."""


@dataclass(slots=True)
class LocalModel:
    """One local card that is asked. Whatever the request is, its text goes as private text does: to no cloud."""

    caller: ModelCaller
    card: ModelCard
    now: Callable[[], float]  # seconds since the epoch
    _is_plain: bool = field(default=False, init=False)  # it has refused an answer's shape

    async def ask(self, request: ChatRequest, /, *, deadline_s: float) -> ChatReply:
        """See routing.judge.asking.JsonModel."""
        if not self._is_plain:
            try:
                return await self._asked(request, deadline_s)
            except AttemptFailed as error:
                status = error.failure.status
                if status != FAILS_AT_SHAPE and status not in REFUSES_SHAPE:
                    raise
                refuses = status in REFUSES_SHAPE
            reply = await self._asked(plain(request), deadline_s)
            self._is_plain = refuses
            return reply
        return await self._asked(plain(request), deadline_s)

    async def _asked(self, request: ChatRequest, deadline_s: float) -> ChatReply:
        exchange: Translate[bytes] = Translate(
            request=request,
            surface=LIBRARY,
            upstream=self.caller.upstreams[self.card.endpoint.dialect],
            outward=None,
            say=lambda: lambda _event: (),
            birth=Birth(id="judge", now=self.now),
        )
        whole = await self.caller.whole(self.card, _asking(self.card), exchange, deadline_s)
        return cast("ChatReply", whole.reply)  # as a chat was asked for


def _asking(card: ModelCard) -> Decision:
    """In place of the decision that is yet to be made: private, so that the gate lets it to local servers only."""
    return Decision(
        id="local-judge",
        asked=None,
        operation=Operation.CHAT,
        candidates=(card.id,),
        model=card.name,
        tier=None,
        strategy="local-judge",
        reason="asked how hard a request is",
        score=None,
        confidence=None,
        privacy=Privacy(privacy_class=PrivacyClass.PRIVATE),
        struck=(),
        trail=(),
        elapsed_us=0.0,
    )
