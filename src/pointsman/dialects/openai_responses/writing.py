"""Output items while they are written: each gives the events of its life, and its value at any time.

An event is its type and its fields; whoever sends a stream numbers them. A whole answer uses the same items, so that
both are alike. Ids are made of the answer's id and the item's place: the same whenever they are asked for.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pointsman.dialects import signatures
from pointsman.dialects.openai_responses.content import NAME
from pointsman.dialects.openai_responses.tools import CUSTOM_CALL, FUNCTION_CALL, ToolNames, unwrap_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.chat import ToolCall
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.core.stream import ToolCallDelta

    Event = tuple[str, JsonObject]

PREFIX: Final = "resp_"

_MAX_STEM_CHARS = 40  # of an item's id, whose whole may have 64
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_FOREIGN_PREFIX = re.compile(r"(chatcmpl-|msg_)?")


def response_id(identity: str) -> str:
    """The answer's id: another API's behind this one's prefix."""
    if identity.startswith(PREFIX):
        return identity
    return PREFIX + _ODD.sub("", _FOREIGN_PREFIX.sub("", identity, count=1))


def item_id(prefix: str, identity: str, place: int) -> str:
    """The id of the item at *place* in the answer *identity*."""
    stem = _ODD.sub("", response_id(identity).removeprefix(PREFIX))
    if len(stem) > _MAX_STEM_CHARS:
        stem = hashlib.sha256(stem.encode()).hexdigest()[:32]
    return f"{prefix}_{stem}_{place}"


@dataclass(slots=True)
class ReasoningItem:
    """Thinking, given as a summary: what callers show. Its signature is said at the end."""

    place: int
    id: str
    texts: list[str] = field(default_factory=list)
    signature: str | None = None
    origin: str | None = None
    is_closed: bool = False

    def begin(self) -> Sequence[Event]:
        """The item appears, empty."""
        return (("response.output_item.added", {"output_index": self.place, "item": self.value()}),)

    def add(self, text: str, signature: str | None = None, origin: str | None = None) -> Sequence[Event]:
        """More thinking, and perhaps whose it is."""
        self.signature, self.origin = signature, origin or self.origin
        if not text:
            return ()
        at = self._at()
        first: Event = ("response.reasoning_summary_part.added", {**at, "part": _summary("")})
        delta: Event = ("response.reasoning_summary_text.delta", {**at, "delta": text})
        is_first = not self.texts
        self.texts.append(text)
        return (first, delta) if is_first else (delta,)

    def close(self, *, is_cut: bool = False) -> Sequence[Event]:
        """The item is whole."""
        self.is_closed = True
        done: Event = ("response.output_item.done", {"output_index": self.place, "item": self.value()})
        if not self.texts:
            return (done,)
        text = "".join(self.texts)
        return (
            ("response.reasoning_summary_text.done", {**self._at(), "text": text}),
            ("response.reasoning_summary_part.done", {**self._at(), "part": _summary(text)}),
            done,
        )

    def value(self) -> JsonObject:
        """The item as it is now."""
        body: JsonObject = {"id": self.id, "type": "reasoning", "summary": []}
        if not self.is_closed:
            return body
        if self.texts:
            body["summary"] = [_summary("".join(self.texts))]
        return body | {"encrypted_content": signatures.outward(self.signature, self.origin, NAME)}

    def _at(self) -> JsonObject:
        return {"item_id": self.id, "output_index": self.place, "summary_index": 0}


def _summary(text: str) -> JsonObject:
    return {"type": "summary_text", "text": text}


@dataclass(slots=True)
class _Piece:
    """A part of a message: `kind` is "output_text" or "refusal"."""

    kind: str
    texts: list[str] = field(default_factory=list)
    logprobs: list[Json] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def value(self, *, is_whole: bool = True) -> JsonObject:
        text = self.text if is_whole else ""
        if self.kind == "refusal":
            return {"type": "refusal", "refusal": text}
        logprobs: list[Json] = [*self.logprobs] if is_whole else []
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


