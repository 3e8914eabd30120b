"""Counts of tokens, as callers of this API ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.dialects import fields
from pointsman.dialects.gemini.request import decode_chat
from pointsman.dialects.gemini.spelling import canonical, spellings

if TYPE_CHECKING:
    from pointsman.core.chat import ChatRequest
    from pointsman.core.jsontypes import JsonObject

_COUNT = spellings("generateContentRequest")


def decode_count(body: JsonObject) -> ChatRequest:
    """The request whose tokens are to be counted: `contents`, or a whole `generateContentRequest`."""
    inner = fields.mapping(canonical(body, _COUNT), "generateContentRequest")
    return decode_chat(body if inner is None else inner)


def encode_count(tokens: int) -> JsonObject:
    """The answer to a request that asked for a count."""
    return {"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]}
