"""gemini-cli's `gemini gemma` with Pointsman as the program of its local runtime."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.adapters.runtimes.daemon import command_line
from pointsman.adapters.runtimes.demo.language import VOICES
from pointsman.adapters.runtimes.demo.maker import DemoRecipe, make_model
from pointsman.adapters.runtimes.demo.weights import Shape
from tests.programs import install as programs

pytestmark = [pytest.mark.programs, pytest.mark.timeout(300)]

POINTSMAN = Path(sys.executable).parent / "pointsman"
NAME = "gemma3-1b-gpu-custom"


def run(*words: str, folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """How a command ends, and all it says."""
    done = subprocess.run(
        words, cwd=folder, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_gemini_gemma_starts_sees_and_stops_us(tmp_path: Path) -> None:
    """`binaryPath` is all that is configured: status is red, start, status is green, stop, status is red."""
    home, folder = tmp_path / "home", tmp_path / "work"
    (home / ".gemini").mkdir(parents=True)
    folder.mkdir()
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    shape = Shape(width=256, layers=1, feed_forward=128)
    recipe = DemoRecipe(name="tiny", voice=VOICES["small"], shape=shape, context_tokens=2048)
    (tmp_path / "tiny.gguf").write_bytes(make_model(recipe))
    classifier = {"host": f"http://localhost:{port}", "model": NAME}
    router = {"enabled": True, "autoStartServer": False, "binaryPath": str(POINTSMAN), "classifier": classifier}
    settings = {"experimental": {"gemmaModelRouter": router}}
    (home / ".gemini" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    path = os.pathsep.join((str(programs.install(programs.GEMINI_CLI)), os.environ["PATH"]))
    env = {"HOME": str(home), "PATH": path, "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}

    def gemma(verb: str) -> tuple[int, str]:
        return run("gemini", "gemma", verb, folder=folder, env=env)

    code, said = gemma("status")
    assert (code, "Model:     ✗" in said) == (1, True), said
    setup = ("local", "setup", "--model", str(tmp_path / "tiny.gguf"), "--no-start")
    assert run(str(POINTSMAN), *setup, folder=folder, env=env)[0] == 0
    try:
        code, said = gemma("start")
        assert code == 0, said
        code, said = gemma("status")
        assert (code, said.count("✓"), said.count("✗")) == (0, 4, 0), said
        pid = json.loads((home / ".gemini" / "tmp" / "litert-server.pid").read_text(encoding="utf-8"))["pid"]
    finally:
        _, said = gemma("stop")
    assert f"Stopping LiteRT server (PID {pid})" in said
    assert command_line(pid) is None  # whether init has buried it within a second, which gemini-cli wants too, or not
    assert gemma("status")[0] == 1
