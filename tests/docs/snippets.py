"""Snippets of the documentation: found in Markdown, compared with what really comes out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KINDS = frozenset({"yaml", "python", "console"})
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`]*)$")
_TITLE = re.compile(r'title="([^"]+)"')
_NOT_RUN = re.compile(r"<!-- not run: .+ -->")
_VARIES = re.compile(r"\b[0-9a-f]{8,32}\b|\d+(?:[.,:]\d+)*(?: (?:µs|ms|s)\b)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """One fenced block. `kind` is the fence's language; `title` the file it stands for, if it names one."""

    page: str
    line: int
    kind: str
    text: str
    title: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.kind})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A line after `$ `, continued by backslashes, and the output shown below it."""

    line: str
    shown: tuple[str, ...]


def pages() -> tuple[Path, ...]:
    """The README and every page of the documentation."""
    return (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))


def snippets_of(page: Path) -> tuple[Snippet, ...]:
    """The blocks of *page* that run."""
    return tuple(snippets(page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8")))


def snippets(page: str, text: str) -> Iterator[Snippet]:
    """The blocks of *text* that run; a comment `<!-- not run: why -->` on the line before a fence leaves it out."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        begin = _FENCE.match(lines[number])
        number += 1
        if begin is None:
            continue
        first = number
        while number < len(lines) and lines[number].strip() != "```":
            number += 1
        kind = begin["info"].split(" ")[0]
        before = lines[first - 2].strip() if first > 1 else ""
        if kind in KINDS and _NOT_RUN.fullmatch(before) is None:
            indent = len(begin["indent"])
            title = _TITLE.search(begin["info"])
            block = "\n".join(line[indent:] for line in lines[first:number]) + "\n"
            yield Snippet(page=page, line=first, kind=kind, text=block, title=title[1] if title else None)
        number += 1


def commands(text: str) -> tuple[Command, ...]:
    """The commands of a console block, in order."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        elif found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1] = (f"{found[-1][0].removesuffix(chr(92))}{line.strip()}", [])
        elif found:
            found[-1][1].append(line)
    return tuple(Command(line=line, shown=tuple(shown)) for line, shown in found)


def missing_line(shown: Sequence[str], real: Sequence[str]) -> str | None:
    """The first of the *shown* lines that does not follow in the *real* ones; None when all do.

    Real lines may be left out. Numbers (of seconds in any unit) and ids match any others, runs of spaces each other,
    `…` anything.
    """
    rest = iter([_masked(line) for line in real])
    for line in shown:
        if not line.strip():
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in _masked(line).split("…")))
        if not any(pattern.fullmatch(candidate) for candidate in rest):
            return line
    return None


def _masked(line: str) -> str:
    return " ".join(_VARIES.sub("0", line).split())
