"""A translated request made fit for the model that will answer it, and said in its endpoint's words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pointsman.core.chat import Media
from pointsman.core.errors import InvalidRequest
from pointsman.dialects.hints import lost_hints
from pointsman.dialects.history import settled

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import ChatRequest
    from pointsman.dialects.base import Encoded, Upstream


def encoded(request: ChatRequest, card: ModelCard, surface: str, upstream: Upstream) -> Encoded:
    """*request* of a caller of *surface* in the words of *card*'s endpoint, and the names of all that it loses."""
    found = upstream.encode_chat(fitted(request, card, surface), card.upstream_model)
    lost = lost_hints(request, surface, upstream.name)
    return replace(found, dropped=tuple(dict.fromkeys((*found.dropped, *lost)))) if lost else found


def fitted(request: ChatRequest, card: ModelCard, surface: str) -> ChatRequest:
    """*request* of a caller of *surface*, its system messages first, no larger answer asked for than *card* can give.

    Claude Code asks for 32,000 tokens whatever model answers; a strict server refuses what is over its limit. A limit
    as large as the whole window says nothing, and is left out. InvalidRequest names a file that is known by its id at
    another maker's API.
    """
    if _family(surface) != _family(card.endpoint.dialect):
        _refuse_file_ids(request)
    request = settled(request)
    asked = request.sampling.max_output_tokens
    if asked is None:
        return request
    limit: int | None = asked if card.max_output_tokens is None else min(asked, card.max_output_tokens)
    if limit is not None and card.context_tokens is not None and limit >= card.context_tokens:
        limit = None
    return request if limit == asked else replace(request, sampling=replace(request.sampling, max_output_tokens=limit))


def _family(dialect: str) -> str:
    """Whose API *dialect* is: OpenAI's several know each other's files."""
    return dialect.partition("_")[0]


def _refuse_file_ids(request: ChatRequest) -> None:
    for number, message in enumerate(request.messages):
        for index, part in enumerate(message.parts):
            if isinstance(part, Media) and part.file_id is not None:
                path = f"messages[{number}].content[{index}]"
                raise InvalidRequest(
                    f"{path} is a file known by its id, and the model that would answer is of another API.",
                    hint="Send the file's data, or choose a model whose endpoint speaks the dialect of the request.",
                    param=path,
                )
