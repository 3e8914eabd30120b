"""OpenAI's embeddings and its older completions, as the scripted upstream answers them."""

from __future__ import annotations

import base64
import struct
from typing import Final

from tests.clients.upstream import mind
from tests.clients.upstream.openai_shown import READER
from tests.clients.upstream.rules import Body, refuse_unless

_EMBEDDINGS: Final = {
    "input": "string|array",
    "model": "string",
    "dimensions": "integer",
    "encoding_format": "string",
    "user": "string",
}


def embed(body: object) -> Body:
    """The vectors, as numbers or as base64 of little-endian floats."""
    given = READER.shape(body, "", _EMBEDDINGS, ("input", "model"))
    READER.one_of(given.get("encoding_format", "float"), "encoding_format", ("float", "base64"))
    inputs = given["input"]
    if isinstance(inputs, str) or (inputs and isinstance(inputs[0], int)):
        inputs = [inputs]
    refuse_unless(inputs and all(inputs), "Invalid 'input': empty.")
    rows = []
    for index, one in enumerate(inputs):
        vector = mind.vector(one if isinstance(one, str) else repr(one), given.get("dimensions"))
        is_base64 = given.get("encoding_format") == "base64"
        packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        rows.append({"object": "embedding", "index": index, "embedding": packed if is_base64 else vector})
    tokens = mind.INPUT_TOKENS
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": rows, "model": given["model"], "usage": usage}


def models(names: list[str]) -> Body:
    """The list of models."""
    rows = [{"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "scripted"} for name in names]
    return {"object": "list", "data": rows}
