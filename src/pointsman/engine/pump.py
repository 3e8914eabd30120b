"""An endpoint's stream on its way to the caller: pieces out, and what was seen of content, usage, failure and end.

The same dialect's frames are relayed as they are, another's are decoded to events and said anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pointsman.core.chat import ChatReply, Usage
from pointsman.core.stream import (
    Ended,
    ReasoningDelta,
    RefusalDelta,
    Started,
    Stopped,
    StreamEvent,
    StreamFailed,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.dialects.base import RelayScanner, StreamDecoder

Piece = TypeVar("Piece")
Piece_co = TypeVar("Piece_co", covariant=True)
Check = Callable[[Usage | None], StreamFailed | None]
"""What is wrong with an answer of this usage that ends as if all were well; None when nothing is."""


class Pump(Protocol[Piece_co]):
    """Turns an endpoint's stream into pieces for the caller, and notes what has been seen in it."""

    @property
    def is_committed(self) -> bool:
        """Whether a first content was seen: from now on nothing may be retried."""

    @property
    def usage(self) -> Usage | None:
        """What the endpoint counted."""

    @property
    def failure(self) -> StreamFailed | None:
        """An error inside the stream."""

    @property
    def is_cut(self) -> bool:
        """Whether none of the pieces tells the caller of the failure."""

    @property
    def has_ended(self) -> bool:
        """Whether the dialect's proper end was seen."""

    @property
    def output_chars(self) -> int:
        """Characters of content so far."""

    def feed(self, data: bytes) -> Sequence[Piece_co]:
        """Pieces completed by *data*."""

    def close(self) -> Sequence[Piece_co]:
        """Pieces left at the end of input."""

    def fail(self, failed: StreamFailed) -> Sequence[Piece_co] | None:
        """Pieces that tell of *failed*, which is not in the stream itself; None: whoever says it begins anew."""


@dataclass(slots=True)
class RelayPump:
    """The caller's own dialect: whole frames go through untouched, but for an end that `check` does not let pass."""

    scanner: RelayScanner
    check: Check | None = None
    unsound: StreamFailed | None = None

    @property
    def is_committed(self) -> bool:
        """See Pump."""
        return self.scanner.has_content

    @property
    def usage(self) -> Usage | None:
        """See Pump."""
        return self.scanner.usage

    @property
    def failure(self) -> StreamFailed | None:
        """See Pump."""
        return self.unsound or self.scanner.failure

    @property
    def is_cut(self) -> bool:
        """See Pump."""
        return self.unsound is not None or self.scanner.is_cut

    @property
    def has_ended(self) -> bool:
        """See Pump."""
        return self.scanner.ended and self.unsound is None

    @property
    def output_chars(self) -> int:
        """See Pump."""
        return self.scanner.output_chars

    def feed(self, data: bytes) -> Sequence[bytes]:
        """See Pump."""
        piece = self._judged(self.scanner.feed(data))
        return (piece,) if piece else ()

    def close(self) -> Sequence[bytes]:
        """See Pump."""
        piece = self._judged(self.scanner.close())
        return (piece,) if piece else ()

    def fail(self, failed: StreamFailed) -> None:
        """See Pump."""
        return

    def _judged(self, piece: bytes) -> bytes:
        """*piece* without its last line, if that is the end of what is no answer (Ollama's: an end is a line)."""
        if self.check is None or not self.scanner.ended:
            return piece
        self.unsound, self.check = self.check(self.scanner.usage), None
        return piece if self.unsound is None else piece[: piece.rstrip().rfind(b"\n") + 1]


@value_type
class Birth:
    """The id and the time of an answer whose endpoint gives none (Gemini, Anthropic, Ollama): other APIs have both."""

    id: str
    now: Callable[[], float]  # seconds since the epoch

    def of_reply(self, reply: ChatReply) -> ChatReply:
        """*reply* with both."""
        if reply.id and reply.created_s:
            return reply
        return replace(reply, id=reply.id or self.id, created_s=reply.created_s or int(self.now()))

    def of_stream(self, started: Started) -> Started:
        """*started* with both."""
        if started.id and started.created_s:
            return started
        return replace(started, id=started.id or self.id, created_s=started.created_s or int(self.now()))


@dataclass(slots=True)
class TranslatePump(Generic[Piece]):
    """Another dialect: decoded to events, each event said in the caller's way."""

    decoder: StreamDecoder
    say: Callable[[StreamEvent], Sequence[Piece]]
    birth: Birth
    check: Check | None = None
    is_committed: bool = False
    usage: Usage | None = None
    failure: StreamFailed | None = None
    is_cut: bool = False
    has_ended: bool = False
    output_chars: int = 0

    def feed(self, data: bytes) -> Sequence[Piece]:
        """See Pump."""
        return self._say_all(self.decoder.feed(data))

    def close(self) -> Sequence[Piece]:
        """See Pump."""
        return self._say_all(self.decoder.close())

    def fail(self, failed: StreamFailed) -> Sequence[Piece]:
        """See Pump."""
        return self.say(failed)

    def _say_all(self, events: Sequence[StreamEvent]) -> Sequence[Piece]:
        pieces: list[Piece] = []
        for event in self._judged(events):
            self._note(event)
            pieces.extend(self.say(self.birth.of_stream(event) if isinstance(event, Started) else event))
        return pieces

    def _judged(self, events: Sequence[StreamEvent]) -> Sequence[StreamEvent]:
        """*events* with a failure in place of the end of an answer that is none."""
        if self.check is None or not any(type(event) is Ended for event in events):
            return events
        usage = next((event.usage for event in reversed(events) if isinstance(event, UsageReported)), self.usage)
        unsound = self.check(usage)
        if unsound is None:
            return events
        return (*(event for event in events if not isinstance(event, Stopped | UsageReported | Ended)), unsound)

    def _note(self, event: StreamEvent) -> None:
        match event:
            case TextDelta() | ReasoningDelta() | RefusalDelta():
                self.output_chars += len(event.text)
                self.is_committed = True
            case ToolCallDelta():
                self.output_chars += len(event.arguments)
                self.is_committed = True
            case Stopped():
                self.is_committed = True
            case UsageReported():
                self.usage = event.usage
            case StreamFailed():
                self.failure = event
            case Ended():
                self.has_ended = True
            case _:
                pass
