"""Keys as they are pressed, without waiting for Enter."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pointsman.cli.chooser import BACK, DOWN, END, ENTER, UP

_SEQUENCES = {"\x1b[A": UP, "\x1bOA": UP, "\x1b[B": DOWN, "\x1bOB": DOWN}
_KEYS = {"\r": ENTER, "\n": ENTER, "\x7f": BACK, "\b": BACK, "\x04": END}
_MOST_BYTES = 1024


@contextmanager
def pressed_keys() -> Iterator[Iterator[str]]:
    """The keys pressed from now on, as chooser names them, END last when the terminal is gone.

    What was typed before is forgotten. Ctrl-C is a KeyboardInterrupt as ever.
    """
    try:
        import termios
        import tty
    except ImportError:
        yield _from_console()
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd, termios.TCSAFLUSH)
        yield _from_terminal(fd)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _from_terminal(fd: int) -> Iterator[str]:
    while data := _read(fd):
        yield from keys_of(data.decode(errors="ignore"))
    yield END


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _MOST_BYTES)
    except OSError:  # the terminal was closed
        return b""


def _from_console() -> Iterator[str]:
    """Where there is no termios: Windows."""
    import click

    while True:
        try:
            yield from keys_of(click.getchar())
        except EOFError:
            yield END
            return


def keys_of(text: str) -> Iterator[str]:
    """The keys that *text*, as a terminal sends it, stands for; those nobody asked for are left out."""
    at = 0
    while at < len(text):
        if text[at] == "\x1b":
            sequence = _escape(text, at)
            if sequence in _SEQUENCES:
                yield _SEQUENCES[sequence]
            at += len(sequence)
            continue
        key = _KEYS.get(text[at], text[at])
        if len(key) > 1 or key.isprintable():
            yield key
        at += 1


def _escape(text: str, start: int) -> str:
    """The escape sequence that begins at *start*: ESC alone, ESC and a letter, or up to its final letter."""
    if text[start + 1 : start + 2] not in {"[", "O"}:
        return text[start : start + 1]
    end = start + 2
    while end < len(text) and not "@" <= text[end] <= "~":
        end += 1
    return text[start : end + 1]
