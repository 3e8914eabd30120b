"""Embeddings, both ways: one content (`embedContent`) or many (`batchEmbedContents`, which endpoints are asked)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pointsman.core.catalog import Operation
from pointsman.core.chat import EmbeddingReply, EmbeddingRequest
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.base import Encoded, foreign_settings
from pointsman.dialects.gemini.request import named, path
from pointsman.dialects.gemini.spelling import NAME, canonical, listed, more_than, own, spellings
from pointsman.dialects.gemini.usage import decode_usage

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

_REQUESTS = "requests"  # in extras: what each request says beside its content, where they differ
_FIELDS = spellings("taskType", "outputDimensionality")


def decode_embed(body: JsonObject) -> EmbeddingRequest:
    """The neutral request of an `embedContent`; InvalidRequest names the path of what is wrong."""
    return _decode([body], ("",))


def decode_batch_embed(body: JsonObject) -> EmbeddingRequest:
    """The neutral request of a `batchEmbedContents`; InvalidRequest names the path of what is wrong."""
    items = listed(body, _REQUESTS)
    if not items:
        raise InvalidRequest("requests is missing or empty.", hint="Send at least one request.", param=_REQUESTS)
    return _decode(items, tuple(f"{_REQUESTS}[{index}]" for index in range(len(items))))


def _decode(items: list[JsonObject], places: tuple[str, ...]) -> EmbeddingRequest:
    items = [canonical(item, _FIELDS, at) for item, at in zip(items, places, strict=True)]
    sizes = [
        fields.integer(item, "outputDimensionality", at, minimum=1) for item, at in zip(items, places, strict=True)
    ]
    for size, at in zip(sizes, places, strict=True):
        if size != sizes[0]:
            param = fields.path_of(at, "outputDimensionality")
            raise InvalidRequest(f"{param} must be the same in all requests, not {size} and {sizes[0]}.", param=param)
    others = [more_than(item, "model", "content", "outputDimensionality") for item in items]
    extras: JsonObject = others[0] if all(other == others[0] for other in others) else {_REQUESTS: others}
    return EmbeddingRequest(
        inputs=tuple(_text_of(item, at) for item, at in zip(items, places, strict=True)),
        dimensions=sizes[0],
        extras=own(extras),
    )


def _text_of(item: JsonObject, at: str) -> str:
    content = fields.required_mapping(item, "content", at)
    where = fields.path_of(at, "content")
    parts = listed(content, "parts", where)
    if not parts:
        raise InvalidRequest(f"{where}.parts is missing or empty.", param=f"{where}.parts")
    return "".join(fields.required_string(part, "text", f"{where}.parts[{index}]") for index, part in enumerate(parts))


def encode_request(request: EmbeddingRequest, model: str) -> Encoded:
    """*request* for *model*; InvalidRequest for token ids, which this API does not take."""
    extras = dict(request.extras.get(NAME, {}))
    each = extras.pop(_REQUESTS, None)
    size: JsonObject = {} if request.dimensions is None else {"outputDimensionality": request.dimensions}
    items: list[Json] = []
    for index, text in enumerate(request.inputs):
        if not isinstance(text, str):
            at = f"input[{index}]"
            raise InvalidRequest(
                f"{at} is a list of token ids, which {NAME} cannot embed.", hint="Send text.", param=at
            )
        own_fields = each[index] if isinstance(each, list) and index < len(each) else {}
        more = own_fields if isinstance(own_fields, dict) else {}
        items.append({"model": named(model), "content": {"parts": [{"text": text}]}, **size, **extras, **more})
    dropped = () if request.user is None else ("user",)
    return Encoded(
        path=path(Operation.EMBEDDINGS, model, stream=False) or "",
        body={_REQUESTS: items},
        dropped=(*dropped, *foreign_settings(request.extras, NAME)),
    )


def decode_reply(body: JsonObject) -> EmbeddingReply:
    """The vectors; ValueError when the body is not an embeddings answer."""
    try:
        alone = fields.mapping(body, "embedding")
        items = fields.objects(body, "embeddings") if alone is None else [alone]
    except InvalidRequest as error:
        raise ValueError(f"the answer is malformed: {error.message}") from error
    if not items:
        raise ValueError("the answer holds no vectors")
    vectors = tuple(_numbers(item.get("values")) for item in items)
    return EmbeddingReply(model="", vectors=vectors, usage=decode_usage(body.get("usageMetadata")))


def _numbers(given: Json) -> tuple[float, ...]:
    if not isinstance(given, list) or not all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in given
    ):
        raise ValueError("a vector is not a list of numbers")
    return tuple(cast("list[float]", given))


def encode_embed(reply: EmbeddingReply) -> JsonObject:
    """The answer to an `embedContent`."""
    return {"embedding": {"values": list(reply.vectors[0])}, **_usage(reply)}


def encode_batch_embed(reply: EmbeddingReply) -> JsonObject:
    """The answer to a `batchEmbedContents`."""
    return {"embeddings": [{"values": list(vector)} for vector in reply.vectors], **_usage(reply)}


def _usage(reply: EmbeddingReply) -> JsonObject:
    if reply.usage is None:
        return {}
    tokens = reply.usage.input_tokens
    return {"usageMetadata": {"promptTokenCount": tokens, "totalTokenCount": tokens}}
