"""Embeddings for Ollama's callers: /api/embed, and the older /api/embeddings with one prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.chat import NO_EXTRAS, EmbeddingRequest
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.ollama.request import NAME

if TYPE_CHECKING:
    from pointsman.core.chat import EmbeddingReply
    from pointsman.core.jsontypes import JsonObject

_KNOWN = ("model", "input", "prompt", "dimensions")


def decode_embed(body: JsonObject) -> EmbeddingRequest:
    """/api/embed: one text or several."""
    inputs = fields.strings(body.get("input"), "input")
    if not inputs:
        raise InvalidRequest("input is missing or empty.", hint="Send a string or a list of them.", param="input")
    return _read(body, inputs)


def decode_prompt(body: JsonObject) -> EmbeddingRequest:
    """/api/embeddings: one text."""
    return _read(body, (fields.required_string(body, "prompt"),))


def _read(body: JsonObject, inputs: tuple[str, ...]) -> EmbeddingRequest:
    extras = {
        key: value
        for key, value in fields.others(body, _KNOWN).items()
        if not (key == "truncate" and value in (False, None))
    }
    return EmbeddingRequest(
        model=fields.string(body, "model"),
        inputs=inputs,
        dimensions=fields.integer(body, "dimensions", minimum=1),
        extras={NAME: extras} if extras else NO_EXTRAS,
    )


def encode_embed(reply: EmbeddingReply, _request: EmbeddingRequest) -> JsonObject:
    """The vectors of /api/embed."""
    body: JsonObject = {"model": reply.model, "embeddings": [list(vector) for vector in reply.vectors]}
    if reply.usage is not None:
        body["prompt_eval_count"] = reply.usage.input_tokens
    return body


def encode_prompt(reply: EmbeddingReply, _request: EmbeddingRequest) -> JsonObject:
    """The vector of /api/embeddings."""
    return {"embedding": list(reply.vectors[0])}
