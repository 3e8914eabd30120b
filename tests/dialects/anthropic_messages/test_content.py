"""Content of callers of other APIs, as this one takes it or refuses it."""

from __future__ import annotations

import base64

import pytest

from pointsman.core.chat import ChatRequest, Media, Message, Role
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.anthropic_messages.dialect import AnthropicMessages

TEXT = base64.b64encode("Grüße".encode()).decode()


def block_of(media: Media) -> Json:
    """The block for *media*."""
    request = ChatRequest(messages=(Message(role=Role.USER, parts=(media,)),))
    turns = AnthropicMessages().encode_chat(request, "m").body["messages"]
    assert isinstance(turns, list)
    found: Json = turns[0]["content"][0]
    return found


def image(media_type: str, data: str) -> JsonObject:
    """A block with an image in it."""
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


@pytest.mark.parametrize(
    ("media", "block"),
    [
        (Media(kind="image", data_base64="AAAA", media_type="image/webp"), image("image/webp", "AAAA")),
        (Media(kind="image", data_base64="iVBORw0KGgo="), image("image/png", "iVBORw0KGgo=")),
        (Media(kind="image", data_base64="R0lGODlh"), image("image/gif", "R0lGODlh")),
        (Media(kind="image", data_base64="UklGRg=="), image("image/webp", "UklGRg==")),
        (Media(kind="image", data_base64="/9j/4AAQ", filename="a.jpg", detail="low"), image("image/jpeg", "/9j/4AAQ")),
        (
            Media(kind="file", data_base64=TEXT, media_type="text/markdown", filename="a.md"),
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"},
                "title": "a.md",
            },
        ),
        (
            Media(kind="file", data_base64="JVBE"),
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
        ),
    ],
)
def test_images_and_files_of_other_callers_are_taken(media: Media, block: JsonObject) -> None:
    """An image's type is told by its first characters where nobody names it; a file of text is sent as text."""
    assert block_of(media) == block


@pytest.mark.parametrize(
    ("media", "reason"),
    [
        (Media(kind="audio", data_base64="AAAA"), "of the kind 'audio'"),
        (Media(kind="image"), "without an address, data or id"),
        (Media(kind="file", data_base64="UEsD", media_type="application/zip"), "of the type 'application/zip'"),
        (Media(kind="file", data_base64="/w==", media_type="text/plain"), "no text/plain in base64 and UTF-8"),
        (Media(kind="file", data_base64="!", media_type="text/plain"), "no text/plain in base64 and UTF-8"),
    ],
)
def test_content_this_api_cannot_take_is_named(media: Media, reason: str) -> None:
    """Content is never dropped in silence."""
    with pytest.raises(InvalidRequest, match=reason) as caught:
        block_of(media)
    assert caught.value.param == "messages[0].content[0]"
