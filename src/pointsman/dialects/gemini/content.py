"""Parts of a turn: text, thoughts, data, calls of functions and what they gave back; other kinds are kept as they are.

A part's `thoughtSignature` belongs to the endpoint that made it: it travels in the part's extras, of a thought as its
signature.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pointsman.core.chat import Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields, signatures
from pointsman.dialects.gemini.names import NAME, camel, own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.jsontypes import Json, JsonObject

SIGNATURE = "thoughtSignature"
OUTPUT, ERROR = "output", "error"

_HTTP = ("http://", "https://")


def compact(value: Json) -> str:
    """*value* as JSON text without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def decode_part(given: Json, at: str, *, call_id: str) -> Part:
    """One part; *call_id* is for a call that has no id of its own."""
    if not isinstance(given, dict):
        raise fields.wrong_type(given, "an object", at)
    part = camel(given)
    if isinstance(part.get("text"), str) or "text" in part:
        return _decode_text(part, at)
    if "inlineData" in part:
        return _decode_data(part, at, given)
    if "fileData" in part:
        return _decode_file(part, at, given)
    if "functionCall" in part:
        return _decode_call(part, at, call_id)
    if "functionResponse" in part:
        return _decode_response(part, at)
    kind = next((key for key in part if key not in (SIGNATURE, "thought")), "nothing")
    return Media(kind=kind, extras=own(dict(given)))


def _decode_text(part: JsonObject, at: str) -> Text | Reasoning:
    text = fields.required_string(part, "text", at)
    if fields.boolean(part, "thought", at):
        signature, origin = signatures.inward(fields.string(part, SIGNATURE, at), NAME)
        return Reasoning(
            text=text,
            signature=signature,
            origin=origin,
            extras=own(fields.others(part, ("text", "thought", SIGNATURE))),
        )
    return Text(text=text, extras=own(_without_foreign(fields.others(part, ("text", "thought")))))


def _decode_data(part: JsonObject, at: str, given: JsonObject) -> Media:
    data = camel(fields.required_mapping(part, "inlineData", at))
    where = f"{at}.inlineData"
    media_type = fields.string(data, "mimeType", where)
    found = Media(
        kind=_kind(media_type),
        data_base64=fields.required_string(data, "data", where),
        media_type=media_type,
        filename=fields.string(data, "displayName", where),
    )
    return found if set(part) == {"inlineData"} else _with_original(found, given)


def _decode_file(part: JsonObject, at: str, given: JsonObject) -> Media:
    data = camel(fields.required_mapping(part, "fileData", at))
    where = f"{at}.fileData"
    uri = fields.required_string(data, "fileUri", where)
    media_type = fields.string(data, "mimeType", where)
    is_url = uri.startswith(_HTTP)
    found = Media(
        kind=_kind(media_type),
        url=uri if is_url else None,
        file_id=None if is_url else uri,
        media_type=media_type,
        filename=fields.string(data, "displayName", where),
    )
    return found if set(part) == {"fileData"} else _with_original(found, given)


def _with_original(media: Media, given: JsonObject) -> Media:
    """*media* that remembers the part it was read from, for what the neutral form has no name for."""
    return Media(
        kind=media.kind,
        url=media.url,
        data_base64=media.data_base64,
        file_id=media.file_id,
        media_type=media.media_type,
        filename=media.filename,
        extras=own(dict(given)),
    )


def _kind(media_type: str | None) -> str:
    head = (media_type or "").partition("/")[0]
    return head if head in ("image", "audio", "video") else "file"


def _decode_call(part: JsonObject, at: str, call_id: str) -> ToolCall:
    call = fields.required_mapping(part, "functionCall", at)
    where = f"{at}.functionCall"
    return ToolCall(
        id=fields.string(call, "id", where) or call_id,
        name=fields.required_string(call, "name", where),
        arguments=compact(fields.mapping(call, "args", where) or {}),
        extras=own(_without_foreign(fields.others(part, ("functionCall", "thought")))),
    )


