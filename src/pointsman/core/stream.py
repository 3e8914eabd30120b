"""A streamed answer as events, and `fold`, which turns the events into the reply they amount to.

Order: Started, then deltas of any choice, a Stopped for each choice, at most one UsageReported, Ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.chat import (
    NO_EXTRAS,
    ChatReply,
    Choice,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    StopReason,
    Text,
    ToolCall,
    Usage,
)
from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pointsman.core.jsontypes import Json, JsonObject


@value_type
class Started:
    """The endpoint began to answer."""

    id: str
    model: str
    created_s: int
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@value_type
class TextDelta:
    """More text of a choice."""

    text: str
    choice: int = 0


@value_type
class ReasoningDelta:
    """More thinking of a choice; a `signature` (of an endpoint of the dialect `origin`) closes the block."""

    text: str
    choice: int = 0
    signature: str | None = None
    origin: str | None = None


@value_type
class RefusalDelta:
    """More of a refusal."""

    text: str
    choice: int = 0


@value_type
class ToolCallDelta:
    """A piece of tool call number `index`; the first piece carries `id` and `name`."""

    index: int
    choice: int = 0
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@value_type
class LogprobsDelta:
    """Log-probabilities of the tokens just sent, in the endpoint's own JSON: `{"content": [...], "refusal": [...]}`."""

    logprobs: JsonObject
    choice: int = 0


@value_type
class Stopped:
    """A choice is complete. `extras` say more about why, in the endpoint's dialect."""

    reason: StopReason | None
    choice: int = 0
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@value_type
class UsageReported:
    """The endpoint counted its tokens."""

    usage: Usage


@value_type
class StreamFailed:
    """The endpoint reported an error inside the stream."""

    message: str
    status: int | None = None
    code: str | None = None
    retry_after_s: float | None = None
    is_amid: bool = False  # the caller has the stream's beginning already, from somebody else than who says this


@value_type
class Ended:
    """The endpoint closed the stream properly; a stream without it was cut."""


StreamEvent = (
    Started
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ToolCallDelta
    | LogprobsDelta
    | Stopped
    | UsageReported
    | StreamFailed
    | Ended
)
Content = TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@dataclass(slots=True)
class _Thought:
    text: list[str] = field(default_factory=list)
    signature: str | None = None
    origin: str | None = None


@dataclass(slots=True)
class _Building:
    """One choice while its deltas arrive: text runs are merged, thinking up to each signature, calls kept by index."""

    thoughts: list[_Thought] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)
    logprobs: dict[str, list[Json]] | None = None
    reason: StopReason | None = None
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)

    def parts(self) -> tuple[Part, ...]:
        """Reasoning first, then text, refusal and tool calls: the canonical order of a reply."""
        found: list[Part] = [
            Reasoning(text="".join(thought.text), signature=thought.signature, origin=thought.origin)
            for thought in self.thoughts
        ]
        if self.text:
            found.append(Text(text="".join(self.text)))
        if self.refusal:
            found.append(Refusal(text="".join(self.refusal)))
        found.extend(
            ToolCall(id=call.id, name=call.name, arguments="".join(call.arguments), extras=call.extras)
            for _, call in sorted(self.calls.items())
        )
        return tuple(found)

    def add_thought(self, event: ReasoningDelta) -> None:
        """Go on with the last block of thinking, or begin one."""
        if not self.thoughts or self.thoughts[-1].signature is not None:
            self.thoughts.append(_Thought())
        thought = self.thoughts[-1]
        thought.text.append(event.text)
        thought.signature = event.signature
        thought.origin = event.origin or thought.origin

    def add_call(self, event: ToolCallDelta) -> None:
        """Merge a piece of a tool call."""
        call = self.calls.setdefault(event.index, _Call())
        call.id = event.id or call.id
        call.name = event.name or call.name
        call.arguments.append(event.arguments)
        call.extras = event.extras or call.extras

    def add_logprobs(self, event: LogprobsDelta) -> None:
        """Append lists key by key."""
        merged = self.logprobs if self.logprobs is not None else {}
        for key, value in event.logprobs.items():
            if isinstance(value, list):
                merged.setdefault(key, []).extend(value)
        self.logprobs = merged


def fold(events: Iterable[StreamEvent]) -> ChatReply:
    """The reply that *events* amount to; what never came (a Started, a usage) stays empty."""
    started = Started(id="", model="", created_s=0)
    usage: Usage | None = None
    choices: dict[int, _Building] = {}
    for event in events:
        match event:
            case Started():
                started = event
            case UsageReported():
                usage = event.usage
            case StreamFailed() | Ended():
                pass
            case _:
                _add(choices.setdefault(event.choice, _Building()), event)
    return ChatReply(
        id=started.id,
        model=started.model,
        created_s=started.created_s,
        choices=tuple(
            Choice(
                index=index,
                message=Message(role=Role.ASSISTANT, parts=building.parts()),
                stop_reason=building.reason,
                logprobs=building.logprobs,
                extras=building.extras,
            )
            for index, building in sorted(choices.items())
        ),
        usage=usage,
        extras=started.extras,
    )


def _add(
    building: _Building, event: TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta | LogprobsDelta | Stopped
) -> None:
    match event:
        case TextDelta():
            building.text.append(event.text)
        case ReasoningDelta():
            building.add_thought(event)
        case RefusalDelta():
            building.refusal.append(event.text)
        case ToolCallDelta():
            building.add_call(event)
        case LogprobsDelta():
            building.add_logprobs(event)
        case _:
            building.reason = event.reason
            building.extras = event.extras
