"""Output items read as neutral events, whichever way an endpoint gives them: in deltas, or whole at the end.

A whole answer is read as the stream it might have been, so that both amount to the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.stream import LogprobsDelta, ReasoningDelta, RefusalDelta, StreamEvent, TextDelta, ToolCallDelta
from pointsman.dialects import signatures
from pointsman.dialects.openai_responses.content import NAME, own
from pointsman.dialects.openai_responses.tools import CUSTOM_CALL, FUNCTION_CALL, INPUT_BEGIN, INPUT_END, escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.jsontypes import Json, JsonObject

BREAK = "\n\n"  # between two messages, and between two parts of one thought


@dataclass(slots=True)
class _Item:
    """An item while it comes. `said` are the pieces (kind and position) that came in deltas."""

    kind: str = ""
    call: int | None = None
    said: set[tuple[str, int]] = field(default_factory=set)
    is_done: bool = False


@dataclass(slots=True)
class OutputReader:
    """Items by their place in the output. `calls` counts the tool calls."""

    calls: int = 0
    _items: dict[int, _Item] = field(default_factory=dict)
    _speaker: int | None = None  # the item that last said text

    @property
    def is_silent(self) -> bool:
        """Whether nothing was said yet, and nothing called."""
        return not self.calls and not any(item.said for item in self._items.values())

    def begin(self, place: int, value: JsonObject) -> Iterator[StreamEvent]:
        """An item appears; a call names itself."""
        item = self._items.setdefault(place, _Item())
        kind = value.get("type")
        item.kind = kind if isinstance(kind, str) else item.kind
        if item.kind in {FUNCTION_CALL, CUSTOM_CALL} and item.call is None:
            item.call = self.calls
            self.calls += 1
            yield ToolCallDelta(
                index=item.call,
                id=_text(value.get("call_id")) or _text(value.get("id")),
                name=_text(value.get("name")),
                arguments=INPUT_BEGIN if item.kind == CUSTOM_CALL else "",
                extras=own(_extras_of_call(item.kind, value)),
            )

    def say(self, place: int, kind: str, position: int, text: Json) -> Iterator[StreamEvent]:
        """More of a piece of an item: its "text", "refusal", "summary", "thought", "arguments" or "input"."""
        if not isinstance(text, str) or not text:
            return
        item = self._items.setdefault(place, _Item())
        is_new = (kind, position) not in item.said
        break_ = BREAK if is_new and self._breaks_before(place, kind) else ""
        item.said.add((kind, position))
        match kind:
            case "text":
                self._speaker = place
                yield TextDelta(text=break_ + text)
            case "refusal":
                yield RefusalDelta(text=text)
            case "summary" | "thought":
                yield ReasoningDelta(text=break_ + text)
            case _ if item.call is not None:
                yield ToolCallDelta(index=item.call, arguments=escaped(text) if kind == "input" else text)

    def _breaks_before(self, place: int, kind: str) -> bool:
        """Whether a new piece is set off from what came before."""
        if kind == "text":
            return self._speaker is not None and self._speaker != place
        return any(said in {"summary", "thought"} for said, _ in self._items[place].said)

    def finish(self, place: int, value: JsonObject) -> Iterator[StreamEvent]:
        """An item is whole: what did not come in deltas comes now."""
        yield from self.begin(place, value)
        item = self._items[place]
        if item.is_done:
            return
        item.is_done = True
        match item.kind:
            case "message":
                yield from self._finish_message(place, item, value)
            case "reasoning":
                yield from self._finish_thought(place, item, value)
            case "function_call":
                yield from self._say_missing(place, item, "arguments", 0, value.get("arguments"))
            case "custom_tool_call":
                yield from self._say_missing(place, item, "input", 0, value.get("input"))
                if item.call is not None:
                    yield ToolCallDelta(index=item.call, arguments=INPUT_END)

    def _say_missing(self, place: int, item: _Item, kind: str, position: int, text: Json) -> Iterator[StreamEvent]:
        if (kind, position) not in item.said:
            yield from self.say(place, kind, position, text)

    def _finish_message(self, place: int, item: _Item, value: JsonObject) -> Iterator[StreamEvent]:
        for position, part in _objects(value.get("content")):
            if part.get("type") == "refusal":
                yield from self._say_missing(place, item, "refusal", position, part.get("refusal"))
            elif ("text", position) not in item.said:
                yield from self.say(place, "text", position, part.get("text"))
                yield from logprobs_of(part)

    def _finish_thought(self, place: int, item: _Item, value: JsonObject) -> Iterator[StreamEvent]:
        for position, part in _objects(value.get("summary")):
            yield from self._say_missing(place, item, "summary", position, part.get("text"))
        for position, part in _objects(value.get("content")):
            yield from self._say_missing(place, item, "thought", position, part.get("text"))
        signature, origin = signatures.inward(_text(value.get("encrypted_content")), NAME)
        if signature is not None:
            yield ReasoningDelta(text="", signature=signature, origin=origin)


def logprobs_of(value: JsonObject) -> Iterator[StreamEvent]:
    """The log-probabilities beside a piece of text."""
    found = value.get("logprobs")
    if isinstance(found, list) and found:
        yield LogprobsDelta(logprobs={"content": found})


def _extras_of_call(kind: str, value: JsonObject) -> JsonObject:
    named: JsonObject = {} if value.get("namespace") is None else {"namespace": value["namespace"]}
    return {"type": CUSTOM_CALL, **named} if kind == CUSTOM_CALL else named


def _objects(value: Json) -> Iterator[tuple[int, JsonObject]]:
    for position, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield position, item


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
