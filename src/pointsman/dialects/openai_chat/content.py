"""Content parts of Chat Completions: text, image_url, input_audio, file, refusal, and kinds still unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.core.chat import NO_EXTRAS, Media, Part, Refusal, Text
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.filenames import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

NAME: Final = "openai_chat"

_BASE64 = ";base64"
_KINDS = {"image_url": "image", "input_audio": "audio"}


def own(found: JsonObject) -> Mapping[str, JsonObject]:
    """*found* as the extras of this dialect, none when it is empty."""
    return {NAME: found} if found else NO_EXTRAS


def decode_content(item: JsonObject, at: str) -> tuple[Part, ...]:
    """The parts of `content`: of a string one text, of null none."""
    value = item.get("content")
    if isinstance(value, str):
        return (Text(text=value),)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise fields.wrong_type(value, "a string or a list of parts", f"{at}.content")
    return tuple(_decode_part(part, f"{at}.content[{index}]") for index, part in enumerate(value))


def _decode_part(part: Json, at: str) -> Part:
    if not isinstance(part, dict):
        raise fields.wrong_type(part, "an object", at)
    kind = fields.required_string(part, "type", at)
    match kind:
        case "text":
            extras = own(fields.others(part, ("type", "text")))
            return Text(text=fields.required_string(part, "text", at), extras=extras)
        case "refusal":
            extras = own(fields.others(part, ("type", "refusal")))
            return Refusal(text=fields.required_string(part, "refusal", at), extras=extras)
        case "image_url":
            media = _decode_image(fields.required_mapping(part, "image_url", at), f"{at}.image_url")
        case "input_audio":
            media = _decode_audio(fields.required_mapping(part, "input_audio", at), f"{at}.input_audio")
        case "file":
            media = _decode_file(fields.required_mapping(part, "file", at), f"{at}.file")
        case _:
            media = None
    if media is not None and encode_part(media, at) == part:
        return media
    return _with_original(media or Media(kind=_KINDS.get(kind, kind)), part)


def _with_original(media: Media, part: JsonObject) -> Media:
    """*media* that remembers the *part* it was read from, for what the neutral form has no name for."""
    return Media(
        kind=media.kind,
        url=media.url,
        data_base64=media.data_base64,
        file_id=media.file_id,
        media_type=media.media_type,
        filename=media.filename,
        detail=media.detail,
        extras=own(part),
    )


def _decode_image(image: JsonObject, at: str) -> Media | None:
    url = fields.required_string(image, "url", at)
    detail = fields.string(image, "detail", at)
    if url.startswith(("http://", "https://")):
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


def _decode_file(file: JsonObject, at: str) -> Media | None:
    filename = fields.string(file, "filename", at)
    identity = fields.string(file, "file_id", at)
    if identity is not None:
        return Media(kind="file", file_id=identity, filename=filename)
    given = fields.string(file, "file_data", at)
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


def encode_content(parts: Sequence[Part], at: str) -> Json:
    """A string for plain text and for nothing, else a list of parts."""
    if not parts:
        return ""
    if len(parts) == 1:
        (part,) = parts
        if isinstance(part, Text) and NAME not in part.extras:
            return part.text
    return [encode_part(part, f"{at}.content[{index}]") for index, part in enumerate(parts)]


def encode_part(part: Part, at: str) -> JsonObject:
    """One entry of `content`; InvalidRequest when this dialect has no such part."""
    extras = part.extras.get(NAME, {})
    match part:
        case Text():
            return {"type": "text", "text": part.text, **extras}
        case Refusal():
            return {"type": "refusal", "refusal": part.text, **extras}
        case Media():
            return dict(extras) if extras else _encode_media(part, at)
        case _:
            raise InvalidRequest(f"{at}: a {type(part).__name__} cannot be a part of this message.", param=at)


def _encode_media(media: Media, at: str) -> JsonObject:
    match media:
        case Media(kind="image", url=str()) | Media(kind="image", data_base64=str()):
            detail: JsonObject = {} if media.detail is None else {"detail": media.detail}
            return {"type": "image_url", "image_url": {"url": media.url or _data_url(media), **detail}}
        case Media(kind="audio", data_base64=str(data)):
            audio: JsonObject = {"data": data}
            if media.media_type is not None:
                audio["format"] = media.media_type.removeprefix("audio/")
            return {"type": "input_audio", "input_audio": audio}
        case Media(kind="file", file_id=str(identity)):
            file: JsonObject = {} if media.filename is None else {"filename": media.filename}
            return {"type": "file", "file": {**file, "file_id": identity}}
        case Media(kind="file", data_base64=str()):
            return {"type": "file", "file": {"filename": name_of(media), "file_data": _data_url(media)}}
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
