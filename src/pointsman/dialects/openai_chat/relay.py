"""Watching an OpenAI-shaped stream that is relayed verbatim: chat and legacy completions alike.

It looks into whole frames with byte patterns. A quote inside a JSON string is escaped, so `"usage":{` can only be a
field. Only a frame with usage or an error is parsed.
"""

from __future__ import annotations

import re

from pointsman.dialects.openai_chat.reply import decode_usage
from pointsman.dialects.openai_chat.stream_decoder import failure_in
from pointsman.dialects.sse_relay import SseRelayScanner, frames_of, loads, read_frame, said_chars

# What is said: the text of a delta, of its reasoning, of a refusal, of a call's arguments, of a legacy completion.
_SAID = re.compile(
    rb'"(?:content|text|reasoning(?:_content)?|refusal|arguments)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL
)
_CALL = re.compile(rb'"(?:tool_calls|function_call)"\s*:\s*[\[{]\s*[{"]')
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"')
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_ERROR = re.compile(rb'"error"\s*:\s*[{"]|"object"\s*:\s*"error"|(?:^|[\r\n])event:\s*error')
_DONE = re.compile(rb"(?:^|[\r\n])data:\s*\[DONE\]\s*(?:$|[\r\n])")


class ChatRelayScanner(SseRelayScanner):
    """See base.RelayScanner. A finish reason before a clean close counts as the end, as `[DONE]` does."""

    def __init__(self, *, strip_usage: bool) -> None:
        """*strip_usage* takes out the frame that holds usage and no choices."""
        super().__init__()
        self._strip_usage = strip_usage
        self._has_finished = False

    def close(self) -> bytes:
        """What is left at the end of input."""
        sent = super().close()
        if self._has_finished and self.failure is None:
            self.ended = True
        return sent

    def look(self, region: bytes) -> bytes:
        """See SseRelayScanner."""
        said = _SAID.findall(region)
        if said:
            self.output_chars += sum(map(said_chars, said))
        if not self.has_content:
            self.has_content = any(said) or bool(_CALL.search(region) or _FINISH.search(region))
        if not self._has_finished and b'"finish_reason"' in region:
            self._has_finished = _FINISH.search(region) is not None
        if b"[DONE]" in region and _DONE.search(region):
            self.ended = True
        if self.failure is None and (b"error" in region) and _ERROR.search(region):
            self._note_failure(region)
        if b'"usage"' in region and _USAGE.search(region):
            return self._note_usage(region)
        return region

    def _note_failure(self, region: bytes) -> None:
        for frame in frames_of(region):
            if _ERROR.search(frame):
                name, data = read_frame(frame)
                self.failure = self.failure or (failure_in(loads(data), name) if data else None)

    def _note_usage(self, region: bytes) -> bytes:
        kept: list[bytes] = []
        for frame in frames_of(region):
            if _USAGE.search(frame):
                chunk = loads(read_frame(frame)[1])
                if isinstance(chunk, dict):
                    found = decode_usage(chunk)
                    self.usage = found or self.usage
                    if self._strip_usage and found is not None and not chunk.get("choices"):
                        continue
            kept.append(frame)
        return b"".join(kept)
