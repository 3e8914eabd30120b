"""Where a prompt comes from: the command line, a pipe, or both."""

from __future__ import annotations

import os
import stat
import sys
from typing import BinaryIO

import click

MAX_PROMPT_BYTES = 64 * 1024 * 1024
STDIN = "-"


def prompt_text(words: tuple[str, ...], *, what: str = "The prompt") -> str | None:
    """The prompt that *words* and a pipe make; None when neither is there (then a person may type).

    A pipe beside words is context and goes before them. UsageError when all of it is blank.
    """
    said = " ".join(words)
    if said == STDIN:
        text = read_stdin()
    elif not words:
        if sys.stdin.isatty():
            return None
        text = read_stdin()
    elif has_pipe():
        text = "\n\n".join(part for part in (read_stdin().rstrip(), said) if part)
    else:
        text = said
    if not text.strip():
        raise click.UsageError(f"{what} is empty.")
    return text


def has_pipe() -> bool:
    """Whether something was piped or redirected in.

    A terminal or /dev/null is nothing; neither is a socket, which a parent process may leave open for ever.
    """
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return not sys.stdin.isatty()
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def read_stdin() -> str:
    """All of standard input as text; UsageError when it is no UTF-8, or endless."""
    return decoded(sys.stdin.buffer, "Standard input")


def decoded(stream: BinaryIO, name: str) -> str:
    """All of *stream* as text."""
    data = stream.read(MAX_PROMPT_BYTES + 1)
    if len(data) > MAX_PROMPT_BYTES:
        raise click.UsageError(f"{name} is longer than {MAX_PROMPT_BYTES // 1024**2} MiB.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{name} is no UTF-8 text (byte {error.start}).") from error
