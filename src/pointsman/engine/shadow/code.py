"""Fenced code that cannot be right: Python and JSON are parsed, never run; other languages are not judged."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CHARS: Final = 8_000
"""Of a block that is parsed; that takes about a millisecond. Longer ones are not judged."""
MOST_BLOCKS: Final = 4
_FENCE: Final = "```"
_PROMPT: Final = re.compile(r"^(?:>>>|\.\.\.|\$|In \[)", re.MULTILINE)


def broken_code(text: str) -> str | None:
    """What does not parse in *text*'s first blocks; None when all does, or there is none to be judged."""
    for number, (language, code) in enumerate(_blocks(text)):
        if number == MOST_BLOCKS:
            return None
        if len(code) > MOST_CHARS:
            continue
        if language in {"python", "py", "python3"} and not _PROMPT.search(code) and not _is_python(code):
            return "its Python does not parse"
        if language == "json" and not _is_json(code):
            return "its JSON does not parse"
    return None


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """The language and the code of each block that is closed."""
    language: str | None = None
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        mark = line.strip()
        if language is None and mark.startswith(_FENCE):
            words = mark.removeprefix(_FENCE).split()
            language, lines = words[0].lower() if words else "", []
        elif language is not None and mark == _FENCE:
            yield language, "".join(lines)
            language = None
        else:
            lines.append(line)


def _is_python(code: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the parser about escapes in somebody else's strings
        try:
            ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _is_json(code: str) -> bool:
    try:
        json.loads(code)
    except (ValueError, RecursionError):
        return False
    return True
