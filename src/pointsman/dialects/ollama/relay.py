"""Watching an Ollama stream that is relayed verbatim: chat and generate alike, whole lines, untouched."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pointsman.core.stream import StreamFailed
from pointsman.dialects.error_bodies import decode_error_body, failure_of
from pointsman.dialects.frames import MAX_FRAME_BYTES, too_large
from pointsman.dialects.ollama.reply import decode_usage
from pointsman.dialects.sse_relay import loads, said_chars

if TYPE_CHECKING:
    from pointsman.core.chat import Usage

_SAID = re.compile(rb'"(?:content|response|thinking)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_CALL = re.compile(rb'"tool_calls"\s*:\s*\[\s*\{')
_LOOKED_INTO = re.compile(rb'"done"\s*:\s*true|"error"\s*:')


class OllamaRelayScanner:
    """See base.RelayScanner. A line with `done` is the end; usage comes with it, so nothing is taken out."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.has_content = False
        self.usage: Usage | None = None
        self.failure: StreamFailed | None = None
        self.is_cut = False
        self.ended = False
        self.output_chars = 0
        self._pieces: list[bytes] = []
        self._pending_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """Lines completed by *data*."""
        if self.is_cut:
            return b""
        end = data.rfind(b"\n") + 1
        if not end:
            return self._hold(data)
        region = b"".join((*self._pieces, data[:end]))
        self._pieces, self._pending_bytes = [], 0
        looked = self._looked(region)
        if len(looked) < len(region) or end == len(data):  # cut, or nothing left
            return looked
        return looked + self._hold(data[end:])

    def close(self) -> bytes:
        """What is left at the end of input."""
        rest = b"".join(self._pieces)
        self._pieces, self._pending_bytes = [], 0
        rest = rest if self.ended else self._before_garbage(rest)
        self._look(rest)
        return rest

    def _hold(self, data: bytes) -> bytes:
        self._pieces.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes <= MAX_FRAME_BYTES:
            return b""
        self.failure = self.failure or too_large(MAX_FRAME_BYTES)
        self.is_cut = True
        self._pieces, self._pending_bytes = [], 0
        return b""

    def _looked(self, region: bytes) -> bytes:
        """*region* up to the first line that is no object; a count shows whether there may be one."""
        if not self.ended and region.count(b"\n") != region.count(b"}\n"):
            region = self._before_garbage(region)
        self._look(region)
        return region

    def _before_garbage(self, region: bytes) -> bytes:
        kept = 0
        for one in region.splitlines(keepends=True):
            value = loads(one) if one.strip() else {}
            if isinstance(value, dict) and (value.get("error") or value.get("done") is True):
                break  # the end, or the endpoint's own word for its failure
            if not isinstance(value, dict):
                if kept or self.has_content:
                    self.failure = self.failure or StreamFailed(
                        message="a line of the endpoint's stream is no JSON object"
                    )
                else:
                    self.failure = self.failure or failure_of(decode_error_body(one))
                self.is_cut = True
                return region[:kept]
            kept += len(one)
        return region

    def _look(self, region: bytes) -> None:
        said = _SAID.findall(region)
        if said:
            self.output_chars += sum(map(said_chars, said))
        if not self.has_content:
            self.has_content = any(said) or _CALL.search(region) is not None
        if self.ended or self.failure is not None:
            return
        if _LOOKED_INTO.search(region) or not said:
            for one in region.splitlines():
                if one.strip():
                    self._read(one)

    def _read(self, one: bytes) -> None:
        if self.ended or self.failure is not None:
            return
        value = loads(one)
        if not isinstance(value, dict) or value.get("error"):
            self.failure = failure_of(decode_error_body(one))
        elif value.get("done") is True:
            self.ended = self.has_content = True
            self.usage = decode_usage(value)
