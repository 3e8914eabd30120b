"""Images, sounds and files as OpenAI's APIs take them, and how these word a refusal."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Final

from tests.clients.upstream import mind
from tests.clients.upstream.rules import Body, Reader, Refused, refuse_unless

READER: Final = Reader(
    unknown="Unrecognized request argument supplied: {path}",
    missing="Missing required parameter: '{path}'.",
    wrong="Invalid type for '{path}': expected {wanted}, but got {given} instead.",
)
_DATA_URL: Final = re.compile(r"data:([\w.+/-]+);base64,([A-Za-z0-9+/=]+)")
_IMAGES: Final = {"image/png", "image/jpeg", "image/gif", "image/webp"}


def seen_in(message: Body) -> Iterator[str]:
    """What a message of the user shows besides its words."""
    content = message.get("content")
    for part in content if isinstance(content, list) else []:
        match part["type"]:
            case "image_url":
                yield image(part["image_url"]["url"], "Invalid 'image_url'")
            case "file":
                known = {"file_data": "string", "filename": "string", "file_id": "string"}
                file = READER.shape(part["file"], "file", known)
                yield f"file {file['file_id']}" if "file_id" in file else _file(file)
            case "input_audio":
                audio = READER.shape(part["input_audio"], "input_audio", {"data": "string", "format": "string"})
                yield mind.media(f"audio/{audio['format']}", audio["data"])


def _file(file: Body) -> str:
    refuse_unless("filename" in file, "Missing required parameter: 'file.filename'.")
    found = _DATA_URL.fullmatch(file["file_data"])
    refuse_unless(found, "Invalid file data: expected a base64-encoded data URL with a MIME type.")
    assert found is not None
    return mind.media(found[1], found[2])


def image(url: str, what: str) -> str:
    """How the model speaks of the image at *url*; what is no image is refused."""
    if url.startswith(("https://", "http://")):
        return f"image at {url}"
    found = _DATA_URL.fullmatch(url)
    if found is None or found[1] not in _IMAGES:
        raise Refused(f"{what}: expected a base64-encoded data URL with an image MIME type, or an address.")
    try:
        base64.b64decode(found[2], validate=True)
    except ValueError as error:
        raise Refused(f"{what}: no valid base64.") from error
    return mind.media(found[1], found[2])
