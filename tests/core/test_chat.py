"""The neutral conversation: text of a message, the simplest request."""

from __future__ import annotations

from pointsman.core.chat import ChatRequest, Media, Message, Role, Text, ask


def test_a_messages_text_is_its_text_parts_joined() -> None:
    """Pictures and the like say nothing in it."""
    parts = (Text(text="a"), Media(kind="image", url="https://example.org/a.png"), Text(text="b"))
    assert Message(role=Role.USER, parts=parts).text == "ab"


def test_the_simplest_request_is_one_question() -> None:
    """Perhaps with a system prompt before it."""
    question = Message(role=Role.USER, parts=(Text(text="why?"),))
    assert ask("why?", model="m") == ChatRequest(messages=(question,), model="m")
    told = Message(role=Role.SYSTEM, parts=(Text(text="be brief"),))
    assert ask("why?", system="be brief") == ChatRequest(messages=(told, question))
