"""Who is still alive: a file that a process keeps locked for as long as it lives.

The kernel lets go of the lock however the process ends, so a lease outlives neither kill -9 nor a power cut, is not
fooled by a process id that is used again, and holds between containers that share the ledger's directory.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

if sys.platform != "win32":
    import fcntl


class Lease:
    """One living writer of the ledger at *ledger*; `name` is the lease's file beside it."""

    def __init__(self, ledger: Path) -> None:
        """Make and lock the file. OSError when the directory cannot be written."""
        self.name = f"{ledger.name}-writer-{secrets.token_hex(8)}"
        self._path = ledger.with_name(self.name)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if sys.platform != "win32":
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Unlock and remove the file; again does nothing."""
        if self._file < 0:
            return
        if sys.platform != "win32":  # there an open file cannot be removed
            self._path.unlink(missing_ok=True)
        os.close(self._file)
        self._file = -1
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_gone(lease: Path) -> bool:
    """Whether the process that held *lease* has ended; then what it left of the file is removed."""
    if sys.platform == "win32":
        try:
            lease.unlink(missing_ok=True)
        except PermissionError:  # open, so its owner lives
            return False
        return True
    try:
        file = os.open(lease, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        lease.unlink(missing_ok=True)
        return True
    finally:
        os.close(file)
