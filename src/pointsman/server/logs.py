"""The log on its way to stderr, which may be a pipe that nobody reads: a thread of its own waits there, nobody else."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from typing import Final

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
MAX_LINES: Final = 10_000  # that wait; further ones are dropped
GOODBYE_S: Final = 1.0  # so long the end waits for the last lines
_STDERR: Final = 2


class Unblocked(logging.Handler):
    """Puts lines into a queue; drops them when that is full, and says how many once there is room."""

    def __init__(self, descriptor: int = _STDERR, max_lines: int = MAX_LINES) -> None:
        """Write to *descriptor*."""
        super().__init__()
        self.dropped = 0
        self._descriptor = descriptor
        self._lines: queue.Queue[str] = queue.Queue(max_lines)
        self._thread = threading.Thread(target=self._write, name="pointsman-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line."""
        try:
            if self.dropped:
                self._lines.put_nowait(f"log-dropped lines={self.dropped}")
                self.dropped = 0
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self.dropped += 1

    def drain(self, timeout_s: float = GOODBYE_S) -> None:
        """Wait for what is left to be written."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, timeout_s)

    def _write(self) -> None:
        while True:
            data = f"{self._lines.get()}\n".encode(errors="backslashreplace")
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:  # nobody will ever read it
                pass
            self._lines.task_done()


def start_logging() -> None:
    """Log warnings and worse to stderr, from now on, unless something else was set up before."""
    if logging.getLogger().handlers:
        return
    handler = Unblocked()
    logging.basicConfig(level=logging.WARNING, format=FORMAT, handlers=[handler])
    atexit.register(handler.drain)
