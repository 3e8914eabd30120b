"""What commands print with: JSON and lines on stdout, talk on stderr, tables by rich."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from pointsman.core.jsontypes import Json

_PIPE_WIDTH = 120


def print_json(value: Json) -> None:
    """*value* on stdout: indented for a person, in one line for a program."""
    indent = 2 if sys.stdout.isatty() else None
    click.echo(json.dumps(value, ensure_ascii=False, indent=indent))


def print_json_line(value: Json) -> None:
    """*value* on stdout as one line of many."""
    click.echo(json.dumps(value, ensure_ascii=False))


def say(text: str) -> None:
    """Talk, on stderr; a terminal gets it broken between words, a pipe as it is."""
    click.echo(_fitted(text) if sys.stderr.isatty() else text, err=True)


def say_as_it_is(text: str) -> None:
    """A line on stderr that is made to be copied."""
    click.echo(text, err=True)


def print_data(renderable: RenderableType) -> None:
    """A table or text on stdout; a pipe gets it in one fixed width, without colours or trailing spaces."""
    _print(renderable, stderr=False)


def print_talk(renderable: RenderableType) -> None:
    """The same on stderr."""
    _print(renderable, stderr=True)


def _print(renderable: RenderableType, *, stderr: bool) -> None:
    console = _console(stderr=stderr)
    if console.is_terminal:
        console.print(renderable)
        return
    with console.capture() as captured:
        console.print(renderable)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()), err=stderr)


def talk_console() -> Console:
    """Where what comes and goes is shown: spinners, progress, dim footers."""
    return _console(stderr=True)


def width() -> int:
    """Columns of the terminal that data goes to; a pipe gets a fixed number."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH


def _fitted(text: str) -> str:
    """*text* with the lines that are too wide for the terminal broken between words, and indented as they are."""
    width = shutil.get_terminal_size().columns
    lines = []
    for line in text.splitlines() or [""]:
        indent = line[: len(line) - len(line.lstrip())]
        fold = textwrap.TextWrapper(width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        lines.append(line if len(line) <= width else fold.fill(line))
    return "\n".join(lines)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, emoji=False, markup=False)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table in the house's style; the columns named in *right* hold numbers."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(
            Text(column), justify="right" if column in right else "left", overflow="fold", no_wrap=column in right
        )
    return made
