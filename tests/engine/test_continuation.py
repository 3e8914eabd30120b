"""Joining what another model goes on with to what the caller has: nothing lost, nothing said twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.chat import ResponseFormat, Role, Sampling, ask
from pointsman.core.errors import AttemptFailed
from pointsman.core.stream import Ended, ReasoningDelta, Started, Stopped, StreamEvent, TextDelta, ToolCallDelta
from pointsman.engine.continuation import Heard, Joint, continued, may_be_continued, may_finish
from pointsman.engine.inbound import Inbound
from tests.engine.lines import Decoder, line
from tests.engine.rig import a_model

BEFORE = "Once upon a time there was a fox who "


def joined(before: str, *texts: str) -> str:
    """What is said of a continuation in these pieces."""
    joint = Joint(before)
    events: list[StreamEvent] = [Started(id="b", model="m", created_s=1), *(TextDelta(text=text) for text in texts)]
    said = [out for event in (*events, Ended()) for out in joint.feed(event)]
    assert said[-1] == Ended()
    assert not any(isinstance(out, Started) for out in said)
    return "".join(out.text for out in said if isinstance(out, TextDelta))


@pytest.mark.parametrize(
    ("before", "texts", "said"),
    [
        (BEFORE, ("lived ", "alone."), "lived alone."),
        (BEFORE, (" lived alone.",), "lived alone."),  # the blank is there already
        ("Once upon a time", (" there was a fox.",), " there was a fox."),
        (BEFORE, ("there was a fox who lived alone.",), " lived alone."),
        (BEFORE, ("there was ", "a fox", " who lived alone."), " lived alone."),
        (BEFORE, ("a fox who",), "a fox who"),  # so little may be chance
        (BEFORE, (), ""),
        ("1, 2, 3, ", ("4, 5, ", "6" * 100), "4, 5, " + "6" * 100),
    ],
)
def test_what_was_said_is_not_said_again(before: str, texts: tuple[str, ...], said: str) -> None:
    """Models like to repeat the end of their beginning."""
    assert joined(before, *texts) == said


def test_an_answer_from_its_beginning_is_not_a_continuation() -> None:
    """It would say everything twice."""
    with pytest.raises(AttemptFailed, match="began the answer anew"):
        joined(BEFORE, "Once upon a time there was a bear.")


def test_thinking_and_a_second_beginning_are_left_out() -> None:
    """The caller is in the middle of a text."""
    joint = Joint(BEFORE)
    assert joint.feed(ReasoningDelta(text="hmm")) == ()
    assert joint.feed(TextDelta(text="lived.")) == ()
    assert joint.feed(Stopped(reason=None)) == (TextDelta(text="lived."), Stopped(reason=None))


@given(st.text(max_size=60), st.lists(st.text(max_size=30), max_size=6))
def test_a_continuation_loses_only_what_is_there(before: str, texts: list[str]) -> None:
    """Blanks at the joint, and a repetition of the end: all else is said, however it is cut."""
    whole = "".join(texts)
    try:
        said = joined(before, *texts)
    except AttemptFailed:
        return
    assert whole.endswith(said)
    left_out = whole[: len(whole) - len(said)].strip()
    assert not left_out or before.rstrip().endswith(left_out)


def test_only_plain_text_is_gone_on_with() -> None:
    """Not half a tool call, nor what has ended, nor nothing."""
    heard = Heard(Decoder())
    assert not heard.can_go_on
    heard.feed(line(text="Once"))
    assert (heard.can_go_on, heard.text, heard.n_said) == (True, "Once", 0)
    heard.feed(line(text=" upon"))
    assert heard.n_said == 1
    heard.said_all()
    assert heard.n_said == 2
    heard.events.append(ToolCallDelta(index=0))
    assert not heard.can_go_on
    heard.events[-1] = TextDelta(text="x", choice=1)
    assert not heard.can_go_on
    heard.events[-1] = Ended()
    assert not heard.can_go_on


def test_requests_for_json_or_several_answers_are_not_gone_on_with() -> None:
    """Half of it is nobody's beginning."""
    request = ask("hello")
    assert may_be_continued(Inbound(request=request, arrived_s=0.0))
    for other in (
        type(request)(messages=request.messages, response_format=ResponseFormat(kind="json_object")),
        type(request)(messages=request.messages, sampling=Sampling(n=2)),
        type(request)(messages=request.messages, sampling=Sampling(logprobs=True)),
    ):
        assert not may_be_continued(Inbound(request=other, arrived_s=0.0))


def test_the_beginning_goes_along_as_the_models_own() -> None:
    """Without the blank at its end, which some APIs refuse."""
    message = continued(ask("hello"), "Once upon ").messages[-1]
    assert (message.role, message.text) == (Role.ASSISTANT, "Once upon")


def test_what_is_local_stays_local() -> None:
    """A local model's beginning is finished by a local model; a cloud's by anybody who can."""
    near, far = a_model("near", continues=True), a_model("far", is_local=False, continues=True)
    plain = a_model("plain")
    assert [may_finish(card, a_model("failed")) for card in (near, far, plain)] == [True, False, False]
    assert [may_finish(card, a_model("failed", is_local=False)) for card in (near, far, plain)] == [True, True, False]
    assert not may_finish(near, near)
