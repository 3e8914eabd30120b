"""Relaying between a caller and an endpoint of this dialect: what a body must lose, and watching a stream.

A stream's frames are looked into with byte patterns: a quote inside a JSON string is escaped, so `"usageMetadata":{`
can only be a field. Only a frame with usage or an error is parsed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pointsman.dialects.gemini.errors import failure_in
from pointsman.dialects.gemini.generations import abilities
from pointsman.dialects.gemini.messages import with_signature
from pointsman.dialects.gemini.request import named
from pointsman.dialects.gemini.sealing import is_foreign
from pointsman.dialects.gemini.usage import decode_usage
from pointsman.dialects.sse_relay import SseRelayScanner, frames_of, loads, read_frame, said_chars

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

_SAID = re.compile(rb'"text"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_PART = re.compile(rb'"(?:functionCall|inlineData|fileData|executableCode|codeExecutionResult)"\s*:\s*\{')
_FINISH = re.compile(rb'"(?:finishReason|blockReason)"\s*:\s*"')
_USAGE = re.compile(rb'"usageMetadata"\s*:\s*\{')
_ERROR = re.compile(rb'"error"\s*:\s*[{"]')


_COUNTED = ("generateContentRequest", "generate_content_request")  # what tokens are counted of names a model too


class GeminiRelayScanner(SseRelayScanner):
    """See base.RelayScanner. There is no mark of the end but a finish reason."""

    def look(self, region: bytes) -> bytes:
        """See SseRelayScanner."""
        said = _SAID.findall(region)
        if said:
            self.output_chars += sum(map(said_chars, said))
        if not self.ended:
            self.ended = _FINISH.search(region) is not None
        if not self.has_content:
            self.has_content = self.ended or any(said) or _PART.search(region) is not None
        if self.failure is None and b"error" in region and _ERROR.search(region):
            self._note_failure(region)
        if b'"usageMetadata"' in region and _USAGE.search(region):
            self._note_usage(region)
        return region

    def _note_failure(self, region: bytes) -> None:
        for frame in frames_of(region):
            if _ERROR.search(frame):
                data = read_frame(frame)[1]
                self.failure = self.failure or (failure_in(loads(data)) if data else None)

    def _note_usage(self, region: bytes) -> None:
        for frame in frames_of(region):
            if _USAGE.search(frame):
                chunk = loads(read_frame(frame)[1])
                if isinstance(chunk, dict):
                    self.usage = decode_usage(chunk.get("usageMetadata")) or self.usage


def relay_fields(body: JsonObject, model: str) -> JsonObject:
    """See base.Relayable: a model that the body names, and the contents where the endpoint would refuse them."""
    found: JsonObject = {"model": named(model)} if "model" in body else {}
    for key in _COUNTED:
        inner = body.get(key)
        if isinstance(inner, dict):
            found[key] = {**inner, "model": named(model)}
    contents = body.get("contents")
    if not isinstance(contents, list):
        return found
    wants_signatures = abilities(model).wants_signatures
    cleaned = [_cleaned(content, wants_signatures=wants_signatures) for content in contents]
    if all(after is before for before, after in zip(contents, cleaned, strict=True)):
        return found
    return {**found, "contents": [content for content in cleaned if content is not None]}


def _cleaned(content: Json, *, wants_signatures: bool) -> Json:
    """*content* without other models' thinking; the very same if so it is, None if nothing is left."""
    if not isinstance(content, dict) or not isinstance(content.get("parts"), list):
        return content
    parts: list[Json] = content["parts"]
    kept = [part for part in parts if not _is_foreign_thought(part)]
    if len(kept) < len(parts):
        content = {**content, "parts": kept}
    if not kept and parts:
        return None
    return with_signature(content) if wants_signatures and content.get("role") == "model" else content


def _is_foreign_thought(part: Json) -> bool:
    if not isinstance(part, dict):
        return False
    signature = part.get("thoughtSignature") or part.get("thought_signature")
    return isinstance(signature, str) and is_foreign(signature)