def _decode_response(part: JsonObject, at: str) -> ToolResult:
    given = camel(fields.required_mapping(part, "functionResponse", at))
    where = f"{at}.functionResponse"
    response = fields.mapping(given, "response", where) or {}
    text, is_error = _text_of(response)
    media = [
        decode_part(item, f"{where}.parts[{index}]", call_id="")
        for index, item in enumerate(fields.array(given, "parts", where) or ())
    ]
    extras = fields.others(given, ("id", "name", "response", "parts"))
    return ToolResult(
        call_id=fields.string(given, "id", where) or "",
        content=(Text(text=text), *(one for one in media if isinstance(one, Text | Media))),
        name=fields.required_string(given, "name", where),
        is_error=is_error,
        extras=own(extras),
    )


def _text_of(response: JsonObject) -> tuple[str, bool]:
    """What a function gave back as text, and whether it failed."""
    for key in (OUTPUT, ERROR):
        if set(response) == {key} and isinstance(response[key], str):
            return str(response[key]), key == ERROR
    return compact(response), False


def encode_part(part: Part, at: str) -> JsonObject:
    """One part; InvalidRequest when this dialect has no such part. A ToolResult is `encode_result`'s."""
    extras = part.extras.get(NAME, {})
    match part:
        case Text() | Refusal():
            return {"text": part.text, **extras}
        case Reasoning():
            signature = signatures.outward(part.signature, part.origin, NAME) if part.signature is not None else None
            return {"text": part.text, "thought": True, **({SIGNATURE: signature} if signature else {}), **extras}
        case ToolCall():
            identity: JsonObject = {"id": part.id} if part.id else {}
            return {"functionCall": {**identity, "name": part.name, "args": arguments(part.arguments)}, **extras}
        case Media():
            return dict(extras) if extras else _encode_media(part, at)
        case _:
            raise InvalidRequest(f"{at}: a {type(part).__name__} cannot be a part of this turn.", param=at)


def encode_result(result: ToolResult, name: str, at: str) -> JsonObject:
    """What a function gave back."""
    text = "\n".join(part.text for part in result.content if isinstance(part, Text))
    media: list[Json] = [encode_part(part, at) for part in result.content if isinstance(part, Media)]
    body: JsonObject = {"id": result.call_id} if result.call_id else {}
    body |= {"name": name, "response": _response(text, is_error=result.is_error)}
    if media:
        body["parts"] = media
    return {"functionResponse": {**body, **result.extras.get(NAME, {})}}


def _response(text: str, *, is_error: bool) -> JsonObject:
    """*text* as the object this API wants; JSON objects are one already."""
    if not is_error and text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
    return {ERROR if is_error else OUTPUT: text}


def arguments(text: str) -> JsonObject:
    """A call's arguments as the object this API wants; text that is none is wrapped, so that the talk can go on."""
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"arguments": text}


def _encode_media(media: Media, at: str) -> JsonObject:
    name: JsonObject = {} if media.filename is None else {"displayName": media.filename}
    kind: JsonObject = {"mimeType": media.media_type or _USUAL_TYPES.get(media.kind, "application/octet-stream")}
    if media.kind not in _SAID_KINDS:
        pass
    elif media.data_base64 is not None:
        return {"inlineData": {**kind, "data": media.data_base64, **name}}
    elif media.url is not None or media.file_id is not None:
        if media.media_type is None and media.file_id is not None:
            kind = {}
        return {"fileData": {**kind, "fileUri": media.url or media.file_id, **name}}
    raise InvalidRequest(
        f"{at} is of the kind {media.kind!a}, which an endpoint of the dialect {NAME} cannot take.",
        hint="Choose a model whose endpoint speaks the dialect of the request.",
        param=at,
    )


_SAID_KINDS = frozenset(("image", "audio", "video", "file"))
_USUAL_TYPES: Mapping[str, str] = {"image": "image/png", "audio": "audio/wav", "file": "application/pdf"}


def _without_foreign(extras: JsonObject) -> JsonObject:
    """*extras* without a signature that only our own gateway knows."""
    signature = extras.get(SIGNATURE)
    if isinstance(signature, str) and signatures.is_foreign(signature):
        return {key: value for key, value in extras.items() if key != SIGNATURE}
    return extras
