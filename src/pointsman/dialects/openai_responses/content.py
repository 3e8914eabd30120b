"""Content parts of Responses: text as said and as given, refusals, images, files, sounds, and kinds still unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import NO_EXTRAS, Media, Part, Refusal, Text
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.filenames import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

NAME: Final = "openai_responses"
MESSAGE: Final = "message_item"  # in a part's extras: a message item begins here, with these fields of its own

_BASE64 = ";base64"
_HTTP = ("http://", "https://")
_KINDS = {"input_image": "image", "input_audio": "audio", "input_file": "file"}
_EMPTY: tuple[Json, ...] = (None, [])


def own(found: JsonObject) -> Mapping[str, JsonObject]:
    """*found* as the extras of this dialect, none when it is empty."""
    return {NAME: found} if found else NO_EXTRAS


def decode_content(item: JsonObject, key: str, at: str) -> tuple[Part, ...]:
    """The parts at *key*: of a string one text. It has to be there."""
    value = item.get(key)
    path = f"{at}.{key}"
    if isinstance(value, str):
        return (Text(text=value),)
    if value is None:
        state = "must be a string or a list of parts, not null" if key in item else "is missing"
        raise InvalidRequest(f"{path} {state}.", param=path)
    if not isinstance(value, list):
        raise fields.wrong_type(value, "a string or a list of parts", path)
    return tuple(_decode_part(part, f"{path}[{index}]") for index, part in enumerate(value))


def _decode_part(part: Json, at: str) -> Part:
    if not isinstance(part, dict):
        raise fields.wrong_type(part, "an object", at)
    kind = fields.required_string(part, "type", at)
    match kind:
        case "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text":
            more = {key: value for key, value in fields.others(part, ("type", "text")).items() if value not in _EMPTY}
            return Text(text=fields.required_string(part, "text", at), extras=own(more))
        case "refusal":
            extras = own(fields.others(part, ("type", "refusal")))
            return Refusal(text=fields.required_string(part, "refusal", at), extras=extras)
        case "input_image":
            media = _decode_image(part, at)
        case "input_file":
            media = _decode_file(part, at)
        case "input_audio":
            media = _decode_audio(fields.required_mapping(part, "input_audio", at), f"{at}.input_audio")
        case _:
            media = None
    if media is None:
        return Media(kind=_KINDS.get(kind, kind), extras=own(part))
    given = {key: value for key, value in part.items() if value is not None}
    return media if _encode_media(media, at) == given else replace(media, extras=own(part))


def _decode_image(part: JsonObject, at: str) -> Media | None:
    detail = fields.string(part, "detail", at)
    identity = fields.string(part, "file_id", at)
    if identity is not None:
        return Media(kind="image", file_id=identity, detail=detail)
    url = fields.required_string(part, "image_url", at)
    if url.startswith(_HTTP):
        return Media(kind="image", url=url, detail=detail)
    media_type, data = _split_data_url(url)
    return None if data is None else Media(kind="image", data_base64=data, media_type=media_type, detail=detail)


def _decode_audio(audio: JsonObject, at: str) -> Media:
    form = fields.string(audio, "format", at)
    return Media(
        kind="audio",
        data_base64=fields.required_string(audio, "data", at),
        media_type=None if form is None else f"audio/{form}",
    )


def _decode_file(part: JsonObject, at: str) -> Media | None:
    filename = fields.string(part, "filename", at)
    identity = fields.string(part, "file_id", at)
    if identity is not None:
        return Media(kind="file", file_id=identity, filename=filename)
    url = fields.string(part, "file_url", at)
    if url is not None and url.startswith(_HTTP):
        return Media(kind="file", url=url, filename=filename)
    given = fields.string(part, "file_data", at)
    if given is None:
        return None
    media_type, data = _split_data_url(given)
    return Media(kind="file", data_base64=given if data is None else data, media_type=media_type, filename=filename)


def _split_data_url(url: str) -> tuple[str | None, str | None]:
    """Media type and base64 text of a data URL; (None, None) when it is none."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(_BASE64):
        return None, None
    return head[len("data:") : -len(_BASE64)] or None, data


def encode_content(parts: Sequence[Part], at: str, *, is_said: bool = False) -> Json:
    """A string for plain text and for nothing, else a list of parts; *is_said*: by the assistant."""
    if not parts:
        return ""
    if len(parts) == 1:
        (part,) = parts
        if isinstance(part, Text) and not _extras(part):
            return part.text
    return [encode_part(part, f"{at}.content[{index}]", is_said=is_said) for index, part in enumerate(parts)]


def encode_part(part: Part, at: str, *, is_said: bool = False) -> JsonObject:
    """One entry of `content`; InvalidRequest when this dialect has no such part."""
    match part:
        case Text() if is_said:
            return {"type": "output_text", "text": part.text, "annotations": [], **_extras(part)}
        case Text():
            return {"type": "input_text", "text": part.text, **_extras(part)}
        case Refusal():
            return {"type": "refusal", "refusal": part.text, **_extras(part)}
        case Media():
            return _extras(part) or _encode_media(part, at)
        case _:
            raise InvalidRequest(f"{at}: a {type(part).__name__} cannot be a part of this message.", param=at)


def _extras(part: Text | Refusal | Media) -> JsonObject:
    """The part's own fields, less the mark that a message begins."""
    return fields.others(part.extras.get(NAME, {}), (MESSAGE,))


def _encode_media(media: Media, at: str) -> JsonObject:
    named: JsonObject = {} if media.filename is None else {"filename": media.filename}
    detail: JsonObject = {} if media.detail is None else {"detail": media.detail}
    match media:
        case Media(kind="image", file_id=str(identity)):
            return {"type": "input_image", "file_id": identity, **detail}
        case Media(kind="image", url=str()) | Media(kind="image", data_base64=str()):
            return {"type": "input_image", "image_url": media.url or _data_url(media), **detail}
        case Media(kind="audio", data_base64=str(data)):
            form: JsonObject = {} if media.media_type is None else {"format": media.media_type.removeprefix("audio/")}
            return {"type": "input_audio", "input_audio": {"data": data, **form}}
        case Media(kind="file", file_id=str(identity)):
            return {"type": "input_file", "file_id": identity, **named}
        case Media(kind="file", url=str(url)):
            return {"type": "input_file", "file_url": url, **named}
        case Media(kind="file", data_base64=str()):
            return {"type": "input_file", "file_data": _data_url(media), "filename": name_of(media)}
        case _:
            raise InvalidRequest(
                f"{at} is of the kind {media.kind!a}, which an endpoint of the dialect {NAME} cannot take.",
                hint="Choose a model whose endpoint speaks the dialect of the request.",
                param=at,
            )


def _data_url(media: Media) -> str:
    if media.kind == "file" and media.media_type is None:
        return media.data_base64 or ""
    return f"data:{media.media_type or ''}{_BASE64},{media.data_base64}"
