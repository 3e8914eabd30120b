"""Other people's programs in pinned versions, installed on demand beside this project, never into it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(os.environ.get("POINTSMAN_PROGRAMS_DIR") or Path.home() / ".cache" / "pointsman-programs")
INSTALL_S: Final = 1800
_TORCH: Final = re.compile(r"^(torch|nvidia|triton|cuda)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to install: an npm package, or Python requirements for a virtual environment of its own.

    `without_torch` leaves out 5 GB that only local speech and embedding models need.
    """

    name: str
    npm: str | None = None
    python: tuple[str, ...] = ()
    without_torch: bool = False

    @property
    def pins(self) -> str:
        """What the folder holds when it is installed."""
        return "\n".join([self.npm] if self.npm else self.python)

    @property
    def bin(self) -> Path:
        """Where its commands are."""
        return FOLDER / self.name / ("node_modules/.bin" if self.npm else "bin")


CLAUDE_CODE: Final = Program(name="claude-code", npm="@anthropic-ai/claude-code@2.1.329")
CODEX: Final = Program(name="codex", npm="@openai/codex@0.169.0")
GEMINI_CLI: Final = Program(name="gemini-cli", npm="@google/gemini-cli@0.61.0")
LITERT_LM: Final = Program(name="litert-lm", python=("litert-lm==0.18.1",))
LLM: Final = Program(name="llm", python=("llm==0.36",))
AIDER: Final = Program(name="aider", python=("aider-chat==0.86.2",))
CREWAI: Final = Program(name="crewai", python=("crewai==1.15.30",))
AUTOGEN: Final = Program(name="autogen", python=("autogen-agentchat==0.7.5", "autogen-ext[openai]==0.7.5"))
OPENAI_AGENTS: Final = Program(name="openai-agents", python=("openai-agents==0.24.0",))
LANGGRAPH: Final = Program(
    name="langgraph", python=("langgraph==1.2.22", "langchain==1.4.7", "langchain-openai==1.7.3")
)
OPEN_WEBUI: Final = Program(name="open-webui", python=("open-webui==0.12.4",), without_torch=True)
PLAYWRIGHT: Final = Program(name="playwright", python=("playwright==1.65.2",))


def install(program: Program) -> Path:
    """The folder of its commands; the test is skipped, with the reason, where it cannot be installed."""
    folder = FOLDER / program.name
    stamp = folder / "pins.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == program.pins:
        return program.bin
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if program.npm:
        _install_npm(folder, program.npm)
    else:
        _install_python(folder, program)
    stamp.write_text(program.pins, encoding="utf-8")
    return program.bin


def _install_npm(folder: Path, package: str) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    _run(npm, "install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", package)


def _install_python(folder: Path, program: Program) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("uv is not installed")
    _run(uv, "venv", "--quiet", "--python", sys.executable, folder)
    install_into = (uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python")
    if not program.without_torch:
        _run(*install_into, *program.python)
        return
    wanted, found, kept = (folder / name for name in ("wanted.in", "found.txt", "kept.txt"))
    wanted.write_text(program.pins, encoding="utf-8")
    _run(uv, "pip", "compile", "--quiet", "--no-annotate", "--python", sys.executable, wanted, "-o", found)
    lines = found.read_text(encoding="utf-8").splitlines(keepends=True)
    kept.write_text("".join(line for line in lines if not _TORCH.match(line)), encoding="utf-8")
    _run(*install_into, "--no-deps", "-r", kept)


def _run(*command: str | Path) -> None:
    line: Sequence[str] = [str(part) for part in command]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=INSTALL_S)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        pytest.skip(f"{' '.join(line[:3])} failed: {said[-1]}")
