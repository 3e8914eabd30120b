"""Blocks of an answer while it is streamed: one is open at a time, the others wait for their turn.

A block of text or thinking is over when another one begins. A tool call is over when its arguments are a whole object
(or the answer is): pieces of other blocks that come earlier wait, so that calls written at the same time come out one
after the other.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pointsman.dialects import signatures
from pointsman.dialects.anthropic_messages import calls, thinking
from pointsman.dialects.anthropic_messages.content import NAME
from pointsman.dialects.anthropic_messages.reply import text_block

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.stream import ReasoningDelta, ToolCallDelta

TEXT: Final = "text_delta", "text"
THINKING: Final = "thinking_delta", "thinking"
ARGUMENTS: Final = "input_json_delta", "partial_json"
REDACTED: Final = "", ""

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_dumps_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def frame(name: str, body: Mapping[str, object]) -> bytes:
    """*body* as the event *name*. Half a surrogate pair, which is no UTF-8, is sent as the escape it came as."""
    try:
        return f"event: {name}\ndata: {_dumps({'type': name, **body})}\n\n".encode()
    except UnicodeEncodeError:
        return f"event: {name}\ndata: {_dumps_ascii({'type': name, **body})}\n\n".encode()


@dataclass(slots=True)
class Block:
    """One block: how it begins, what of it is not sent yet, and whether more can come."""

    form: tuple[str, str]  # the type of its deltas, and the field their text is in
    start: JsonObject
    index: int = -1  # not begun
    unsent: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    signature: str | None = None
    is_whole: bool = False

    def add(self, piece: str) -> None:
        """Take more of its text."""
        self.unsent.append(piece)

    def add_arguments(self, piece: str) -> None:
        """Take more of a call's arguments; behind a whole object there is nothing to add."""
        if piece and not self.is_whole:
            self.unsent.append(piece)
            self.arguments.append(piece)

    def may_close(self) -> bool:
        """Whether another block may take its place."""
        if self.form is not ARGUMENTS or self.is_whole:
            return True
        if self.arguments and self.arguments[-1].rstrip().endswith("}"):
            self.is_whole = calls.read_arguments("".join(self.arguments)) is not None
        return self.is_whole

    def sent(self) -> Iterator[bytes]:
        """The frames of what has not been sent."""
        if self.unsent:
            yield self._delta(*self.form, "".join(self.unsent))
            self.unsent.clear()

    def closed(self) -> Iterator[bytes]:
        """The frames of its end; thinking always says whose it is."""
        if self.form is THINKING:
            yield self._delta("signature_delta", "signature", self.signature or signatures.outward(None, None, NAME))
        yield frame("content_block_stop", {"index": self.index})

    def _delta(self, kind: str, key: str, text: str) -> bytes:
        return frame("content_block_delta", {"index": self.index, "delta": {"type": kind, key: text}})


@dataclass(slots=True)
class Blocks:
    """The blocks of one answer: the first in line is open. Of thinking that is not shown the signature is given."""

    shows_thinking: bool
    _line: deque[Block] = field(default_factory=deque)
    _calls: dict[int, Block] = field(default_factory=dict)
    _begun: int = 0

    @property
    def has_calls(self) -> bool:
        """Whether a tool call was among them."""
        return bool(self._calls)

    def text(self, text: str) -> bytes:
        """The frames that more text allows to send."""
        if text:
            self._last(TEXT, text_block("")).add(text)
        return self._move()

    def thinking(self, event: ReasoningDelta) -> bytes:
        """The frames that more thinking allows to send; a signature ends its block."""
        signature = event.signature
        if signature is not None and event.origin == NAME and (data := thinking.redacted_data(signature)) is not None:
            self._line.append(Block(form=REDACTED, start={"type": "redacted_thinking", "data": data}))
            return self._move()
        if signature is None and not (event.text and self.shows_thinking):
            return b""
        block = self._last(THINKING, {"type": "thinking", "thinking": "", "signature": ""})
        if self.shows_thinking and event.text:
            block.add(event.text)
        if signature is not None:
            block.signature = signatures.outward(signature, event.origin, NAME)
        return self._move()

    def call(self, event: ToolCallDelta) -> bytes:
        """The frames that a piece of a tool call allows to send."""
        block = self._calls.get(event.index)
        if block is None:
            block = self._calls[event.index] = Block(form=ARGUMENTS, start=_start_of_call(event))
            self._line.append(block)
        block.add_arguments(event.arguments)
        return self._move()

    def close(self) -> bytes:
        """The frames of everything that is left."""
        found: list[bytes] = []
        while self._line:
            found.extend(self._begin(self._line[0]))
            found.extend(self._line.popleft().closed())
        return b"".join(found)

    def _last(self, form: tuple[str, str], start: JsonObject) -> Block:
        """The block at the end of the line, if more of *form* belongs to it, or a new one."""
        if not self._line or self._line[-1].form is not form or self._line[-1].signature is not None:
            self._line.append(Block(form=form, start=start))
        return self._line[-1]

    def _move(self) -> bytes:
        found: list[bytes] = []
        while self._line:
            first = self._line[0]
            found.extend(self._begin(first))
            if len(self._line) == 1 or not first.may_close():
                break
            found.extend(self._line.popleft().closed())
        return found[0] if len(found) == 1 else b"".join(found)

    def _begin(self, block: Block) -> Iterator[bytes]:
        if block.index < 0:
            block.index = self._begun
            self._begun += 1
            yield frame("content_block_start", {"index": block.index, "content_block": block.start})
        yield from block.sent()


def _start_of_call(event: ToolCallDelta) -> JsonObject:
    start: JsonObject = {"type": "tool_use", "id": event.id or f"call_{event.index}", "name": event.name or ""}
    return {**start, "input": {}, "caller": {"type": "direct"}, **event.extras.get(NAME, {})}
