"""A command on a pseudo-terminal of a given width: wait until it says something, type, see how it ends."""

from __future__ import annotations

import os
import re
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.cli.conftest import BIN, PROCESS_S

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """`pointsman ARGS` in *folder*; the terminal is its controlling one, so that Ctrl-C is a key like any other."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *args: str, columns: int = 100) -> None:
        """Start it."""
        import fcntl
        import pty
        import termios

        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", BIN, *args],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={"TERM": "xterm", **environ},
        )
        os.close(theirs)
        self._unread = ""
        self.said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(PROCESS_S)
        os.close(self._ours)

    def until(self, text: str) -> str:
        """What is said up to *text*, without escape sequences. pytest's timeout ends a wait for ever."""
        while text not in self._unread:
            self._hear()
        said, _, self._unread = self._unread.partition(text)
        return said + text

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def end(self) -> tuple[int, str]:
        """The exit code, and what is said before it."""
        try:
            while True:
                self._hear()
        except OSError:  # the last of its processes let go of the terminal
            return self._process.wait(PROCESS_S), self._unread

    def _hear(self) -> None:
        data = os.read(self._ours, 65_536)
        if not data:
            raise OSError
        self.said += data.decode()
        self._unread += _ESCAPES.sub("", data.decode())
