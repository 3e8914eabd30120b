"""A translated request made fit for the model that will answer it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pointsman.dialects.history import settled

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import ChatRequest


def fitted(request: ChatRequest, card: ModelCard) -> ChatRequest:
    """*request* with its system messages first, and no larger answer asked for than *card* can give.

    Claude Code asks for 32,000 tokens whatever model answers; a strict server refuses what is over its limit. A limit
    as large as the whole window says nothing, and is left out.
    """
    request = settled(request)
    asked = request.sampling.max_output_tokens
    if asked is None:
        return request
    limit: int | None = asked if card.max_output_tokens is None else min(asked, card.max_output_tokens)
    if limit is not None and card.context_tokens is not None and limit >= card.context_tokens:
        limit = None
    return request if limit == asked else replace(request, sampling=replace(request.sampling, max_output_tokens=limit))
