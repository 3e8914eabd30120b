"""The guides of docs/guides as they are run: their files written, their commands typed into one shell."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.snippets import ROOT, Command, commands

DOCS_ADDRESS: Final = "127.0.0.1:4000"
RUNS_HERE: Final = "<!-- not run: `make test-clients` runs it -->"
_BLOCK: Final = re.compile(
    rf"^{re.escape(RUNS_HERE)}\n```(?P<kind>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_MARK: Final = "--- next command ---"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One command of a guide, what the page shows below it, and what it really said on both of its outputs."""

    command: Command
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a program runs: an empty folder, a home of its own, its commands first on the path."""

    folder: Path
    home: Path
    bin: Path
    address: str

    @property
    def environ(self) -> dict[str, str]:
        """The environment, without keys and settings of the person who runs the tests."""
        return {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "120",
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1",
        }

    async def shell(self, script: str, *, timeout_s: float = 300) -> tuple[int, str]:
        """The exit code of a bash *script*, and what it said on both outputs."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", script),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self.folder,
            env=self.environ,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(timeout_s):
                said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                os.killpg(process.pid, 9)
                await process.wait()
        return process.returncode or 0, said.decode(errors="replace")

    def write(self, path: str, text: str) -> None:
        """Put a file where a page says; ~ is this place's home."""
        target = self.home / path.removeprefix("~/") if path.startswith("~/") else self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.replace(DOCS_ADDRESS, self.address), encoding="utf-8")


async def follow(page: str, place: Place) -> Sequence[Said]:
    """Do what docs/guides/*page*.md says in its marked blocks: titled ones are files, consoles are typed."""
    typed = prepare(page, place)
    code, said = await place.shell("".join(f"echo '{_MARK}'\n{command.line}\n" for command in typed))
    assert code == 0, f"{page}: exit code {code}\n{said}"
    _, *outputs = said.split(f"{_MARK}\n")
    return [
        Said(command=command, lines=tuple(output.splitlines())) for command, output in zip(typed, outputs, strict=True)
    ]


async def typed_after(page: str, place: Place, line: str) -> str:
    """What *line* says when it is typed after the files and exports of docs/guides/*page*.md."""
    code, said = await tried_after(page, place, line)
    assert code == 0, f"{line}: exit code {code}\n{said}"
    return said


async def tried_after(page: str, place: Place, line: str) -> tuple[int, str]:
    """The same for a *line* that may fail: its exit code as well."""
    exports = "\n".join(command.line for command in prepare(page, place) if command.line.startswith("export "))
    return await place.shell(f"{exports}\n{line}", timeout_s=120)


def prepare(page: str, place: Place) -> Sequence[Command]:
    """Write the files of docs/guides/*page*.md, and return what is to be typed."""
    typed: list[Command] = []
    for kind, title, text in _blocks(page):
        if title is not None:
            place.write(title, text)
        elif kind == "console":
            typed += commands(text.replace(DOCS_ADDRESS, place.address))
    return typed


def _blocks(page: str) -> Iterator[tuple[str, str | None, str]]:
    text = (ROOT / "docs" / "guides" / f"{page}.md").read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        yield found["kind"], found["title"], found["text"]
