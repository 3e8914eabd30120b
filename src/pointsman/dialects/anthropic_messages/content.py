"""Content blocks of Messages: text, images, documents, search results, and kinds still unknown.

What is text in the end (a document of plain text, a search result) is read as text, so that every model can take it;
its own dialect gets back the block as it came.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import NO_EXTRAS, Media, Text
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

NAME: Final = "anthropic_messages"

_HTTP = ("http://", "https://")
_BLOCKS = {"image": "image", "document": "file"}
_PDF = "application/pdf"
_PLAIN = "text/plain"


def own(found: JsonObject) -> Mapping[str, JsonObject]:
    """*found* as the extras of this dialect, none when it is empty."""
    return {NAME: found} if found else NO_EXTRAS


def more_than(block: JsonObject, *known: str) -> Mapping[str, JsonObject]:
    """The fields of *block* that are not *known* and not null, as extras."""
    return own({key: value for key, value in fields.others(block, known).items() if value is not None})


def decode_content(item: JsonObject, at: str) -> tuple[Text | Media, ...]:
    """The parts of `content` that holds no calls: of a string one text, of null none."""
    return tuple(decode_part(block, where) for block, where in blocks(item.get("content"), f"{at}.content"))


def blocks(value: Json, path: str) -> Iterator[tuple[JsonObject, str]]:
    """The blocks of the *value* at *path*, each with its own path; a string is one block of text."""
    if isinstance(value, str):
        yield {"type": "text", "text": value}, path
    elif isinstance(value, list):
        for index, block in enumerate(value):
            where = f"{path}[{index}]"
            if not isinstance(block, dict):
                raise fields.wrong_type(block, "an object", where)
            yield block, where
    elif value is not None:
        raise fields.wrong_type(value, "a string or a list of blocks", path)


def decode_part(block: JsonObject, at: str) -> Text | Media:
    """One block that is shown; of a kind this dialect does not know, a Media of that kind."""
    kind = fields.required_string(block, "type", at)
    match kind:
        case "text":
            return Text(text=fields.required_string(block, "text", at), extras=more_than(block, "type", "text"))
        case "image" | "document":
            return _decode_media(block, _BLOCKS[kind], at)
        case "search_result":
            return Text(text=_lines(block, ("title", "source"), _inner_text(block) or "", at), extras=own(block))
        case _:
            return Media(kind=kind, extras=own(block))


def _decode_media(block: JsonObject, kind: str, at: str) -> Text | Media:
    source = fields.required_mapping(block, "source", at)
    where = f"{at}.source"
    title = fields.string(block, "title", at)
    match fields.required_string(source, "type", where):
        case "base64":
            data = fields.required_string(source, "data", where)
            media_type = fields.string(source, "media_type", where)
            media = Media(kind=kind, data_base64=data, media_type=media_type, filename=title)
        case "url":
            url = fields.required_string(source, "url", where)
            media = Media(kind=kind, url=url if url.startswith(_HTTP) else None, filename=title)
        case "file":
            media = Media(kind=kind, file_id=fields.required_string(source, "file_id", where), filename=title)
        case "text":
            text = fields.required_string(source, "data", where)
            return Text(text=_lines(block, ("title", "context"), text, at), extras=own(block))
        case "content":
            inner = _inner_text(source)
            if inner is not None:
                return Text(text=_lines(block, ("title", "context"), inner, at), extras=own(block))
            media = Media(kind="document")
        case _:
            media = Media(kind=kind)
    return media if _is_whole(media, block, at) else replace(media, extras=own(block))


def _is_whole(media: Media, block: JsonObject, at: str) -> bool:
    """Whether *media* says all that *block* does."""
    try:
        return encode_part(media, at) == block
    except InvalidRequest:
        return False


def _inner_text(item: JsonObject) -> str | None:
    """The text of `content`; None when it holds anything else."""
    content = item.get("content")
    if isinstance(content, str):
        return content
    found: list[str] = []
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, dict) or not isinstance(block.get("text"), str):
            return None
        found.append(str(block["text"]))
    return "\n".join(found)


def _lines(block: JsonObject, headings: Sequence[str], text: str, at: str) -> str:
    """*text* under the *headings* that the block has."""
    return "\n".join([*filter(None, (fields.string(block, name, at) for name in headings)), text])


def encode_content(parts: Sequence[Text | Media], at: str) -> Json:
    """A string for plain text and for nothing, else a list of blocks; the API refuses empty text, so it is left out."""
    said = [part for part in parts if not isinstance(part, Text) or not is_blank(part)]
    if not said:
        return ""
    if len(said) == 1 and isinstance(said[0], Text) and NAME not in said[0].extras:
        return said[0].text
    return [encode_part(part, f"{at}.content[{index}]") for index, part in enumerate(said)]


def is_blank(part: Text) -> bool:
    """Whether the API would refuse the text for its emptiness."""
    return not part.text.strip() and "type" not in part.extras.get(NAME, {})


def encode_part(part: Text | Media, at: str) -> JsonObject:
    """One block; InvalidRequest when this dialect has no such block."""
    extras = part.extras.get(NAME, {})
    if "type" in extras:
        return dict(extras)
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, **extras}
    return _encode_media(part, at)


def _encode_media(media: Media, at: str) -> JsonObject:
    if media.kind not in _BLOCKS.values():
        raise _unsayable(f"of the kind {media.kind!a}", at)
    titled: JsonObject = {} if media.filename is None or media.kind == "image" else {"title": media.filename}
    block = "image" if media.kind == "image" else "document"
    match media:
        case Media(file_id=str(identity)):
            source: JsonObject = {"type": "file", "file_id": identity}
        case Media(url=str(url)):
            source = {"type": "url", "url": url}
        case Media(data_base64=str(data), media_type=str(media_type)) if _is_text(media):
            source = {"type": "text", "media_type": _PLAIN, "data": _plain(data, media_type, at)}
        case Media(data_base64=str(data)):
            source = {"type": "base64", "media_type": _media_type(media, at), "data": data}
        case _:
            raise _unsayable("without an address, data or id", at)
    return {"type": block, "source": source, **titled}


def _is_text(media: Media) -> bool:
    return media.kind == "file" and media.media_type is not None and media.media_type.startswith("text/")


def _plain(data: str, media_type: str, at: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{at} is no {media_type} in base64 and UTF-8.", param=at) from error


def _media_type(media: Media, at: str) -> str:
    """The type the API asks for; files are PDFs, and what an image is can be told by its first characters."""
    if media.kind == "image":
        return media.media_type or _image_type(media.data_base64 or "")
    if media.media_type not in (None, _PDF):
        raise _unsayable(f"a file of the type {media.media_type!a}", at)
    return _PDF


def _image_type(data: str) -> str:
    beginnings = {"iVBOR": "image/png", "R0lGO": "image/gif", "UklGR": "image/webp"}
    return beginnings.get(data[:5], "image/jpeg")


def _unsayable(what: str, at: str) -> InvalidRequest:
    return InvalidRequest(
        f"{at} is {what}, which an endpoint of the dialect {NAME} cannot take.",
        hint="Choose a model whose endpoint speaks the dialect of the request.",
        param=at,
    )
