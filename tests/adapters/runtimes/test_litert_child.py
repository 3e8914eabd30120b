"""A `.litertlm` file served as a child: in a home of its own, loaded before anybody asks, and gone with whoever asked.

The program is a fake of a few lines; tests/programs has the real one.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.runtimes.litert_child import LitertFile, find_litert, litert_server
from pointsman.core.errors import ConfigError, RuntimeUnavailable

FAKE = f"""#!{sys.executable}
import http.server, json, os, sys
if "dies" in os.environ:
    sys.exit(7)
port = int(sys.argv[-1].removeprefix("--port="))
assert sys.argv[1:] == ["serve", "--api", "gemini", f"--port={{port}}"]

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        model = self.path.split("/")[-1].partition(":")[0]
        file = os.path.join(os.path.expanduser("~"), ".litert-lm", "models", model, "model.litertlm")
        is_whole = os.path.getsize(file) > 8
        self.send_response(200 if is_whole else 500)
        self.end_headers()
        self.wfile.write(json.dumps({{"pid": os.getpid()}}).encode())

http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def free_port() -> int:
    """A port that was free a moment ago."""
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        number: int = one.getsockname()[1]
        return number


@pytest.fixture
def environ(tmp_path: Path) -> Mapping[str, str]:
    """Where the fake program is found."""
    program = tmp_path / "bin" / "litert-lm"
    program.parent.mkdir()
    program.write_text(FAKE, encoding="utf-8")
    program.chmod(0o755)
    return {"PATH": str(program.parent)}


@pytest.fixture
def file(tmp_path: Path) -> LitertFile:
    """A file that looks like a model."""
    path = tmp_path / "tiny.litertlm"
    path.write_bytes(b"LITERTLM and more")
    return LitertFile(path=path, model="judge", port=free_port(), home=tmp_path / "home")


def pid_of(file: LitertFile) -> int:
    """The process that answers."""
    with closing(http.client.HTTPConnection("127.0.0.1", file.port, timeout=5)) as connection:
        connection.request("POST", "/v1beta/models/judge:generateContent", "{}")
        pid: int = json.loads(connection.getresponse().read())["pid"]
        return pid


@pytest.mark.skipif(sys.platform == "win32", reason="the fake program is a script with a first line")
def test_it_serves_and_ends(file: LitertFile, environ: Mapping[str, str]) -> None:
    """Twice: the link of the first time is no hindrance."""
    for _ in range(2):
        with litert_server(file, environ):
            pid = pid_of(file)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="the fake program is a script with a first line")
@pytest.mark.parametrize(
    ("content", "variables", "complaint"),
    [
        (b"GGUF", {}, "no LiteRT-LM model: it does not start with the letters LITERTLM"),
        (None, {}, "cannot be read: No such file or directory"),
        (b"LITERTLM", {}, r"LiteRT-LM could not load .*tiny.litertlm \(status 500\)"),
        (b"LITERTLM and more", {"dies": "1"}, "LiteRT-LM ended at once"),
    ],
)
def test_what_cannot_be_served_is_said(
    file: LitertFile, environ: Mapping[str, str], content: bytes | None, variables: Mapping[str, str], complaint: str
) -> None:
    """And nothing is left running."""
    if content is None:
        file.path.unlink()
    else:
        file.path.write_bytes(content)
    with (
        pytest.raises((ConfigError, RuntimeUnavailable), match=complaint),
        litert_server(file, {**environ, **variables}),
    ):
        pytest.fail("it does not get here")


def test_a_port_that_is_taken_is_said(file: LitertFile, environ: Mapping[str, str]) -> None:
    """With what to do."""
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        taken = replace(file, port=one.getsockname()[1])
        with pytest.raises(ConfigError, match=f"Port {taken.port} is taken"), litert_server(taken, environ):
            pytest.fail("it does not get here")


def test_a_home_that_cannot_be_made_is_said(file: LitertFile, environ: Mapping[str, str], tmp_path: Path) -> None:
    """Before anything is started."""
    (tmp_path / "home").write_text("a file")
    with pytest.raises(ConfigError, match="Not a directory"), litert_server(file, environ):
        pytest.fail("it does not get here")


def test_without_the_program_the_extra_is_named() -> None:
    """It is neither beside this Python nor on the path."""
    with pytest.raises(RuntimeUnavailable, match="LiteRT-LM, which is not installed") as caught:
        find_litert({"PATH": ""})
    assert caught.value.hint == 'Install it with: pip install "pointsman[litert]"'
