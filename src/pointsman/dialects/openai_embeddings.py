"""OpenAI's embeddings, both ways."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, cast

from pointsman.core.chat import EmbeddingReply, EmbeddingRequest
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.base import Encoded, foreign_settings
from pointsman.dialects.openai_chat.content import NAME, own
from pointsman.dialects.openai_chat.reply import decode_usage

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

PATH = "/embeddings"

_KNOWN = frozenset(("model", "input", "dimensions", "encoding_format", "user"))
_FORMATS = {"float": False, "base64": True, None: False}


def decode_request(body: JsonObject) -> EmbeddingRequest:
    """The neutral request; InvalidRequest names the path of what is wrong."""
    form = fields.string(body, "encoding_format")
    if form not in _FORMATS:
        raise InvalidRequest("encoding_format must be float or base64.", param="encoding_format")
    return EmbeddingRequest(
        inputs=_decode_inputs(body.get("input")),
        model=fields.string(body, "model"),
        dimensions=fields.integer(body, "dimensions", minimum=1),
        base64=_FORMATS[form],
        user=fields.string(body, "user"),
        extras=own(fields.others(body, _KNOWN)),
    )


def _decode_inputs(given: Json) -> tuple[str, ...] | tuple[tuple[int, ...], ...]:
    if not given:
        raise InvalidRequest("input is missing or empty.", hint="Send a string or a list.", param="input")
    if isinstance(given, list) and not isinstance(given[0], str):
        if not isinstance(given[0], list):
            return (_tokens(given, "input"),)
        return tuple(_tokens(tokens, f"input[{index}]") for index, tokens in enumerate(given))
    return fields.strings(given, "input")


def _tokens(given: Json, path: str) -> tuple[int, ...]:
    if not isinstance(given, list):
        raise fields.wrong_type(given, "a list of token ids", path)
    for index, token in enumerate(given):
        if not isinstance(token, int) or isinstance(token, bool):
            raise fields.wrong_type(token, "a token id", f"{path}[{index}]")
    return tuple(cast("list[int]", given))


def encode_request(request: EmbeddingRequest, model: str) -> Encoded:
    """*request* for *model*."""
    inputs: list[Json] = [item if isinstance(item, str) else list(item) for item in request.inputs]
    body: JsonObject = {"model": model, "input": inputs}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.base64:
        body["encoding_format"] = "base64"
    if request.user is not None:
        body["user"] = request.user
    body |= request.extras.get(NAME, {})
    return Encoded(path=PATH, body=body, dropped=foreign_settings(request.extras, NAME))


def encode_reply(reply: EmbeddingReply, request: EmbeddingRequest) -> JsonObject:
    """The answer to *request*, as numbers or as little-endian float32 in base64."""
    data: list[Json] = [
        {"object": "embedding", "index": index, "embedding": _pack(vector) if request.base64 else list(vector)}
        for index, vector in enumerate(reply.vectors)
    ]
    tokens = reply.usage.input_tokens if reply.usage is not None else 0
    usage: JsonObject = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": reply.model, "usage": usage}


def decode_reply(body: JsonObject) -> EmbeddingReply:
    """The vectors in the order of their index; ValueError when the body is not an embeddings answer."""
    try:
        items = fields.objects(body, "data")
        model = fields.string(body, "model") or ""
        places = [fields.integer(item, "index", f"data[{at}]") for at, item in enumerate(items)]
    except InvalidRequest as error:
        raise ValueError(f"the answer is malformed: {error.message}") from error
    if not items:
        raise ValueError("the answer holds no vectors")
    numbered = sorted(
        ((at if place is None else place, item) for at, (place, item) in enumerate(zip(places, items, strict=True))),
        key=lambda pair: pair[0],
    )
    vectors = tuple(_vector(item.get("embedding")) for _, item in numbered)
    return EmbeddingReply(model=model, vectors=vectors, usage=decode_usage(body))


def _vector(given: Json) -> tuple[float, ...]:
    if isinstance(given, str):
        return _unpack(given)
    return numbers(given)


def numbers(given: Json) -> tuple[float, ...]:
    """A list of numbers as a vector; ValueError for anything else."""
    if not isinstance(given, list) or not all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in given
    ):
        raise ValueError("a vector is not a list of numbers")
    return tuple(cast("list[float]", given))


def _pack(vector: tuple[float, ...]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _unpack(text: str) -> tuple[float, ...]:
    try:
        data = base64.b64decode(text, validate=True)
        return struct.unpack(f"<{len(data) // 4}f", data)
    except (binascii.Error, struct.error, ValueError) as error:
        raise ValueError("a vector is not float32 in base64") from error
