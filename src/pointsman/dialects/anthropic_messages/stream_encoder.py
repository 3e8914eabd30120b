"""A Messages stream written: neutral events in, server-sent bytes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from pointsman.core.stream import (
    Ended,
    LogprobsDelta,
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
from pointsman.dialects.anthropic_messages.blocks import Blocks, frame
from pointsman.dialects.anthropic_messages.content import NAME
from pointsman.dialects.anthropic_messages.errors import error_body, type_of_status
from pointsman.dialects.anthropic_messages.reply import encode_stop, head
from pointsman.dialects.anthropic_messages.usage import encode_counts, encode_usage

if TYPE_CHECKING:
    from pointsman.core.chat import Usage

_STOP = frame("message_stop", {})


@dataclass(slots=True)
class MessagesStreamEncoder:
    """See base.StreamEncoder. Only the first choice is said; why it stopped and its usage come together at the end."""

    shows_thinking: bool
    _has_started: bool = False
    _blocks: Blocks = field(init=False)
    _stopped: Stopped = field(default_factory=lambda: Stopped(reason=None))
    _usage: Usage | None = None

    def __post_init__(self) -> None:
        self._blocks = Blocks(shows_thinking=self.shows_thinking)

    def encode(self, event: StreamEvent) -> bytes:
        """The bytes for *event*."""
        match event:
            case Started():
                return self._start(event)
            case TextDelta() | RefusalDelta() | ReasoningDelta() | ToolCallDelta() | LogprobsDelta() | Stopped():
                return self._opening() + self._say(event) if event.choice == 0 else b""
            case UsageReported():
                self._usage = event.usage
                return b""
            case StreamFailed():
                return frame("error", error_body(event.message, type_of_status(event.status or 500)))
            case Ended():
                return self._opening() + self._end()
            case _:
                assert_never(event)

    def _say(self, event: TextDelta | RefusalDelta | ReasoningDelta | ToolCallDelta | LogprobsDelta | Stopped) -> bytes:
        match event:
            case TextDelta() | RefusalDelta():
                return self._blocks.text(event.text)
            case ReasoningDelta():
                return self._blocks.thinking(event)
            case ToolCallDelta():
                return self._blocks.call(event)
            case Stopped():
                self._stopped = event
                return self._blocks.close()
            case LogprobsDelta():
                return b""
            case _:
                assert_never(event)

    def _opening(self) -> bytes:
        return b"" if self._has_started else self._start(Started(id="", model="", created_s=0))

    def _start(self, started: Started) -> bytes:
        self._has_started = True
        stop = {"stop_reason": None, "stop_sequence": None, "stop_details": None}
        more = started.extras.get(NAME, {})
        message = {**head(started.id, started.model), "content": [], **stop, "usage": encode_usage(None), **more}
        return frame("message_start", {"message": message})

    def _end(self) -> bytes:
        stop = encode_stop(self._stopped.reason, self._stopped.extras, has_calls=self._blocks.has_calls)
        counts = encode_counts(self._usage)
        delta = frame("message_delta", {"delta": {**stop, "container": None}, "usage": counts})
        return self._blocks.close() + delta + _STOP
