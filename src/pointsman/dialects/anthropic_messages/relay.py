"""Relaying between a caller and an endpoint of this dialect: what a body must lose, and watching a stream.

A stream's frames are looked into with byte patterns: a quote inside a JSON string is escaped, so `"usage":{` can only
be a field. Only a frame with usage or an error is parsed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pointsman.dialects import signatures
from pointsman.dialects.anthropic_messages import thinking
from pointsman.dialects.anthropic_messages.identities import fit_id
from pointsman.dialects.anthropic_messages.stream_decoder import failure_in
from pointsman.dialects.anthropic_messages.usage import decode_usage, merged
from pointsman.dialects.sse_relay import SseRelayScanner, frames_of, loads, read_frame, said_chars

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

# What is said: text, thinking, a call's arguments.
_SAID = re.compile(rb'"(?:text|thinking|partial_json)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_BLOCK = re.compile(rb'"type"\s*:\s*"(?:redacted_thinking|[a-z_]*tool_use)"')
_REASON = re.compile(rb'"stop_reason"\s*:\s*"')
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_ERROR = re.compile(rb'"type"\s*:\s*"error"|(?:^|[\r\n])event:\s*error|"error"\s*:\s*[{"]')
_STOP = re.compile(rb'"type"\s*:\s*"message_stop"')


class MessagesRelayScanner(SseRelayScanner):
    """See base.RelayScanner. Every stream of this dialect has usage, at its beginning and at its end."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        super().__init__()
        self._counts: JsonObject = {}

    def look(self, region: bytes) -> bytes:
        """See SseRelayScanner."""
        said = _SAID.findall(region)
        if said:
            self.output_chars += sum(map(said_chars, said))
        if not self.has_content:
            self.has_content = any(said) or bool(_BLOCK.search(region) or _REASON.search(region))
        if b"message_stop" in region and _STOP.search(region):
            self.ended = True
        if self.failure is None and b"error" in region and _ERROR.search(region):
            self._note_failure(region)
        if b'"usage"' in region and _USAGE.search(region):
            self._note_usage(region)
        return region

    def _note_failure(self, region: bytes) -> None:
        for frame in frames_of(region):
            if _ERROR.search(frame):
                name, data = read_frame(frame)
                self.failure = self.failure or (failure_in(loads(data), name) if data else None)

    def _note_usage(self, region: bytes) -> None:
        for frame in frames_of(region):
            if not _USAGE.search(frame):
                continue
            event = loads(read_frame(frame)[1])
            if isinstance(event, dict):
                message = event.get("message")
                found = message.get("usage") if isinstance(message, dict) else event.get("usage")
                self._counts = merged(self._counts, found)
                self.usage = decode_usage(self._counts) or self.usage


def relay_fields(body: JsonObject, model: str) -> JsonObject:
    """See base.Relayable: the model, and the conversation and thinking where the endpoint would refuse them."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return {"model": model}
    cleaned = [_cleaned(message) for message in messages]
    kept = [message for message in cleaned if message is not None]
    changed: JsonObject = {"model": model}
    if any(after is not before for before, after in zip(messages, cleaned, strict=True)):
        changed["messages"] = kept
    if thinking.is_budgeted(body.get("thinking")) and not thinking.may_be_budgeted(kept):
        changed["thinking"] = dict(thinking.DISABLED)
    return changed


def _cleaned(message: Json) -> Json:
    """*message* without other models' thinking and with ids that fit; the very same if so it is, None if empty."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    content: list[Json] = message["content"]
    found = [_with_fit_ids(block) for block in content if not _is_foreign_thinking(block)]
    if len(found) == len(content) and all(after is before for before, after in zip(content, found, strict=True)):
        return message
    return {**message, "content": found} if found else None


def _is_foreign_thinking(block: Json) -> bool:
    if not isinstance(block, dict) or block.get("type") != "thinking":
        return False
    signature = block.get("signature")
    return not signature or (isinstance(signature, str) and signatures.is_foreign(signature))


def _with_fit_ids(block: Json) -> Json:
    key = _ID_FIELDS.get(str(block.get("type"))) if isinstance(block, dict) else None
    if key is None or not isinstance(block, dict):
        return block
    identity = block.get(key)
    if not isinstance(identity, str) or fit_id(identity) == identity:
        return block
    return {**block, key: fit_id(identity)}


_ID_FIELDS = {"tool_use": "id", "tool_result": "tool_use_id"}
