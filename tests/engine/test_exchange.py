"""Relay and translation, by themselves: what is noted of a stream, what is counted of an answer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.chat import (
    ChatReply,
    Choice,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from pointsman.core.jsontypes import JsonObject
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
from pointsman.dialects.raw import parse_body
from pointsman.engine.exchange import Birth, NotAnAnswer, Relay, TranslatePump, relay_for, with_defaults
from tests.engine.lines import Lines
from tests.engine.rig import a_model, inbound

BIRTH = Birth(id="d1", now=lambda: 7.9)


class Told:
    """A decoder that gives these events, whatever it is fed."""

    def __init__(self, *events: StreamEvent) -> None:
        """Tell *events* when fed."""
        self.events = events

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """The events."""
        return self.events

    def close(self) -> Sequence[StreamEvent]:
        """Nothing more."""
        return ()


@pytest.mark.parametrize(
    ("event", "is_committed", "chars"),
    [
        (Started(id="c", model="", created_s=1), False, 0),
        (LogprobsDelta(logprobs={}), False, 0),
        (UsageReported(usage=Usage(input_tokens=1, output_tokens=1)), False, 0),
        (StreamFailed(message="no"), False, 0),
        (Ended(), False, 0),
        (TextDelta(text="four"), True, 4),
        (ReasoningDelta(text="four"), True, 4),
        (RefusalDelta(text="four"), True, 4),
        (ToolCallDelta(index=0, id="c", name="f", arguments="{}"), True, 2),
        (Stopped(reason=None), True, 0),
    ],
)
def test_content_of_any_kind_is_the_point_of_no_return(event: StreamEvent, chars: int, *, is_committed: bool) -> None:
    """What is no content is not; every event is said."""
    pump = TranslatePump(decoder=Told(event), say=lambda event: (event,), birth=BIRTH)
    assert pump.feed(b"") == [event]
    assert (pump.is_committed, pump.output_chars) == (is_committed, chars)
    assert pump.has_ended is isinstance(event, Ended)
    assert (pump.failure is event) is isinstance(event, StreamFailed)
    assert (pump.usage is not None) is isinstance(event, UsageReported)


class Replies(Lines):
    """Understands any answer as this one."""

    def __init__(self, *parts: Part) -> None:
        """Answer with *parts*."""
        super().__init__()
        message = Message(role=Role.ASSISTANT, parts=parts)
        self.reply = ChatReply(
            id="", model="", created_s=0, choices=(Choice(index=0, message=message, stop_reason=None),) * 2
        )

    def decode_reply(self, body: JsonObject) -> ChatReply:
        """The reply."""
        return self.reply


def relay(upstream: Lines, operation: Operation = Operation.CHAT) -> Relay:
    """A relay of an empty body."""
    return Relay(
        raw=parse_body(b"{}"), operation=operation, upstream=upstream, wants_stream=False, wants_stream_usage=False
    )


def test_an_estimate_counts_all_that_was_written() -> None:
    """Thoughts, refusals and the arguments of calls too, in every choice."""
    parts = (
        Text(text="1"),
        Reasoning(text="22"),
        Refusal(text="333"),
        ToolCall(id="c", name="f", arguments="4444"),
        ToolResult(call_id="c", content=(Text(text="not written"),)),
    )
    assert relay(Replies(*parts)).whole(b"{}").output_chars == 2 * (1 + 2 + 3 + 4)


def test_a_relay_to_a_path_that_is_not_there_is_no_relay() -> None:
    """`relay_for` says so before; the relay itself does not send to nowhere."""
    asked = inbound(operation=Operation.COMPLETIONS)
    assert relay_for(asked, Lines()) is None
    with pytest.raises(NotAnAnswer, match="lines has no completions"):
        relay(Lines(), Operation.COMPLETIONS).body(a_model("near"))


@pytest.mark.parametrize(
    ("body", "defaults", "merged"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 1, "b": 3}),
        ({"o": {"x": 1}}, {"o": {"x": 2, "y": 3}}, {"o": {"x": 1, "y": 3}}),
        ({"o": None}, {"o": {"x": 2}}, {"o": None}),
        ({"o": {"x": 1}}, {"o": 5}, {"o": {"x": 1}}),
    ],
)
def test_defaults_fill_what_the_caller_left_out(body: JsonObject, defaults: JsonObject, merged: JsonObject) -> None:
    """Objects one deep; null is an answer."""
    assert with_defaults(body, defaults) == merged


def test_an_answer_without_id_and_time_gets_ours() -> None:
    """Three of the five APIs give no time of creation; callers of the others expect one."""
    said = ChatReply(id="", model="m", created_s=0, choices=())
    assert BIRTH.of_reply(said) == ChatReply(id="d1", model="m", created_s=7, choices=())
    assert BIRTH.of_stream(Started(id="r", model="m", created_s=0)) == Started(id="r", model="m", created_s=7)


def test_an_answer_with_id_and_time_keeps_them() -> None:
    """It is the very same."""
    said = ChatReply(id="r", model="m", created_s=3, choices=())
    assert BIRTH.of_reply(said) is said
