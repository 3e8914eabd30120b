"""A `.litertlm` file served by LiteRT-LM as a child of this process, with Gemini's API on loopback.

LiteRT-LM finds models in its user's home only, so the child gets a home of its own, with a link to the file in it. Its
server does not end with whoever started it; so it is started by a small process that waits for its standard input to
end: `python -m pointsman.adapters.runtimes.litert_child JSON`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pointsman.core.errors import ConfigError, RuntimeUnavailable

PROGRAM: Final = "litert-lm"
MAGIC: Final = b"LITERTLM"
READY_S: Final = 120.0
STOP_S: Final = 5.0
_HOST: Final = "127.0.0.1"
_POLL_S: Final = 0.1
_ASK: Final = json.dumps({"contents": [{"role": "user", "parts": [{"text": "Say OK."}]}]})


@dataclass(frozen=True, slots=True, kw_only=True)
class LitertFile:
    """A model file, what requests call it, the port of its server, and the folder that is its server's home."""

    path: Path
    model: str
    port: int
    home: Path


def check_litert_file(path: Path) -> None:
    """ConfigError when there is no LiteRT-LM model at *path*."""
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except OSError as error:
        message = f"The model file {path} cannot be read: {error.strerror or error}."
        raise ConfigError(message, hint="Check the model's path.") from error
    if head != MAGIC:
        message = f"The model file {path} is no LiteRT-LM model: it does not start with the letters LITERTLM."
        raise ConfigError(message, hint="Its name usually ends in .litertlm; a .gguf file needs no --runtime.")


def find_litert(environ: Mapping[str, str]) -> str:
    """The program; RuntimeUnavailable when it is neither beside this Python nor on the path."""
    places = os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", "")))
    found = shutil.which(PROGRAM, path=places)
    if found is None:
        message = "Serving a .litertlm file needs LiteRT-LM, which is not installed."
        raise RuntimeUnavailable(message, hint='Install it with: pip install "pointsman[litert]"')
    return found


@contextmanager
def litert_server(file: LitertFile, environ: Mapping[str, str]) -> Iterator[None]:
    """Serve *file* until the end of the context; the model is loaded when it begins.

    ConfigError: the file is none, or its port is taken. RuntimeUnavailable: LiteRT-LM is missing or refuses it.
    """
    check_litert_file(file.path)
    program = find_litert(environ)
    if _listens(file.port):
        raise ConfigError(f"Port {file.port} is taken.", hint="`pointsman local setup` with another --port moves it.")
    _link(file)
    arguments = [program, "serve", "--api", "gemini", f"--port={file.port}"]
    child = subprocess.Popen(
        [sys.executable, "-m", "pointsman.adapters.runtimes.litert_child", json.dumps(arguments)],
        stdin=subprocess.PIPE,
        env={**environ, "HOME": str(file.home), "USERPROFILE": str(file.home)},
        start_new_session=True,  # Ctrl-C is for us: we end it when its requests are over
    )
    try:
        _await(child, file)
        yield
    finally:
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(STOP_S * 2)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _link(file: LitertFile) -> None:
    """Put the file where LiteRT-LM looks for models, by the name that requests say."""
    place = file.home / ".litert-lm" / "models" / file.model / "model.litertlm"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(file.path.resolve())
    except OSError as error:
        message = f"{place}: {error.strerror or error}."
        raise ConfigError(message, hint="See to the folder's rights.") from error


def _await(child: subprocess.Popen[bytes], file: LitertFile) -> None:
    deadline, tick = time.monotonic() + READY_S, threading.Event()
    while not _listens(file.port):
        if child.poll() is not None:
            raise RuntimeUnavailable("LiteRT-LM ended at once.", hint="What it said stands above, or in the log.")
        if time.monotonic() > deadline:
            raise RuntimeUnavailable(f"LiteRT-LM was not ready within {READY_S:g} s.", hint="Look into its log.")
        tick.wait(_POLL_S)
    status = _ask(file, max(1.0, deadline - time.monotonic()))
    if status != http.client.OK:
        message = f"LiteRT-LM could not load {file.path} (status {status})."
        raise RuntimeUnavailable(message, hint="It may be damaged, or made for another version; its log says more.")


def _ask(file: LitertFile, within_s: float) -> int:
    """The status of a first answer, for which the model is loaded; 0 when there is none."""
    connection = http.client.HTTPConnection(_HOST, file.port, timeout=within_s)
    with closing(connection):
        try:
            path = f"/v1beta/models/{quote(file.model, safe='')}:generateContent"
            connection.request("POST", path, _ASK, {"content-type": "application/json"})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            return 0
        return response.status


def _listens(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as one:
        one.settimeout(_POLL_S)
        return one.connect_ex((_HOST, port)) == 0


def main(arguments: Sequence[str]) -> int:
    """Run *arguments* until standard input ends, or they do; the exit code."""
    child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=sys.stderr)

    def watch() -> None:
        code = child.wait()
        os._exit(code if code >= 0 else 1)  # the main thread stands in a read that nothing ends

    threading.Thread(target=watch, daemon=True).start()
    sys.stdin.buffer.read()
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(STOP_S)
        return 0
    child.kill()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
