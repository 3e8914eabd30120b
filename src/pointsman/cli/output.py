"""What commands print with: JSON and lines on stdout, talk on stderr, tables by rich."""

from __future__ import annotations

import json
import sys
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
    """A line of talk, on stderr."""
    click.echo(text, err=True)


def print_data(renderable: RenderableType) -> None:
    """A table or text on stdout; a pipe gets it in one fixed width, without colours or trailing spaces."""
    console = _console(stderr=False)
    if console.is_terminal:
        console.print(renderable)
        return
    with console.capture() as captured:
        console.print(renderable)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def talk_console() -> Console:
    """Where dim footers and banners go."""
    return _console(stderr=True)


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
