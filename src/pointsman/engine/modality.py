"""A conversation with images, for a model that sees none: earlier images are named instead of shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Capability
from pointsman.core.chat import ChatRequest, Media, Text, ToolResult
from pointsman.core.decision import Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import EmbeddingRequest, Message, Part
    from pointsman.core.decision import PromptFeatures

LEFT_OUT: Final = "earlier images"
_IN_ITS_PLACE: Final = Text(text="[Here was an image, which was shown to another model.]")


def leaves_images_out(card: ModelCard, features: PromptFeatures) -> bool:
    """Whether *card* gets the conversation without the images of earlier turns."""
    return features.has_earlier_images and Capability.IMAGES in card.lacks


def note(card: ModelCard, features: PromptFeatures) -> tuple[Step, ...]:
    """The line of the trail that says so."""
    if not leaves_images_out(card, features):
        return ()
    detail = f"{card.name} sees no images: those of earlier turns are named, not shown"
    return (Step(strategy="modality", outcome=Outcome.NOTE, detail=detail),)


def without_images(request: ChatRequest | EmbeddingRequest) -> ChatRequest | EmbeddingRequest:
    """*request* with a line of text in the place of each image."""
    if not isinstance(request, ChatRequest):
        return request
    return replace(request, messages=tuple(map(_blind, request.messages)))


def _blind(message: Message) -> Message:
    parts = _without(message.parts)
    return message if parts == message.parts else replace(message, parts=parts)


def _without(parts: Sequence[Part]) -> tuple[Part, ...]:
    return tuple(
        _IN_ITS_PLACE
        if isinstance(part, Media) and part.kind == "image"
        else replace(part, content=_without(part.content))  # type: ignore[arg-type]  # text and media stay so
        if isinstance(part, ToolResult)
        else part
        for part in parts
    )
