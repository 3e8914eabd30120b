"""`fold` turns the events of a stream into the reply they amount to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.chat import (
    ChatReply,
    Choice,
    Message,
    Reasoning,
    Refusal,
    Role,
    StopReason,
    Text,
    ToolCall,
    Usage,
)
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
    fold,
)

USAGE = Usage(input_tokens=3, output_tokens=2)


def test_all_kinds_of_deltas_fold_into_one_reply() -> None:
    """Thinking up to each signature, text, refusal, calls by index, log-probabilities appended: the canonical order."""
    events: list[StreamEvent] = [
        Started(id="r1", model="m", created_s=7, extras={"openai": {"x": 1}}),
        TextDelta(text="Hel"),
        ReasoningDelta(text="hm"),
        ToolCallDelta(index=1, id="c2", name="g"),
        ToolCallDelta(index=0, id="c1", name="f", arguments='{"a"', extras={"openai": {"i": 0}}),
        ToolCallDelta(index=0, arguments=":1}"),
        LogprobsDelta(logprobs={"content": [1], "refusal": None}),
        LogprobsDelta(logprobs={"content": [2]}),
        TextDelta(text="lo"),
        ReasoningDelta(text="!"),
        ReasoningDelta(text="", signature="sig", origin="d"),
        ReasoningDelta(text="more"),
        RefusalDelta(text="no"),
        TextDelta(text="second", choice=1),
        Stopped(reason=StopReason.TOOL_CALLS),
        UsageReported(usage=USAGE),
        Ended(),
    ]
    assert fold(events) == ChatReply(
        id="r1",
        model="m",
        created_s=7,
        choices=(
            Choice(
                index=0,
                message=Message(
                    role=Role.ASSISTANT,
                    parts=(
                        Reasoning(text="hm!", signature="sig", origin="d"),
                        Reasoning(text="more"),
                        Text(text="Hello"),
                        Refusal(text="no"),
                        ToolCall(id="c1", name="f", arguments='{"a":1}', extras={"openai": {"i": 0}}),
                        ToolCall(id="c2", name="g", arguments=""),
                    ),
                ),
                stop_reason=StopReason.TOOL_CALLS,
                logprobs={"content": [1, 2]},
            ),
            Choice(index=1, message=Message(role=Role.ASSISTANT, parts=(Text(text="second"),)), stop_reason=None),
        ),
        usage=USAGE,
        extras={"openai": {"x": 1}},
    )


def test_a_signature_without_text_is_reasoning_all_the_same() -> None:
    """It must be echoed, whatever was shown."""
    reply = fold([ReasoningDelta(text="", signature="s")])
    assert reply.choices[0].message.parts == (Reasoning(text="", signature="s"),)


def test_a_choice_without_a_reason_to_stop_has_none() -> None:
    """It was cut, or the endpoint does not say."""
    assert fold([TextDelta(text="a"), Stopped(reason=None)]).choices[0].stop_reason is None


def test_nothing_folds_into_nothing() -> None:
    """An empty stream, or one that only failed, is a reply without choices."""
    empty = ChatReply(id="", model="", created_s=0, choices=())
    assert fold([]) == empty
    assert fold([StreamFailed(message="overloaded"), Ended()]) == empty


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=5)), max_size=20))
def test_text_is_neither_lost_nor_mixed_up(pieces: list[tuple[int, str]]) -> None:
    """Each choice's text is its own deltas in order, however they are interleaved."""
    reply = fold(TextDelta(text=text, choice=choice) for choice, text in pieces)
    told = {choice.index: choice.message.text for choice in reply.choices}
    assert told == {one: "".join(text for choice, text in pieces if choice == one) for one in {c for c, _ in pieces}}
