"""Watching a Responses stream that is relayed verbatim.

Byte patterns say what goes by; only a frame that may be the last one, or an error, is parsed. The answer repeats the
caller's own tools and metadata, so that such a pattern alone proves nothing.
"""

from __future__ import annotations

import re

from pointsman.dialects.openai_responses.reply import decode_usage
from pointsman.dialects.openai_responses.stream_decoder import DONE, ENDS, failure_in
from pointsman.dialects.sse_relay import SseRelayScanner, frames_of, loads, read_frame, said_chars

_SAID = re.compile(rb'"delta"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_CALL = re.compile(rb'"type"\s*:\s*"(?:function_call|custom_tool_call)"')
_PARSED = re.compile(
    rb'"response\.(?:completed|incomplete|failed|cancelled)"|"error"\s*:\s*[{"]|"type"\s*:\s*"error"'
    rb"|(?:^|[\r\n])event:\s*error"
)


class ResponsesRelayScanner(SseRelayScanner):
    """See base.RelayScanner. The terminal event is the end; nothing is taken out, as usage always comes."""

    def look(self, region: bytes) -> bytes:
        """See SseRelayScanner."""
        said = _SAID.findall(region)
        if said:
            self.output_chars += sum(map(said_chars, said))
        if not self.has_content:
            self.has_content = any(said) or _CALL.search(region) is not None
        if _PARSED.search(region) and not self.ended and self.failure is None:
            for frame in frames_of(region):
                if _PARSED.search(frame):
                    self._read(*read_frame(frame))
        return region

    def _read(self, name: str | None, data: str) -> None:
        """Note what an event that may be the last one says."""
        if not data or data.strip() == DONE or self.ended or self.failure is not None:
            return
        event = loads(data)
        self.failure = failure_in(event, name)
        if isinstance(event, dict) and event.get("type") in ENDS:
            self.ended = self.has_content = True
            whole = event.get("response")
            self.usage = decode_usage(whole) if isinstance(whole, dict) else None
