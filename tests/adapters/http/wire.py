"""A transport without a network, for tests that feed a connection by hand."""

from __future__ import annotations

import asyncio


class Wire(asyncio.Transport):
    """Swallows what is written and notes that it was aborted."""

    def __init__(self) -> None:
        super().__init__()
        self.is_aborted = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Swallow the request."""

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.is_aborted = True
