"""What a gateway's processes keep in a file that they share: each call works in a thread, nobody is stopped by trouble.

Knows no table.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from pointsman.adapters.storage.own_file import OwnFile, shipped_scripts
from pointsman.core.errors import ConfigError

Result = TypeVar("Result")
TROUBLE: Final = (sqlite3.Error, OSError, ConfigError)
"""What a file that cannot be used ends in."""


class SharedStore:
    """The file at *path* of a kind such as "replies", on the one connection of this process; made when first used.

    Make it after a fork, not before. *pragma* is said once the file is open; *trouble* is what the log calls it.
    """

    def __init__(self, kind: str, path: Path, *, pragma: str | None = None, trouble: str | None = None) -> None:
        self.path = path
        self._trouble = trouble or f"{kind}-not-shared"
        self._log = logging.getLogger(f"pointsman.{kind}")
        self._file = OwnFile(path, shipped_scripts(kind), pragma=pragma)
        self._is_closed = False

    def close(self) -> None:
        """Let go of the file; again does nothing."""
        self._is_closed = True
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _use(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """What *work* gives; any of TROUBLE comes as it is."""
        return await asyncio.to_thread(self._file.use, work)

    async def _do(self, work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
        """What *work* gives; *otherwise* when the file is in trouble or closed: the process goes on alone."""
        if self._is_closed:
            return otherwise
        try:
            return await self._use(work)
        except TROUBLE as error:
            self._log.warning("%s file=%s reason=%s", self._trouble, self.path, error)
            return otherwise
