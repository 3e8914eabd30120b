"""A Responses stream written: neutral events in, server-sent bytes out."""

from __future__ import annotations

import json
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
from pointsman.dialects.openai_chat.errors import type_of_status
from pointsman.dialects.openai_responses.reply import ending, is_cut, response
from pointsman.dialects.openai_responses.tools import ToolNames
from pointsman.dialects.openai_responses.writing import CallItem, MessageItem, ReasoningItem, item_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pointsman.core.chat import ChatRequest, StopReason, Usage
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.dialects.openai_responses.writing import Event, Item

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_dumps_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def sse(kind: str, body: JsonObject) -> bytes:
    """A server-sent event. Half a surrogate pair, which is no UTF-8, is sent as the escape it came as."""
    try:
        return f"event: {kind}\ndata: {_dumps(body)}\n\n".encode()
    except UnicodeEncodeError:
        return f"event: {kind}\ndata: {_dumps_ascii(body)}\n\n".encode()


@dataclass(slots=True)
class ResponsesStreamEncoder:
    """See base.StreamEncoder. This API has one choice: others are left out.

    Thinking and speech are closed when something else begins, calls (which may come interleaved) at the end.
    """

    request: ChatRequest
    _names: ToolNames = field(init=False)
    _started: Started | None = None
    _items: list[Item] = field(default_factory=list)
    _open: Item | None = None  # the thinking or the speech that goes on
    _calls: dict[int, CallItem] = field(default_factory=dict)
    _reason: StopReason | None = None
    _usage: Usage | None = None
    _number: int = 0

    def __post_init__(self) -> None:
        self._names = ToolNames.of(self.request.tools)

    def encode(self, event: StreamEvent) -> bytes:
        """The bytes for *event*."""
        match event:
            case Started():
                return self._start(event)
            case UsageReported():
                self._usage = event.usage
                return b""
            case StreamFailed():
                return self._fail(event)
            case Ended():
                return self._end()
            case _ if event.choice != 0:
                return b""
            case Stopped():
                self._reason = event.reason
                return self._begun() + self._send(self._close_all(is_cut=is_cut(event.reason)))
            case TextDelta() | ReasoningDelta() | RefusalDelta() | ToolCallDelta() | LogprobsDelta():
                return self._begun() + self._send(self._say(event))
            case _:
                assert_never(event)

    def _send(self, events: Iterable[Event]) -> bytes:
        sent: list[bytes] = []
        for kind, body in events:
            sent.append(sse(kind, {"type": kind, "sequence_number": self._number, **body}))
            self._number += 1
        return b"".join(sent)

    def _begun(self) -> bytes:
        return b"" if self._started is not None else self._start(Started(id="", model="", created_s=0))

    def _start(self, event: Started) -> bytes:
        self._started = event
        whole = self._response({"status": "in_progress"})
        return self._send((("response.created", {"response": whole}), ("response.in_progress", {"response": whole})))

    def _response(self, ending_: JsonObject) -> JsonObject:
        begun = self._started or Started(id="", model="", created_s=0)
        output: list[Json] = [item.value() for item in self._items]
        return response(begun, self.request, output=output, ending=ending_, usage=self._usage)

    def _say(self, event: TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta | LogprobsDelta) -> Sequence[Event]:
        match event:
            case TextDelta():
                return self._speak("output_text", event.text)
            case RefusalDelta():
                return self._speak("refusal", event.text)
            case ReasoningDelta():
                return self._think(event)
            case ToolCallDelta():
                return self._call(event)
            case LogprobsDelta():
                found = event.logprobs.get("content")
                if isinstance(self._open, MessageItem) and isinstance(found, list):
                    return self._open.add_logprobs(found)
                return ()  # of tokens that were no text: this API has no place for them

    def _speak(self, kind: str, text: str) -> Sequence[Event]:
        if isinstance(self._open, MessageItem):
            return self._open.add(kind, text)
        place = len(self._items)
        message = MessageItem(place, item_id("msg", self._id, place))
        return (*self._turn_to(message), *message.begin(), *message.add(kind, text))

    def _think(self, event: ReasoningDelta) -> Sequence[Event]:
        events: list[Event] = []
        thought = self._open
        if not isinstance(thought, ReasoningItem):
            place = len(self._items)
            thought = ReasoningItem(place, item_id("rs", self._id, place))
            events += (*self._turn_to(thought), *thought.begin())
        events += thought.add(event.text, event.signature, event.origin)
        if event.signature is not None:
            events += thought.close()
            self._open = None
        return events

    def _call(self, event: ToolCallDelta) -> Sequence[Event]:
        call = self._calls.get(event.index)
        if call is not None:
            return call.add(event.arguments)
        call = CallItem.of(len(self._items), self._id, event, self._names)
        self._calls[event.index] = call
        return (*self._turn_to(call), *call.begin(), *call.add(event.arguments))

    def _turn_to(self, item: Item) -> Sequence[Event]:
        """Close what was open and go on with *item*."""
        closed = self._open.close() if self._open is not None else ()
        self._open = None if isinstance(item, CallItem) else item
        self._items.append(item)
        return closed

    def _close_all(self, *, is_cut: bool) -> Sequence[Event]:
        """Close what is open; when the answer was cut, the last item was."""
        left = [*self._calls.values(), *([] if self._open is None else [self._open])]
        self._calls, self._open = {}, None
        left.sort(key=lambda item: item.place)
        return [event for item in left for event in item.close(is_cut=is_cut and item is self._items[-1])]

    @property
    def _id(self) -> str:
        return self._started.id if self._started is not None else ""

    def _end(self) -> bytes:
        sent = self._begun() + self._send(self._close_all(is_cut=False))
        ending_ = ending(self._reason)
        return sent + self._send(((f"response.{ending_['status']}", {"response": self._response(ending_)}),))

    def _fail(self, failed: StreamFailed) -> bytes:
        """The error as libraries raise it, then the answer's own sad end."""
        is_amid = failed.is_amid and self._started is None  # then the answer's own end is not ours to say
        begun = b"" if is_amid else self._begun()
        code = failed.code or "server_error"
        kind = type_of_status(failed.status or 500)
        flat: JsonObject = {"code": code, "message": failed.message, "param": None}
        whole = self._response({"status": "failed", "error": {"code": code, "message": failed.message}})
        error = ("error", {**flat, "error": {**flat, "type": kind}})
        return begun + self._send((error,) if is_amid else (error, ("response.failed", {"response": whole})))
