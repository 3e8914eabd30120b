"""Earlier images named instead of shown: which turn is which, and what becomes of a request."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Capability
from pointsman.core.chat import (
    ChatRequest,
    EmbeddingRequest,
    Media,
    Message,
    Part,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from pointsman.engine.modality import without_images
from pointsman.routing.features import features_of

PICTURE = Media(kind="image", url="http://h/x.png")
SOUND = Media(kind="audio", data_base64="AA==")
WORD = Text(text="hi")
CALL = ToolCall(id="1", name="look", arguments="{}")
SHOWN = ToolResult(call_id="1", content=(PICTURE,))
NAMED = Text(text="[Here was an image, which was shown to another model.]")
USER, ASSISTANT, TOOL = Role.USER, Role.ASSISTANT, Role.TOOL


def a_request(*turns: tuple[Role, Part]) -> ChatRequest:
    """Of these messages."""
    return ChatRequest(messages=tuple(Message(role=role, parts=(part,)) for role, part in turns))


@pytest.mark.parametrize(
    ("turns", "where"),
    [
        ([(USER, WORD)], (False, False)),
        ([(USER, PICTURE)], (True, False)),
        ([(USER, PICTURE), (USER, WORD)], (True, False)),
        ([(USER, PICTURE), (ASSISTANT, WORD), (USER, WORD)], (False, True)),
        ([(USER, PICTURE), (ASSISTANT, WORD), (USER, PICTURE)], (True, True)),
        ([(USER, WORD), (ASSISTANT, CALL), (TOOL, SHOWN)], (True, False)),
        ([(USER, PICTURE), (ASSISTANT, CALL), (TOOL, SHOWN), (ASSISTANT, WORD), (USER, WORD)], (False, True)),
        ([(USER, PICTURE), (ASSISTANT, WORD), (USER, WORD), (ASSISTANT, CALL), (TOOL, SHOWN)], (True, True)),
    ],
)
def test_an_image_is_of_the_turn_or_before_it(turns: list[tuple[Role, Part]], where: tuple[bool, bool]) -> None:
    """The turn begins behind the last answer that asked for no tool."""
    found = features_of(a_request(*turns))
    assert (Capability.IMAGES in found.needs, found.has_earlier_images) == where
    assert found.count is None or found.count.images > 0


def test_images_become_a_line_of_text_wherever_they_stand() -> None:
    """Sounds and words stay; what has no image is the very same."""
    request = a_request((USER, PICTURE), (USER, SOUND), (USER, WORD), (TOOL, SHOWN))
    found = without_images(request)
    assert isinstance(found, ChatRequest)
    assert [message.parts[0] for message in found.messages] == [
        NAMED,
        SOUND,
        WORD,
        ToolResult(call_id="1", content=(NAMED,)),
    ]
    assert found.messages[2] is request.messages[2]
    embedding = EmbeddingRequest(inputs=("a",))
    assert without_images(embedding) is embedding
