"""How far a download is: a bar on a terminal, a line for each quarter in a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from pointsman.cli.output import say, talk_console

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress, TaskID

    from pointsman.core.local import PullProgress

_ROOMY = 70  # columns from which on there is room for speed and time beside the bar
_QUARTERS = 4


class DownloadBar:
    """Shows one download on stderr, from entering it until leaving it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._said: tuple[str, int] = ("", -1)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._progress = _bar()
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, progress: PullProgress) -> None:
        """It is so far."""
        if self._progress is None:
            self._say(progress)
            return
        if self._task is None:
            self._task = self._progress.add_task(progress.status, total=progress.total_bytes)
        self._progress.update(
            self._task,
            description=_short(progress.status),
            completed=progress.done_bytes,
            total=progress.total_bytes,
        )

    def _say(self, progress: PullProgress) -> None:
        total = progress.total_bytes
        quarter = progress.done_bytes * _QUARTERS // total if total else 0
        status = _short(progress.status)
        if (status, quarter) == self._said or (status == self._said[0] and not total):
            return
        self._said = (status, quarter)
        share = f" {quarter * 100 // _QUARTERS} %" if total else ""
        say(f"{self._name}: {status}{share}")


def _short(status: str) -> str:
    """Ollama tells the digest of each layer that it pulls; nobody reads that."""
    return "downloading" if status.startswith(("pulling ", "downloading ")) and "manifest" not in status else status


def _bar() -> Progress:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = talk_console()
    text, bar = TextColumn("{task.description}"), BarColumn(bar_width=None)
    if console.width >= _ROOMY:
        return Progress(
            text, bar, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), console=console, expand=True
        )
    return Progress(text, bar, TaskProgressColumn(), console=console, expand=True)
