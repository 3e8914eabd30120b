"""A conversation made fit for another dialect's model."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.chat import ChatRequest, Message, Role, Text, ask
from pointsman.dialects.history import settled


def said(role: Role, text: str) -> Message:
    """A message of one text."""
    return Message(role=role, parts=(Text(text=text),))


def test_system_messages_at_the_beginning_stay() -> None:
    """A conversation that any template takes is the very same afterwards."""
    request = ask("hi", system="be brief")
    assert settled(request) is request


def test_a_later_system_message_becomes_a_reminder() -> None:
    """It keeps its place, so that the prefix before it is the same to a prompt cache."""
    told = said(Role.SYSTEM, "be brief")
    before = (told, said(Role.USER, "hi"), said(Role.ASSISTANT, "hello"))
    request = ChatRequest(messages=(*before, said(Role.DEVELOPER, "now in French"), said(Role.USER, "go on")))
    reminder = said(Role.USER, "<system-reminder>\nnow in French\n</system-reminder>")
    assert settled(request) == replace(request, messages=(*before, reminder, said(Role.USER, "go on")))
