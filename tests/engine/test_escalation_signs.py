"""Signs that a model is too small, in an answer and in what a conversation shows of it."""

from __future__ import annotations

import pytest

from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from pointsman.engine.escalation_signs import EMPTY, REFUSED, is_refusal, of_history, of_reply

SEARCH = ToolSpec(name="search", parameters={"type": "object", "required": ["query"]})
CLOCK = ToolSpec(name="clock", parameters={"type": "object"})
FREE = ToolSpec(name="free")
ASKED = Message(role=Role.USER, parts=(Text(text="find it"),))


def call(arguments: str = '{"query": "x"}', name: str = "search") -> ToolCall:
    """One call."""
    return ToolCall(id="c", name=name, arguments=arguments)


def said(*parts: Part) -> Message:
    """An answer."""
    return Message(role=Role.ASSISTANT, parts=parts)


def result() -> Message:
    """What a tool gave."""
    return Message(role=Role.TOOL, parts=(ToolResult(call_id="c", content=(Text(text="found"),)),))


def request(*messages: Message) -> ChatRequest:
    """A request with three tools."""
    return ChatRequest(messages=(ASKED, *messages), tools=(SEARCH, CLOCK, FREE))


def reply(*parts: Part, stop: StopReason | None = StopReason.STOP) -> ChatReply:
    """A whole answer."""
    return ChatReply(id="r", model="m", created_s=0, choices=(Choice(index=0, message=said(*parts), stop_reason=stop),))


@pytest.mark.parametrize(
    ("answer", "sign"),
    [
        pytest.param(reply(Text(text="Found it.")), None, id="words"),
        pytest.param(reply(call()), None, id="a-good-call"),
        pytest.param(reply(call("{")), "the arguments of search are not JSON", id="broken"),
        pytest.param(reply(call("[1]")), "the arguments of search are not a JSON object", id="a-list"),
        pytest.param(reply(call("{}")), "the call of search lacks 'query'", id="lacks-a-name"),
        pytest.param(reply(call("", "clock")), None, id="nothing-needed"),
        pytest.param(reply(call("free text", "free")), None, id="no-schema"),
        pytest.param(reply(call("{", "unheard-of")), None, id="not-described"),
        pytest.param(reply(call("{"), stop=StopReason.LENGTH), None, id="cut-off"),
        pytest.param(reply(), EMPTY, id="empty"),
        pytest.param(reply(Text(text=" \n")), EMPTY, id="blank"),
        pytest.param(reply(Reasoning(text="hm")), EMPTY, id="only-thoughts"),
        pytest.param(reply(Media(kind="image", url="http://x/y")), None, id="an-image"),
        pytest.param(reply(stop=StopReason.LENGTH), None, id="all-thoughts-and-cut-off"),
        pytest.param(reply(Refusal(text="no")), REFUSED, id="refusal"),
        pytest.param(reply(Text(text="x"), stop=StopReason.CONTENT_FILTER), REFUSED, id="filtered"),
        pytest.param(reply(Text(text="I’m sorry, but I can’t assist with that.")), REFUSED, id="refusing-words"),
        pytest.param(ChatReply(id="r", model="m", created_s=0, choices=()), EMPTY, id="no-choice"),
    ],
)
def test_an_answer_shows_its_signs(answer: ChatReply, sign: str | None) -> None:
    """Calls that cannot be used, refusals, nothing at all; an answer that was cut off is not to blame."""
    assert of_reply(answer, request(), 3) == sign


def test_the_third_call_alike_is_a_circle() -> None:
    """Since the person's last word; other arguments, or a word of the person between, break it."""
    loop = (said(call()), result(), said(call()), result())
    assert of_reply(reply(call()), request(*loop), 3) == "search was called 3 times alike"
    assert of_reply(reply(call('{"query": "y"}')), request(*loop), 3) is None
    assert of_reply(reply(call()), request(*loop[:2], ASKED, *loop[2:]), 3) is None
    assert of_reply(reply(call()), request(*loop[:2]), 3) is None


@pytest.mark.parametrize(
    ("messages", "sign"),
    [
        pytest.param((), None, id="nothing-yet"),
        pytest.param((said(call()), result()), None, id="a-good-call"),
        pytest.param((said(call("{")), result()), "the arguments of search are not JSON", id="broken"),
        pytest.param((said(call("{")), result(), said(Text(text="ok")), ASKED), None, id="long-past"),
        pytest.param((said(Text(text="I cannot help with that.")), ASKED), REFUSED, id="refusal"),
        pytest.param((said(), ASKED), None, id="empty-may-be-cut-off"),
        pytest.param((said(call()), result()) * 3, "search was called 3 times alike", id="a-circle"),
        pytest.param((said(Text(text="fine")), ASKED), None, id="words"),
    ],
)
def test_a_conversation_shows_what_became_of_the_last_answer(messages: tuple[Message, ...], sign: str | None) -> None:
    """Of streams, which nobody held back, it is all there is."""
    assert of_history(request(*messages), 3) == sign


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("I can't help with that.", True),
        ("Unfortunately, I am not able to open files.", True),
        ("Es tut mir leid.", False),
        ("Das kann ich nicht tun.", True),
        ("抱歉，我无法回答。", True),
        ("Я не могу помочь.", True),
        ("I can't stress enough how good this is.", False),
        ("The user said: I can't help with that.", False),
        ("I can't help with that. " * 50, False),
    ],
)
def test_a_refusal_is_short_and_declines_at_once(text: str, refuses: bool) -> None:  # noqa: FBT001  an expectation
    """Long answers, and those that only quote one, are none."""
    assert is_refusal(text) is refuses
