"""Where sessions are remembered, and by what: a keyed hash of whose they are and of their name, or how they begin.

Nothing of a conversation's text is kept, and nobody's session is found with another's key: the key is in the hash.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import ChatRequest, Role, Text
from pointsman.core.events import Finished
from pointsman.core.session import Pin, digest
from pointsman.routing.features import without_injected_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.chat import EmbeddingRequest
    from pointsman.core.decision import Caller, Decision, Pick, PromptFeatures
    from pointsman.core.events import Event
    from pointsman.core.ports import PinStore, SessionBoard
    from pointsman.core.session import Note

_MOST_UNDER_WAY: Final = 4096
_BEGINNING_CHARS: Final = 2048  # of a message
_TOLD: Final = frozenset((Role.SYSTEM, Role.DEVELOPER))
_FRAMED: Final = "### Task:"  # Open WebUI's frame around documents


@dataclass(slots=True, kw_only=True)
class PinsHere:
    """The last `most` sessions of this process, each for `idle_s` after its latest request."""

    clock: Callable[[], float]
    most: int = 10_000
    idle_s: float = 3600.0
    _pins: OrderedDict[bytes, Pin] = field(default_factory=OrderedDict, init=False, repr=False)

    def get(self, key: bytes, /) -> Pin | None:
        """See core.ports.PinStore."""
        pin = self._pins.get(key)
        if pin is None or pin.at_s + self.idle_s > self.clock():
            return pin
        del self._pins[key]
        return None

    def put(self, key: bytes, pin: Pin, /) -> None:
        """See core.ports.PinStore."""
        self._pins[key] = pin
        self._pins.move_to_end(key)
        if len(self._pins) > self.most:
            self._pins.popitem(last=False)


@dataclass(slots=True, kw_only=True)
class Sessions:
    """Remembers where each session stands. `secret` is the hash's key, `clock` monotonic seconds.

    `outside` are the strategies before a session's own in the chain: what they pick does not concern it. It listens to
    events as well, as another model than the chosen one may have answered.
    """

    secret: bytes = field(repr=False)
    clock: Callable[[], float]
    store: PinStore
    by_beginning: bool = True  # conversations without an id are known by how they begin
    outside: frozenset[str] = frozenset()
    idle_s: float = 3600.0  # how long others are to remember what they are told
    tell: Callable[[Note], None] | None = None  # None: nobody else is to know
    tells_first: bool = True  # also of the first request of a conversation without an id, as most have no second
    _under_way: OrderedDict[str, tuple[bytes, str]] = field(default_factory=OrderedDict, init=False, repr=False)

    def join(self, board: SessionBoard) -> None:
        """Go by the board's hashes, and tell it what is remembered here from now on."""
        self.secret, self.tell = board.secret, board.tell

    def learn(self, key: bytes, pin: Pin) -> None:
        """Another process's session stands at *pin*, if nothing later is known here."""
        known = self.store.get(key)
        if known is None or known.at_s < pin.at_s:
            self.store.put(key, pin)

    def key_of(self, request: ChatRequest | EmbeddingRequest, caller: Caller) -> bytes | None:
        """What the session of *request* is remembered by; None where it has no name and no beginning."""
        if caller.session is not None:
            name = f"\0id\0{caller.session}"
        elif self.by_beginning and isinstance(request, ChatRequest) and (began := _beginning(request)) is not None:
            name = began
        else:
            return None
        return digest(self.secret, f"{caller.key_id}\0{caller.agent}\0{name}")

    def find(self, key: bytes, caller: Caller, features: PromptFeatures) -> Pin | None:
        """Where the session stands; None for a new one, as is each that nobody named and that has had no answer yet."""
        if caller.session is None and features.turns < 2 and not features.in_tool_loop:
            return None
        return self.store.get(key)

    def keep(
        self,
        key: bytes,
        before: Pin | None,
        pick: Pick,
        decision: Decision,
        tokens: int,
        *,
        is_named: bool = False,
    ) -> None:
        """The session's request has got *decision*, for *pick*; *is_named* where it came with an id."""
        if pick.tier is None or decision.strategy in self.outside:
            return
        chosen = decision.candidates[0]
        easier, hardest = pick.easier if before is not None else (0, None)
        pin = Pin(
            tier=pick.tier,
            router=pick.router,
            card=chosen,
            tokens=tokens,
            at_s=self.clock(),
            easier=easier,
            hardest=hardest,
        )
        self.store.put(key, pin)
        if self.tell is not None and (self.tells_first or is_named or before is not None):
            self.tell((key, pin, self.idle_s))
        self._under_way[decision.id] = (key, chosen)
        if len(self._under_way) > _MOST_UNDER_WAY:
            self._under_way.popitem(last=False)

    def __call__(self, event: Event, /) -> None:
        """The card that answered in the chosen one's place is the one that has the conversation now."""
        if type(event) is not Finished:
            return
        found = self._under_way.pop(event.decision_id, None)
        if found is None or event.served is None or event.served == found[1]:
            return
        pin = self.store.get(found[0])
        if pin is not None and pin.card == found[1]:
            pin = _answered_by(pin, event.served)
            self.store.put(found[0], pin)
            if self.tell is not None:
                self.tell((found[0], pin, self.idle_s))


def _answered_by(pin: Pin, card: str) -> Pin:
    return Pin(
        tier=pin.tier,
        router=pin.router,
        card=card,
        tokens=pin.tokens,
        at_s=pin.at_s,
        easier=pin.easier,
        hardest=pin.hardest,
    )


def _beginning(request: ChatRequest) -> str | None:
    """The system prompt and the first thing a person said, as far as they tell conversations apart."""
    told = ""
    for message in request.messages:
        parts, role = message.parts, message.role
        text = parts[0].text if len(parts) == 1 and type(parts[0]) is Text else message.text
        if role is Role.USER:
            if text.startswith(_FRAMED):  # around the newest turn only, so it is gone by the next
                text = without_injected_blocks(text)
            return f"{told}\0{len(text)}\0{text[:_BEGINNING_CHARS]}" if text else None
        if role in _TOLD:
            told = f"{told}\0{text[:_BEGINNING_CHARS]}"
    return None