@dataclass(slots=True)
class MessageItem:
    """What is said: text, a refusal, or both."""

    place: int
    id: str
    pieces: list[_Piece] = field(default_factory=list)
    status: str = "in_progress"

    def begin(self) -> Sequence[Event]:
        """The item appears, empty."""
        return (("response.output_item.added", {"output_index": self.place, "item": self.value()}),)

    def add(self, kind: str, text: str) -> Sequence[Event]:
        """More of the part that goes on, or of a new one of another *kind*."""
        events: list[Event] = []
        if not self.pieces or self.pieces[-1].kind != kind:
            events += self._close_piece()
            piece = _Piece(kind)
            self.pieces.append(piece)
            events.append(("response.content_part.added", {**self._at(), "part": piece.value()}))
        self.pieces[-1].texts.append(text)
        return (*events, self._delta(text, []))

    def add_logprobs(self, logprobs: Sequence[Json]) -> Sequence[Event]:
        """Log-probabilities of text that was just sent, beside an empty delta; a refusal has no place for them."""
        if self.pieces[-1].kind == "refusal":
            return ()
        self.pieces[-1].logprobs += logprobs
        return (self._delta("", logprobs),)

    def keep_logprobs(self, logprobs: Sequence[Json]) -> None:
        """Log-probabilities of all the text, in a whole answer."""
        for piece in self.pieces:
            if piece.kind != "refusal":
                piece.logprobs += logprobs
                return

    def _delta(self, text: str, logprobs: Sequence[Json]) -> Event:
        if self.pieces[-1].kind == "refusal":
            return "response.refusal.delta", {**self._at(), "delta": text}
        return "response.output_text.delta", {**self._at(), "delta": text, "logprobs": list(logprobs)}

    def _close_piece(self) -> Sequence[Event]:
        if not self.pieces:
            return ()
        piece, at = self.pieces[-1], self._at()
        if piece.kind == "refusal":
            done: Event = ("response.refusal.done", {**at, "refusal": piece.text})
        else:
            done = ("response.output_text.done", {**at, "text": piece.text, "logprobs": [*piece.logprobs]})
        return (done, ("response.content_part.done", {**at, "part": piece.value()}))

    def close(self, *, is_cut: bool = False) -> Sequence[Event]:
        """The item is whole, or all that there will be of it."""
        self.status = "incomplete" if is_cut else "completed"
        done: Event = ("response.output_item.done", {"output_index": self.place, "item": self.value()})
        return (*self._close_piece(), done)

    def value(self) -> JsonObject:
        """The item as it is now."""
        content: list[Json] = [piece.value() for piece in self.pieces]
        return {"id": self.id, "type": "message", "status": self.status, "role": "assistant", "content": content}

    def _at(self) -> JsonObject:
        return {"item_id": self.id, "output_index": self.place, "content_index": len(self.pieces) - 1}


@dataclass(slots=True)
class CallItem:
    """A call of a function, or of a custom tool, whose input is known only once its arguments are whole."""

    place: int
    id: str
    call_id: str
    wire: JsonObject  # the tool's name, and its namespace where it has one
    is_custom: bool
    pieces: list[str] = field(default_factory=list)
    status: str = "in_progress"

    @classmethod
    def of(cls, place: int, identity: str, call: ToolCall | ToolCallDelta, names: ToolNames) -> CallItem:
        """The item for *call* at *place* in the answer *identity*."""
        extras = call.extras.get(NAME, {})
        name = call.name or ""
        named: JsonObject = {} if extras.get("namespace") is None else {"namespace": extras["namespace"]}
        is_custom = extras.get("type") == CUSTOM_CALL or names.is_custom(name)
        return cls(
            place=place,
            id=item_id("ctc" if is_custom else "fc", identity, place),
            call_id=call.id or item_id("call", identity, place),
            wire=names.wire(name) | named,
            is_custom=is_custom,
        )

    def begin(self) -> Sequence[Event]:
        """The item appears, without arguments."""
        return (("response.output_item.added", {"output_index": self.place, "item": self.value()}),)

    def add(self, arguments: str) -> Sequence[Event]:
        """More of the arguments."""
        self.pieces.append(arguments)
        if self.is_custom or not arguments:
            return ()
        return (("response.function_call_arguments.delta", {**self._at(), "delta": arguments}),)

    def close(self, *, is_cut: bool = False) -> Sequence[Event]:
        """The item is whole, or all that there will be of it."""
        self.status = "incomplete" if is_cut else "completed"
        done: Event = ("response.output_item.done", {"output_index": self.place, "item": self.value()})
        arguments = "".join(self.pieces)
        if not self.is_custom:
            named: JsonObject = {"name": self.wire["name"], "arguments": arguments}
            return (("response.function_call_arguments.done", {**self._at(), **named}), done)
        text = unwrap_input(arguments)
        return (
            ("response.custom_tool_call_input.delta", {**self._at(), "delta": text}),
            ("response.custom_tool_call_input.done", {**self._at(), "input": text}),
            done,
        )

    def value(self) -> JsonObject:
        """The item as it is now; no arguments before they are whole."""
        arguments = "" if self.status == "in_progress" else "".join(self.pieces)
        said: JsonObject = {"input": unwrap_input(arguments)} if self.is_custom else {"arguments": arguments}
        kind = CUSTOM_CALL if self.is_custom else FUNCTION_CALL
        return {"id": self.id, "type": kind, "status": self.status, "call_id": self.call_id, **self.wire, **said}

    def _at(self) -> JsonObject:
        return {"item_id": self.id, "output_index": self.place}


Item = MessageItem | ReasoningItem | CallItem
