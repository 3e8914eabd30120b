"""Parts that are shown: text, data in place, files by address, and kinds still unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pointsman.core.chat import Media, Text
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.gemini.spelling import NAME, canonical, more_than, own, spellings

if TYPE_CHECKING:
    from pointsman.core.jsontypes import JsonObject

FIELDS = spellings(
    "thoughtSignature",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "videoMetadata",
    "mediaResolution",
    "partMetadata",
    "toolCall",
    "toolResponse",
)
_BLOB = spellings("mimeType", "displayName", "fileUri")
_HTTP = ("http://", "https://")
_KEPT_BY_GOOGLE = "https://generativelanguage.googleapis.com/"
_IDENTITIES = (_KEPT_BY_GOOGLE, "gs://", "files/")
_KINDS = frozenset(("image", "audio", "file"))
_TYPES = {
    "csv": "text/csv",
    "gif": "image/gif",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "md": "text/markdown",
    "mp3": "audio/mp3",
    "mp4": "video/mp4",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain",
    "wav": "audio/wav",
    "webp": "image/webp",
}
_STANDARD = str.maketrans("-_", "+/")
_BEGINNINGS = {"iVBOR": "image/png", "R0lGO": "image/gif", "UklGR": "image/webp", "/9j/": "image/jpeg"}
_BY_KIND = {"image": "image/jpeg", "audio": "audio/wav", "file": "application/pdf"}


def decode_shown(part: JsonObject, at: str) -> Text | Media | None:
    """A part that is neither thinking nor a call nor a result; None when it says nothing."""
    if part.get("text") is not None:
        return Text(text=fields.required_string(part, "text", at), extras=own(more_than(part, "text", "thought")))
    for key in ("inlineData", "fileData"):
        inner = fields.mapping(part, key, at)
        if inner is not None:
            where = f"{at}.{key}"
            blob = canonical(inner, _BLOB, where)
            media = _decode_blob(blob, where, is_inline=key == "inlineData")
            part = {**part, key: blob}
            return media if _said_by(media) == part else replace(media, extras=own(part))
    kind = next((key for key, value in part.items() if value is not None), None)
    return None if kind is None else Media(kind=kind, extras=own(part))


def _decode_blob(blob: JsonObject, at: str, *, is_inline: bool) -> Media:
    media_type = fields.string(blob, "mimeType", at)
    kind = (media_type or "").partition("/")[0]
    kind = kind if kind in _KINDS else "file"
    name = fields.string(blob, "displayName", at)
    if is_inline:
        data = _standard_base64(fields.required_string(blob, "data", at))
        return Media(kind=kind, data_base64=data, media_type=media_type, filename=name)
    address = fields.required_string(blob, "fileUri", at)
    if address.startswith(_HTTP) and not address.startswith(_KEPT_BY_GOOGLE):
        return Media(kind=kind, url=address, media_type=media_type, filename=name)
    return Media(kind=kind, file_id=address, media_type=media_type, filename=name)


def _standard_base64(data: str) -> str:
    """*data* as every API takes it. This one takes the URL-safe alphabet too, which Google uses, and no padding."""
    return data.translate(_STANDARD) + "=" * (-len(data) % 4)


def encode_text(part: Text) -> JsonObject:
    """A part of plain text."""
    return {"text": part.text, **part.extras.get(NAME, {})}


def encode_media(media: Media, at: str) -> JsonObject:
    """A part of data or of an address; InvalidRequest when this dialect has no such part."""
    if NAME in media.extras:
        return dict(media.extras[NAME])
    if media.kind not in _KINDS:
        raise _unsayable(f"of the kind {media.kind!a}", at)
    said = _said_by(media)
    if said is None:
        raise _unsayable("a file that another API keeps" if media.file_id else "without an address or data", at)
    return said


def _said_by(media: Media) -> JsonObject | None:
    if media.data_base64 is not None:
        return {"inlineData": {"mimeType": media.media_type or _type_of(media), "data": media.data_base64}}
    address = media.url or media.file_id
    if address is None or (media.url is None and not address.startswith(_IDENTITIES)):
        return None
    kind: JsonObject = {} if media.media_type is None else {"mimeType": media.media_type}
    return {"fileData": {**kind, "fileUri": address}}


def _type_of(media: Media) -> str:
    """The type the API asks for, judged by the file's name or by how the data begins."""
    ending = (media.filename or "").rpartition(".")[2].lower()
    if ending in _TYPES:
        return _TYPES[ending]
    data = media.data_base64 or ""
    begun = (kind for start, kind in _BEGINNINGS.items() if media.kind == "image" and data.startswith(start))
    return next(begun, _BY_KIND[media.kind])


def _unsayable(what: str, at: str) -> InvalidRequest:
    return InvalidRequest(
        f"{at} is {what}, which an endpoint of the dialect {NAME} cannot take.",
        hint="Choose a model whose endpoint speaks the dialect of the request.",
        param=at,
    )
