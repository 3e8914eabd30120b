"""A server in the background: started apart from whoever starts it, found again by a file, stopped only if it is ours.

| what        | how                                                                                          |
| ----------- | -------------------------------------------------------------------------------------------- |
| who it is   | `local.pid`: process id, port and program, as JSON                                           |
| is it ours  | its command line has the program, `serve` and `--port=N`: another process may get the number |
| is it ready | a POST without a body is answered, but not with 404 (gemini-cli asks the same way)           |
| stopping    | SIGTERM; after some seconds SIGKILL                                                          |
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from pointsman.core.errors import ConfigError, RuntimeUnavailable

HOST: Final = "127.0.0.1"
READY_S: Final = 120.0  # a large model from a slow disk
GRACE_S: Final = 15.0
_POLL_S: Final = 0.1
_PLATFORM: Final[str] = str(sys.platform)
_APART: Final = 0x00000008 | 0x00000200 if _PLATFORM == "win32" else 0  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
_PROBE_S: Final = 5.0
_LOOK_S: Final = 10.0
_MOST_LOG_BYTES: Final = 10 * 1024 * 1024
_TOLD_LINES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The process in the background."""

    pid: int
    port: int
    program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """One server in the background. `command` starts it but for `serve` and its flags; *probe* is a path it answers."""

    folder: Path  # of its pid file and its log
    command: Sequence[str]
    probe: str

    @property
    def log(self) -> Path:
        """What it has said."""
        return self.folder / "local.log"

    @property
    def _record(self) -> Path:
        return self.folder / "local.pid"

    def running(self) -> Running | None:
        """The server that was started last, if it still runs."""
        try:
            told = json.loads(self._record.read_text(encoding="utf-8"))
            found = Running(pid=int(told["pid"]), port=int(told["port"]), program=str(told["program"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return found if _is_ours(found) else None

    def answers(self, port: int) -> bool:
        """Whether a server of this kind answers at *port*."""
        connection = http.client.HTTPConnection(HOST, port, timeout=_PROBE_S)
        with contextlib.closing(connection):
            try:
                connection.request("POST", self.probe)
                return connection.getresponse().status != HTTPStatus.NOT_FOUND
            except (OSError, http.client.HTTPException):
                return False

    def start(self, port: int, *, ready_s: float = READY_S) -> Running:
        """Start it on *port*, and return when it answers.

        RuntimeUnavailable: the port is taken, it ended at once (with what it said), or it is not ready in time.
        """
        if _is_taken(port):
            raise RuntimeUnavailable(f"Port {port} is taken by another program.", hint="Take another one with --port.")
        arguments = [*self.command, "serve", f"--port={port}", "--verbose"]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._shorten_log()
            with self.log.open("ab") as log:
                child = subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    creationflags=_APART,
                    start_new_session=True,
                )
            program = self.command[-1]
            found = Running(pid=child.pid, port=port, program=program)
            self._record.write_text(json.dumps({"pid": child.pid, "port": port, "program": program}), encoding="utf-8")
        except OSError as error:
            message = f"{error.filename or self.folder}: {error.strerror or error}."
            raise ConfigError(message, hint="See to the folder's rights.") from error
        self._await(child, port, ready_s)
        child.returncode = 0  # it outlives us on purpose: Popen would warn when it is dropped
        return found

    def _await(self, child: subprocess.Popen[bytes], port: int, ready_s: float) -> None:
        deadline, tick = time.monotonic() + ready_s, threading.Event()
        while not self.answers(port):
            if child.poll() is not None:
                self._record.unlink(missing_ok=True)
                said = "; ".join(self.tail(_TOLD_LINES)) or "it said nothing"
                raise RuntimeUnavailable(f"The server ended at once: {said}", hint=f"Its log is {self.log}.")
            if time.monotonic() > deadline:
                child.kill()
                child.wait()
                self._record.unlink(missing_ok=True)
                message = f"The server was not ready within {ready_s:g} s."
                raise RuntimeUnavailable(message, hint=f"Its log is {self.log}; a smaller model loads faster.")
            tick.wait(_POLL_S)

    def stop(self, *, grace_s: float = GRACE_S) -> Running | None:
        """Stop it, if it is ours, and return when it has ended; None when there is none to stop."""
        found = self.running()
        if found is not None:
            _signal(found.pid, signal.SIGTERM)
            if not _ends(found, grace_s):
                _signal(found.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
                if not _ends(found, grace_s):
                    message = f"Process {found.pid} does not end."
                    raise RuntimeUnavailable(message, hint="Look at what holds it; nothing more can be done here.")
        self._record.unlink(missing_ok=True)
        return found

    def tail(self, lines: int) -> list[str]:
        """The last *lines* of its log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return text.splitlines()[-lines:] if lines else []

    def _shorten_log(self) -> None:
        """Put a long log aside, in place of the one that was put aside before."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _MOST_LOG_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))


def command_line(pid: int) -> str | None:
    """The command line of process *pid*; None when there is none, or it has ended."""
    if _PLATFORM == "linux":
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return None
        return raw.replace(b"\0", b" ").decode(errors="replace").strip() or None
    query = f'(Get-CimInstance Win32_Process -Filter "ProcessId = {pid}").CommandLine'
    asked = (
        ["powershell.exe", "-NoProfile", "-Command", query]
        if _PLATFORM == "win32"
        else ["ps", "-p", str(pid), "-o", "command="]
    )
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=_LOOK_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _is_ours(found: Running) -> bool:
    line = command_line(found.pid)
    if line is None:
        return False
    words = line.split()
    return "serve" in words and f"--port={found.port}" in words and Path(found.program).name in line


def _ends(found: Running, within_s: float) -> bool:
    deadline, tick = time.monotonic() + within_s, threading.Event()
    while _is_ours(found):
        if time.monotonic() > deadline:
            return False
        tick.wait(_POLL_S)
    return True


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_taken(port: int) -> bool:
    """Whether somebody listens at *port*."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_PROBE_S)
    with contextlib.closing(connection):
        try:
            connection.connect()
        except OSError:
            return False
        return True
