"""Bars on stderr for work of several stages, when a person looks at it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Advance = Callable[[float], None]
Bar = Callable[[str, float | None], Advance]
"""Takes a stage's name and how much there is to do, if that is known; gives what is told of progress."""


@contextmanager
def bars() -> Iterator[Bar]:
    """A bar for each stage, gone at the end; none where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _name, _total: lambda _more: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from pointsman.cli.output import talk_console

    columns = (TextColumn("{task.description:10}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=talk_console(), transient=True) as progress:

        def bar(name: str, total: float | None) -> Advance:
            task = progress.add_task(name, total=total)
            return lambda more: progress.advance(task, more)

        yield bar
