"""Environments of their own for packages that do not go with this project's, made on demand from pinned hashes.

They lie beside the programs of tests/programs (POINTSMAN_PROGRAMS_DIR, else ~/.cache/pointsman-programs).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.programs.install import FOLDER

ROOT: Final = Path(__file__).resolve().parents[2]
INSTALL_S: Final = 600


def environment(name: str) -> Path:
    """The `bin` with what requirements/*name*.txt pins; the test is skipped, with the reason, where there is none."""
    pins = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    folder = FOLDER / name
    stamp = folder / "pins.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == pins:
        return folder / "bin"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("uv is not installed")
    shutil.rmtree(folder, ignore_errors=True)
    _run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
    python = str(folder / "bin" / "python")
    wanted = str(ROOT / "requirements" / f"{name}.txt")
    _run(uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--no-deps", "-r", wanted)
    stamp.write_text(pins, encoding="utf-8")
    return folder / "bin"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        pytest.skip(f"{' '.join(command[:3])} failed: {said[-1]}")
